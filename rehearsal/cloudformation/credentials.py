"""Whose permissions a stack operation uses: its service role's, or else the caller's own."""

import threading
from collections.abc import Callable
from typing import Any

from moto.sts.models import AssumedRole, sts_backends

from rehearsal.access.guard import Guard
from rehearsal.wire.call import Call, Refused
from rehearsal.world import ADMIN_KEY, World

Clients = Callable[[str], Any]  # service name -> boto3 client
SERVICE = "cloudformation.amazonaws.com"
VALID_FOR = 43_200  # seconds; CloudFormation renews its sessions, no stack operation here outlives this


def of_caller(world: World, call: Call) -> Clients:
    """Return clients that act as whoever called."""
    if call.access_key == ADMIN_KEY:
        return cached(world.client)
    sessions = sts_backends[world.account]["aws"].assumed_roles
    return _as_session(world, next(found for found in sessions if found.access_key_id == call.access_key))


def of_role(world: World, call: Call, role_arn: str) -> Clients:
    """Return clients that act as a stack's service role, which must trust CloudFormation."""
    if not Guard(world).service_may(SERVICE, "sts:AssumeRole", role_arn, call, {}):
        raise Refused("ValidationError", f"Role {role_arn} is invalid or cannot be assumed")
    session = sts_backends[world.account]["aws"].assume_role(
        region_name=world.region, role_session_name="AWSCloudFormation", role_arn=role_arn, policy="",
        duration=VALID_FOR, external_id="",
    )  # fmt: skip
    return _as_session(world, session)


def _as_session(world: World, session: AssumedRole) -> Clients:
    keys = (session.access_key_id, session.secret_access_key, session.session_token)
    return cached(lambda service: world.client(service, *keys))


def cached(make: Callable[[str], Any]) -> Clients:
    """Return `make` with one client per service: boto3's sessions must not make clients in two threads at once."""
    clients: dict[str, Any] = {}
    lock = threading.Lock()

    def client(service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        with lock:
            if service not in clients:
                clients[service] = make(service)
            return clients[service]

    return client
