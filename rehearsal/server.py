"""The one loopback port: every AWS service, and the rehearsal's own pages under /_rehearsal."""

import json
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from moto.core.exceptions import JsonRESTError, ServiceException
from moto.core.request import Request
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from rehearsal import composition
from rehearsal.access.guard import Guard
from rehearsal.access.propagation import propagating
from rehearsal.callers import Callers
from rehearsal.charts import proxy
from rehearsal.cloudformation import api as cloudformation
from rehearsal.cloudformation import custom
from rehearsal.faults import Fault
from rehearsal.functions import api as functions
from rehearsal.functions.deaths import Deaths
from rehearsal.functions.network import check_way
from rehearsal.functions.pool import Pool
from rehearsal.resources import PROVIDERS
from rehearsal.wire import answer, encoding, operation, scope
from rehearsal.wire.call import Call, Handler, Refused
from rehearsal.wire.emulator import Emulator
from rehearsal.wire.page import Page
from rehearsal.world import World

log = logging.getLogger(__name__)
WHOLE = (
    "cloudformation",
    "codebuild",
    "eks",
    "emr-containers",
)  # nothing of these is asked of the emulator, whose answers would be too kind


OF_CALLS = {
    "throttle": "service:Operation",
    "kill-before": "FUNCTION@service:Operation",
    "kill-after": "FUNCTION@service:Operation",
}


class Gateway:
    """The WSGI application: scope, operation, faults, caller, access, then an own handler or else the emulator."""

    def __init__(
        self,
        world: World,
        callers: Callers,
        emulator: Emulator,
        handlers: Mapping[str, Mapping[str, Handler]],
        refusals: Mapping[str, Callable[[Call], None]],
        pages: Mapping[str, Page],
        deaths: Deaths,
    ) -> None:
        self._world, self._handlers, self._refusals, self._pages = world, handlers, refusals, pages
        self._guard = Guard(world)
        self._callers = callers
        self._emulator, self._deaths = emulator, deaths

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401 - WSGI
        """Answer one request."""
        environ = encoding.decoded(environ)
        request = Request(environ)
        request.get_data()  # cached, because whoever reads a form first would leave nothing to the emulator
        if request.path.startswith("/_rehearsal/"):
            return self._page(request)(environ, start_response)
        return self._aws(request)(environ, start_response)

    def _page(self, request: Request) -> Response:
        name, _, rest = request.path.removeprefix("/_rehearsal/").partition("/")
        if name not in self._pages:
            return Response(f"no page {name}; there are {', '.join(sorted(self._pages))}\n", 404)
        try:
            content = self._pages[name](request, rest)
        except (LookupError, ValueError, TypeError) as error:
            return Response(f"{type(error).__name__}: {error}\n", 400)
        return Response(json.dumps(content, default=str), 200, content_type="application/json")

    def _aws(self, request: Request) -> Response:
        request_id = str(uuid.uuid4())
        service, protocol = "s3", "rest-xml"
        try:
            signed = scope.read(request)
            service = signed.service
            protocol = operation.protocol_of(service, request)
            matched = operation.match(service, protocol, request)
            return self._answer(request, signed, matched, request_id)
        except Refused as refused:
            return answer.refusal(refused, protocol, service, request_id)
        except (ServiceException, JsonRESTError) as error:  # the emulator's own, from a handler that calls it
            return answer.refusal(_of_emulator(error), protocol, service, request_id)
        except Exception as error:  # a defect of the rehearsal must be seen by the caller, and never as success
            log.exception("%s %s", request.method, request.path)
            broken = Refused("InternalFailure", f"the rehearsal broke: {type(error).__name__}: {error}", 500)
            return answer.refusal(broken, protocol, service, request_id)

    def _answer(self, request: Request, signed: scope.Scope, matched: operation.Matched, request_id: str) -> Response:
        principal = self._callers.principal(signed)
        if self._world.faults.strikes("throttle", f"{signed.service}:{matched.name}"):
            raise _throttled(matched.protocol)
        operation.check(matched)
        call = Call(
            service=signed.service,
            operation=matched.name,
            parameters=matched.parameters,
            principal=principal,
            access_key=signed.access_key,
            region=signed.region,
            account=self._world.account,
            request_id=request_id,
        )
        check_way(call)
        self._guard.check(call)
        if refuse := self._refusals.get(f"{signed.service}:{matched.name}"):
            refuse(call)
        with self._deaths.at(call), propagating(call, self._world):
            return self._carry_out(call, request, matched)

    def _carry_out(self, call: Call, request: Request, matched: operation.Matched) -> Response:
        handler = self._handlers.get(call.service, {}).get(call.operation)
        if handler:
            return answer.result(matched, handler(call), call.request_id)
        if call.service in WHOLE:
            raise Refused("UnknownOperationException", f"The rehearsal does not know {call.service}:{call.operation}")
        return self._emulator.call(call.service, call.operation, call.region, request.environ, request.get_data())


def _of_emulator(error: ServiceException | JsonRESTError) -> Refused:
    if isinstance(error, ServiceException):
        return Refused(str(error.code), str(error.message))
    return Refused(str(error.error_type), str(error.message), int(error.code or 400))


def _throttled(protocol: str) -> Refused:
    code = (
        "RequestLimitExceeded" if protocol == "ec2" else "Throttling" if protocol == "query" else "ThrottlingException"
    )
    return Refused(code, "Rate exceeded", 429 if protocol == "rest-json" else 400)


class _Quiet(MotoRequestHandler):  # type: ignore[misc]  # moto.server has no types
    disable_nagle_algorithm = True  # headers and body go out in two writes, which Nagle would hold back for 40 ms

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep the terminal for what the user asked to see."""


def serve(world: World) -> None:
    """Start answering on the world's port, and for chart repositories, in the background; `world.closing` ends both.

    Port 0 stands for any free one; the one that was found is then the world's.
    """
    proxy.serve(world)
    server = make_server("127.0.0.1", world.port, lambda *_: [], threaded=True, request_handler=_Quiet)
    world.port = server.server_port
    server.app = _compose(world)
    world.serve("port", server)


def _compose(world: World) -> Gateway:
    """Put the rooms of the rehearsal behind one gateway."""
    emulator, callers, pool = Emulator(world.account, world.port), Callers(world), Pool(world)
    own = composition.start(world, callers)
    handlers = {
        **own.operations,
        "cloudformation": cloudformation.operations(world, PROVIDERS),
        "lambda": functions.operations(world, pool),
    }
    deaths = Deaths(world, pool)
    return Gateway(world, callers, emulator, handlers, own.refusals, _pages(world, own, deaths), deaths)


def _check_target(kind: str, target: str) -> None:
    """Raise ValueError for a target that nothing can ever be."""
    if not target:
        raise ValueError("the target is empty: name what shall fail, or give * for any")
    if kind in OF_CALLS and target != "*":
        where = target.partition("@")[2] if OF_CALLS[kind].startswith("FUNCTION@") else target
        service, _, name = where.partition(":")
        if not operation.exists(service, name):
            raise ValueError(f"{target!r} is no operation: give {OF_CALLS[kind]} as boto3 names them, ssm:PutParameter")


def _pages(world: World, own: composition.Services, deaths: Deaths) -> dict[str, Page]:
    def faults(request: Request, _: str) -> dict[str, Any]:
        if request.method == "DELETE":
            world.faults.clear()
        if request.method == "POST":
            asked = request.get_json()
            _check_target(asked["kind"], asked["target"])
            world.faults.plant(Fault(asked["kind"], asked["target"], bool(asked.get("always"))))
        return {"planted": [asdict(fault) for fault in world.faults.planted]}

    def custom_resource(request: Request, token: str) -> dict[str, Any]:
        custom.receive(token, request.get_data())
        return {}

    return {"calls": deaths.page, "faults": faults, "custom-resource": custom_resource, **own.pages}
