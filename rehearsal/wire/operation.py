"""From an HTTP request to an operation of botocore's model with checked parameters."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.validate import ParamValidator
from moto.core.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from moto.core.parse import PROTOCOL_PARSERS, RequestDict, RequestParserError
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

from rehearsal.wire.call import Refused


@dataclass(frozen=True)
class Matched:
    """The operation that a request calls, its parameters, and the protocol that the answer is written in."""

    model: OperationModel
    protocol: str
    parameters: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of the operation, such as `CreateCluster`."""
        return str(self.model.name)


def protocol_of(service: str, request: Request) -> str:
    """Return the protocol a request is written in; refuse a service, or a protocol of it, that is not known."""
    try:
        return str(determine_request_protocol(get_service_model(service), request.content_type))
    except (NotImplementedError, UnknownServiceError) as error:
        raise _unknown(service, request) from error


def exists(service: str, name: str) -> bool:
    """Return whether a service, by botocore's name for it, has an operation of this name."""
    try:
        return name in get_service_model(service).operation_names
    except UnknownServiceError:
        return False


def match(service: str, protocol: str, request: Request) -> Matched:
    """Return the operation of `service` that `request` calls; refuse what the service's model does not know."""
    try:
        operation, in_path = get_service_router(service).match(request)
    except NotFound as error:
        raise _unknown(service, request) from error
    try:
        parameters = PROTOCOL_PARSERS[protocol](operation).parse(_parts(request, in_path))
    except (RequestParserError, ValueError, TypeError, AttributeError) as error:
        raise Refused("SerializationException", f"{service}:{operation.name} cannot be read: {error}") from error
    return Matched(
        operation, protocol, {name: value for name, value in parameters.items() if _is_given(operation, name, value)}
    )


def check(matched: Matched) -> None:
    """Refuse parameters that the operation's shape does not allow, in the words that AWS uses for it."""
    shape = matched.model.input_shape
    if shape is None or matched.model.service_model.service_name == "s3":  # S3 has codes of its own, moto knows them
        return
    report = ParamValidator().validate(matched.parameters, shape)
    problems = [report.generate_report()] if report.has_errors() else list(_violations(shape, matched.parameters, ""))
    if problems:
        code = "ValidationError" if matched.protocol in ("query", "ec2") else _validation_code(matched.model)
        raise Refused(
            code, f"{len(problems)} validation error{'s'[: len(problems) > 1]} detected: {'; '.join(problems)}"
        )


def _parts(request: Request, in_path: dict[str, Any]) -> RequestDict:
    return {
        "method": request.method,
        "values": request.values,
        "headers": request.headers,
        "body": request.get_data(),
        "url_path": request.path,
        "url_params": in_path,
    }


def _is_given(operation: OperationModel, name: str, value: Any) -> bool:  # noqa: ANN401 - a value from the wire
    """Return whether a parameter was sent: the parser makes an empty list of one that is not in the query string."""
    members = operation.input_shape.members if operation.input_shape else {}
    in_query = name in members and members[name].serialization.get("location") == "querystring"
    return value is not None and not (in_query and value == [])


def _unknown(service: str, request: Request) -> Refused:
    called = request.headers.get("X-Amz-Target") or request.values.get("Action") or f"{request.method} {request.path}"
    return Refused("UnknownOperationException", f"The rehearsal does not know {service}: {called}")


def _validation_code(model: OperationModel) -> str:
    """Return the code that this operation declares for a bad parameter, as services differ in it."""
    declared = [shape.name for shape in model.error_shapes]
    known = (
        "ValidationException",
        "InvalidParameterException",
        "InvalidParameterValueException",
        "InvalidRequestException",
    )
    return next((code for code in known if code in declared), "ValidationException")


def _violations(shape: Shape, value: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - a value from the wire
    """Yield the enums, patterns and maxima that botocore's own validation leaves to the service."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        for name in value.keys() & shape.members.keys():
            yield from _violations(shape.members[name], value[name], f"{path}.{name}".lstrip("."))
    elif isinstance(shape, ListShape):
        for item in value:
            yield from _violations(shape.member, item, f"{path}.member")
    elif isinstance(shape, MapShape) or not isinstance(value, str):
        return
    else:
        yield from _string_violations(shape, value, path)


def _string_violations(shape: Shape, value: str, path: str) -> Iterator[str]:
    limits = shape.metadata
    start = f"Value '{value}' at '{path}' failed to satisfy constraint: Member must"
    if limits.get("enum") and value not in limits["enum"]:
        yield f"{start} satisfy enum value set: [{', '.join(limits['enum'])}]"
    if len(value) > limits.get("max", len(value)):
        yield f"{start} have length less than or equal to {limits['max']}"
    pattern = _compiled(limits.get("pattern", ""))
    if pattern and not pattern.fullmatch(value):
        yield f"{start} satisfy regular expression pattern: {limits['pattern']}"


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Compile a pattern of the model, which is Java's; one that Python cannot read is left to the service."""
    try:
        return re.compile(pattern, re.DOTALL) if pattern else None
    except re.error:
        return None
