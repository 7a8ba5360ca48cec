"""Clients whose calls are those that AWS knows: names of operations and parameters as boto3 would check them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.validate import ParamValidator


@dataclass(frozen=True)
class Checked:
    """A client in memory behind the checks of the real one."""

    real: Any
    service: str

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - boto3's own
        found = getattr(self.real, name)
        if name == "exceptions":
            return found
        if name == "get_paginator":
            return lambda operation: Pages(found(operation), self.service, operation)
        return lambda **given: found(**checked(self.service, name, given))


@dataclass(frozen=True)
class Pages:
    """Pages in memory behind the checks of the real ones."""

    real: Any
    service: str
    operation: str

    def paginate(self, **given: Any) -> Iterator[Any]:  # noqa: ANN401 - boto3's own
        yield from self.real.paginate(**checked(self.service, self.operation, given))


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
