"""One call of an AWS API as handlers see it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Principal:
    """Who calls: `arn` as GetCallerIdentity answers it, and the role behind it, None for the account's own user."""

    arn: str
    role: str | None = None  # the role's name, without its path


@dataclass(frozen=True)
class Call:
    """One request: botocore's service name (`eks`), operation (`CreateCluster`) and parameters, already validated."""

    service: str
    operation: str
    parameters: dict[str, Any]
    principal: Principal
    access_key: str
    region: str
    account: str
    request_id: str


class Refused(Exception):  # noqa: N818 - an answer, as AWS words it, not a defect
    """An error answer of AWS: its code, its message, its HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


Handler = Callable[[Call], dict[str, Any]]  # returns the output members of the operation, raises Refused
