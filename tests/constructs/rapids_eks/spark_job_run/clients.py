"""Clients in memory with something around each of their calls: boto3's own checks, or the end of the process."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.validate import ParamValidator

# Is handed the operation, as boto3's methods are named, its parameters, and what makes the call; returns the answer.
Around = Callable[[str, Mapping[str, Any], Callable[[], Any]], Any]


@dataclass(frozen=True)
class Client:
    """A client whose calls are made by `around`."""

    real: Any
    around: Around

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - boto3's own
        found = getattr(self.real, name)
        if name == "exceptions":
            return found
        if name == "get_paginator":
            return lambda operation: Pages(found(operation), operation, self.around)
        return lambda **given: self.around(name, given, lambda: found(**given))


@dataclass(frozen=True)
class Pages:
    """Pages, all of which are one call."""

    real: Any
    operation: str
    around: Around

    def paginate(self, **given: Any) -> Iterator[Any]:  # noqa: ANN401 - boto3's own
        yield from self.around(self.operation, given, lambda: list(self.real.paginate(**given)))


def checking(real: object, service: str) -> Client:
    """Return a client behind the checks of the real one: names of operations and parameters are those of AWS."""
    return Client(real, partial(_check, service))


def _check(service: str, operation: str, given: Mapping[str, Any], work: Callable[[], Any]) -> Any:  # noqa: ANN401 - an answer of AWS
    checked(service, operation, given)
    return work()


def checked(service: str, operation: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters of a call that boto3 would send."""
    sent = dict(given)
    if isinstance(source := sent.get("CopySource"), dict):  # boto3 takes it apart before it checks
        sent["CopySource"] = "{Bucket}/{Key}".format(**source)
    report = ParamValidator().validate(sent, _shapes(service)[operation])
    assert not report.has_errors(), f"{operation}: {report.generate_report()}"
    return given


@cache
def _shapes(service: str) -> Mapping[str, Any]:
    model = botocore.session.get_session().get_service_model(service)
    return {xform_name(name): model.operation_model(name).input_shape for name in model.operation_names}
