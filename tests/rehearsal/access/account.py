"""An account whose IAM is filled directly, and calls made in it without a port."""

import json
from typing import Any

from moto.iam.models import iam_backends

from rehearsal.access.guard import Guard
from rehearsal.wire.call import Call, Principal
from rehearsal.world import ACCOUNT, World


class Account:
    """One role and whatever else a test makes; `attempt` makes a call as the role."""

    @staticmethod
    def policy(*statements: dict[str, Any]) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

    @staticmethod
    def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:  # noqa: ANN401
        return {"Effect": "Allow", "Action": action, "Resource": resource, **more}

    @staticmethod
    def deny(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:  # noqa: ANN401
        return {"Effect": "Deny", "Action": action, "Resource": resource, **more}

    def trust(self, **principal: str) -> str:
        return self.policy({"Effect": "Allow", "Principal": principal, "Action": ["sts:AssumeRole", "sts:TagSession"]})

    def __init__(self, world: World) -> None:
        self.world, self.guard = world, Guard(world)
        self.iam = iam_backends[ACCOUNT]["aws"]
        self.admin = Principal(f"arn:aws:iam::{ACCOUNT}:user/admin")
        self.role = Principal(f"arn:aws:sts::{ACCOUNT}:assumed-role/Worker/session", "Worker")
        self.make_role("Worker")

    def make_role(self, name: str, trusted: str = "", path: str = "/", boundary: str | None = None) -> str:
        document = trusted or self.trust(Service="lambda.amazonaws.com")
        tags = [{"Key": "team", "Value": "blue"}]
        return str(self.iam.create_role(name, document, path, boundary, "", tags, "3600").arn)

    def grant(self, *statements: dict[str, Any]) -> None:
        self.iam.put_role_policy("Worker", "own", self.policy(*statements))

    def call(
        self, service: str, operation: str, parameters: dict[str, Any], principal: Principal | None = None
    ) -> Call:
        return Call(service, operation, parameters, principal or self.role, "key", "us-west-2", ACCOUNT, "request")

    def attempt(self, service: str, operation: str, **parameters: Any) -> None:  # noqa: ANN401
        self.guard.check(self.call(service, operation, parameters))
