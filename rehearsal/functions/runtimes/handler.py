"""Serves one Python handler: reads events from one pipe, writes results to another, as Lambda's runtime does.

Started by path, without site-packages: the handler sees its own code, its layers and the SDK, nothing of the rehearsal.
"""

import ctypes
import http.client
import importlib
import json
import logging
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, BinaryIO
from urllib.parse import urlsplit

Handler = Callable[[Any, Any], Any]


class _RequestId(logging.Filter):
    """Puts the request's id on every record, for the format that Lambda gives its log lines."""

    current = ""

    def filter(self, record: logging.LogRecord) -> bool:
        record.aws_request_id = self.current
        return True


def serve(events: BinaryIO, results: BinaryIO) -> None:
    """Load the handler once, then answer one event per line until the pipe closes."""
    request_id = _logging()
    handler: Handler | None = None
    for line in events:
        invocation = json.loads(line)
        request_id.current = invocation["requestId"]
        try:
            handler = handler or _load(os.environ["_HANDLER"])
            answer: dict[str, Any] = {"result": _marshal(handler(invocation["event"], _context(invocation)))}
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is its answer
            described = _described(error, invocation["requestId"])
            answer = {"error": described}
            sys.stdout.write(f"[ERROR] {described['errorType']}: {described['errorMessage']}\n")
            sys.stdout.write("".join(described["stackTrace"]))
        sys.stdout.write(f"\0{invocation['requestId']}\n")
        sys.stdout.flush()
        results.write(json.dumps(answer).encode() + b"\n")
        results.flush()


def _logging() -> _RequestId:
    request_id = _RequestId()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s")
    )
    handler.formatter.converter = time.gmtime  # type: ignore[union-attr]
    handler.formatter.default_time_format = "%Y-%m-%dT%H:%M:%S"  # type: ignore[union-attr]
    handler.formatter.default_msec_format = ""  # type: ignore[union-attr]
    handler.addFilter(request_id)
    logging.getLogger().addHandler(handler)
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL")
    if level:
        logging.getLogger().setLevel({"TRACE": "DEBUG", "WARN": "WARNING", "FATAL": "CRITICAL"}.get(level, level))
    return request_id


class _InitError(Exception):
    """The handler cannot be loaded; `kind` is Lambda's name for why."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def _load(name: str) -> Handler:
    module_name, _, function = name.rpartition(".")
    if not module_name:
        raise _InitError("Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise _InitError("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        raise _InitError("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}") from error
    if not hasattr(module, function):
        raise _InitError("Runtime.HandlerNotFound", f"Handler '{function}' missing on module '{module_name}'")
    return getattr(module, function)  # type: ignore[no-any-return]


def _marshal(result: object) -> str:
    try:
        return json.dumps(result)
    except (TypeError, ValueError) as error:
        raise _InitError("Runtime.MarshalError", f"Unable to marshal response: {error}") from error


def _described(error: Exception, request_id: str) -> dict[str, Any]:
    kind = error.kind if isinstance(error, _InitError) else type(error).__name__
    frames = [] if isinstance(error, _InitError) else traceback.format_tb(error.__traceback__)[1:]
    return {"errorMessage": str(error), "errorType": kind, "requestId": request_id, "stackTrace": frames}


def _context(invocation: dict[str, Any]) -> SimpleNamespace:
    given, environment = invocation["context"], os.environ
    ends = time.monotonic() + given["timeout"]
    return SimpleNamespace(
        aws_request_id=invocation["requestId"],
        invoked_function_arn=given["arn"],
        function_name=environment["AWS_LAMBDA_FUNCTION_NAME"],
        function_version=environment["AWS_LAMBDA_FUNCTION_VERSION"],
        memory_limit_in_mb=environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
        log_group_name=environment["AWS_LAMBDA_LOG_GROUP_NAME"],
        log_stream_name=environment["AWS_LAMBDA_LOG_STREAM_NAME"],
        client_context=None,
        identity=None,
        get_remaining_time_in_millis=lambda: max(0, int((ends - time.monotonic()) * 1000)),
    )


def redirect_responses(port: int) -> None:
    """Send what goes to CloudFormation's response bucket to the rehearsal instead, whichever library sends it."""
    import urllib3.connection  # noqa: PLC0415 - Lambda has it, but not this file's reader

    for kind in (http.client.HTTPSConnection, urllib3.connection.HTTPSConnection):
        _redirect(kind, port)


def _redirect(kind: Any, port: int) -> None:  # noqa: ANN401 - two classes that share no typed ancestor
    connect, putrequest = kind.connect, kind.putrequest

    def local_connect(self: Any) -> None:  # noqa: ANN401 - the same
        if not _ours(self.host):
            connect(self)
            return
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.is_verified = True  # urllib3 warns otherwise

    def local_putrequest(self: Any, method: str, url: str, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the same
        path = urlsplit(url)
        target = f"/_rehearsal/custom-resource{path.path}" if _ours(self.host) else url
        putrequest(self, method, target, *args, **options)

    kind.connect, kind.putrequest = local_connect, local_putrequest


def _ours(host: str) -> bool:
    return host.startswith("cloudformation-custom-resource-response-")


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: never outlive the rehearsal
    sys.path[:0] = sys.argv[3].split(os.pathsep)
    redirect_responses(urlsplit(os.environ["AWS_ENDPOINT_URL"]).port or 80)
    descriptors = [int(number) for number in sys.argv[1:3]]
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - its only parameter
    serve(os.fdopen(descriptors[0], "rb"), os.fdopen(descriptors[1], "wb"))
