"""Lambda's operations that run code or that the emulator gets wrong; the records themselves are the emulator's."""

import base64
import json
from collections.abc import Callable
from typing import Any, TypeVar

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import EventInvokeConfig, LambdaBackend, LambdaFunction, lambda_backends
from moto.s3.models import s3_backends

from rehearsal.access.guard import Guard
from rehearsal.functions.invocations import Event, Invocations
from rehearsal.functions.limits import check_archives, check_settings
from rehearsal.functions.network import check_role
from rehearsal.functions.pool import Pool, archives
from rehearsal.wire.call import Call, Handler, Refused
from rehearsal.world import World

T = TypeVar("T")
_LARGEST_REQUEST = {"RequestResponse": 6 * 2**20, "Event": 2**20, "DryRun": 6 * 2**20}
# Settings that moto's UpdateFunctionConfiguration passes over, and the attributes that hold them
_DROPPED = {"KMSKeyArn": "kms_key_arn", "LoggingConfig": "logging_config", "TracingConfig": "tracing_config"}
_CREATION = 3  # seconds that a new function stays Pending


class Functions:
    """The handlers, bound to one world."""

    def __init__(self, world: World, pool: Pool) -> None:
        """Start with no environment; the first invocation makes one."""
        self._world, self._guard = world, Guard(world)
        self._invocations = Invocations(world, pool)

    def invoke(self, call: Call) -> dict[str, Any]:
        """Invoke: RequestResponse, Event or DryRun."""
        kind = call.parameters.get("InvocationType", "RequestResponse")
        event = self._event(call, kind)
        if event.function.state == "Pending":
            state = "The function is currently in the following state: Pending"
            raise Refused("ResourceConflictException", f"The operation cannot be performed at this time. {state}", 409)
        if kind == "DryRun":
            return {"StatusCode": 204}
        self._trusted(call, event.function.role, "AccessDeniedException")
        if kind == "Event":
            self._invocations.later(event)
            return {"StatusCode": 202, "Payload": b""}
        outcome, tail = self._invocations.run(event)
        answer: dict[str, Any] = {
            "StatusCode": 200,
            "ExecutedVersion": str(event.function.version),
            "Payload": outcome.payload,
        }
        if outcome.failed:
            answer["FunctionError"] = "Unhandled"
        return answer | ({"LogResult": tail} if call.parameters.get("LogType") == "Tail" else {})

    def create(self, call: Call) -> dict[str, Any]:
        """CreateFunction: makes all of Lambda's checks, keeps the LoggingConfig, and takes its time."""
        given = dict(call.parameters)
        check_settings(given)
        self._trusted(call, given["Role"], "InvalidParameterValueException")
        check_role(self._world, given["Role"], given.get("VpcConfig", {}).get("SubnetIds", []))
        backend = _backend(call)
        name = given["FunctionName"].rsplit(":", 1)[-1]
        if any(function.function_name == name for function in backend.list_functions()):
            raise Refused("ResourceConflictException", f"Function already exist: {name}", 409)
        _refuse_missing(call, given["Code"])
        given["Code"] = _as_sent(given["Code"])
        made = _asked(lambda: backend.create_function(given))
        try:
            check_archives(made.code_bytes, archives(made))
        except Refused:
            backend.delete_function(name)
            raise
        made.logging_config = given.get("LoggingConfig")
        made.state = "Pending"
        self._world.in_background(f"lambda-create-{name}", lambda: self._activate(made))
        return self._described(made, created=True)

    def _activate(self, made: LambdaFunction) -> None:
        self._world.clock.sleep(_CREATION)
        made.state = "Active"

    def configure(self, call: Call) -> dict[str, Any]:
        """UpdateFunctionConfiguration: the same checks, and what moto would drop."""
        function = _function(call)
        given = {name: value for name, value in call.parameters.items() if name not in ("RevisionId",)}
        check_settings(given)
        if "Role" in given:
            self._trusted(call, given["Role"], "InvalidParameterValueException")
        inside: dict[str, Any] = given.get("VpcConfig", function.vpc_config) or {}
        check_role(self._world, given.get("Role", function.role), inside.get("SubnetIds", []))
        _asked(lambda: function.update_configuration(given))
        for name, attribute in _DROPPED.items():
            if name in given:
                setattr(function, attribute, given[name])
        if "EphemeralStorage" in given:
            function.ephemeral_storage = given["EphemeralStorage"]["Size"]
        return self._described(function)

    def configuration(self, call: Call) -> dict[str, Any]:
        """GetFunctionConfiguration."""
        return self._described(_function(call))

    def function(self, call: Call) -> dict[str, Any]:
        """GetFunction."""
        function = _function(call)
        return {**function.get_code(), "Configuration": self._described(function)}

    def put_event_config(self, call: Call) -> dict[str, Any]:
        """PutFunctionEventInvokeConfig: replaces what there was, to which moto only adds."""
        function = _function(call)
        config = {name: value for name, value in call.parameters.items() if name not in ("FunctionName", "Qualifier")}
        made = _asked(lambda: EventInvokeConfig(function.function_arn, function.last_modified, config))
        function.event_invoke_config = [made]
        answer: dict[str, Any] = made.response()
        return answer

    def _event(self, call: Call, kind: str) -> Event:
        payload = call.parameters.get("Payload") or b"{}"
        if hasattr(payload, "read"):
            payload = payload.read()
        if len(payload) > _LARGEST_REQUEST[kind]:
            raise Refused(
                "RequestEntityTooLargeException",
                f"Request must be smaller than {_LARGEST_REQUEST[kind]} bytes for the InvokeFunction operation",
                413,
            )
        try:
            json.loads(payload)
        except ValueError as error:
            raise Refused(
                "InvalidRequestContentException", f"Could not parse request body into json: {error}"
            ) from error
        function = _function(call)
        text = payload if isinstance(payload, str) else payload.decode()
        return Event(function, text, call.request_id, function.function_arn)

    def _trusted(self, call: Call, role: str, code: str) -> None:
        if not self._guard.service_may("lambda.amazonaws.com", "sts:AssumeRole", role, call, {}):
            raise Refused(code, "The role defined for the function cannot be assumed by Lambda.", 400)

    def _described(self, function: LambdaFunction, *, created: bool = False) -> dict[str, Any]:
        default = {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{function.function_name}"}
        logging = {**default, **(getattr(function, "logging_config", None) or {})}
        return {**function.get_configuration(on_create=created), "LoggingConfig": logging}


def operations(world: World, pool: Pool) -> dict[str, Handler]:
    """Return the handlers of Lambda; the rest is the emulator's."""
    functions = Functions(world, pool)
    return {
        "CreateFunction": functions.create,
        "GetFunction": functions.function,
        "GetFunctionConfiguration": functions.configuration,
        "Invoke": functions.invoke,
        "PutFunctionEventInvokeConfig": functions.put_event_config,
        "UpdateFunctionConfiguration": functions.configure,
        "UpdateFunctionEventInvokeConfig": functions.put_event_config,
    }


def _backend(call: Call) -> LambdaBackend:
    return lambda_backends[call.account][call.region]


def _function(call: Call) -> LambdaFunction:
    name = call.parameters["FunctionName"]
    return _asked(lambda: _backend(call).get_function(name, call.parameters.get("Qualifier")))


def _asked(ask: Callable[[], T]) -> T:
    """Ask moto; what it refuses is refused here in the same words."""
    try:
        return ask()
    except LambdaClientError as error:
        raise Refused(str(error.error_type), str(error.message), int(error.code)) from error
    except ValueError as error:  # moto says so of a missing S3 object, with code and message as its two arguments
        raise Refused(str(error.args[0]), str(error.args[-1])) from error


def _refuse_missing(call: Call, code: dict[str, Any]) -> None:
    """Refuse code whose object is not in its bucket, of which moto makes a function without code."""
    bucket = s3_backends[call.account]["aws"].buckets.get(code.get("S3Bucket"))
    if bucket and code["S3Key"] not in bucket.keys:
        error = "S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."
        raise Refused("InvalidParameterValueException", f"Error occurred while GetObject. {error}")


def _as_sent(code: dict[str, Any]) -> dict[str, Any]:
    """Return the code as it went over the wire, which is how moto takes it."""
    archive = code.get("ZipFile")
    return {**code, "ZipFile": base64.b64encode(archive).decode()} if isinstance(archive, bytes) else code
