"""Step Functions: a state machine acts as its role and waits by the clock, where the emulator's does neither."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from botocore.config import Config
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.implementations.is_operator import (
    IsTimestamp,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from rehearsal.access.guard import Guard
from rehearsal.functions.credentials import session_keys
from rehearsal.wire.call import Call, Handler, Refused
from rehearsal.world import World

LONGEST_CALL = 1000.0  # wall seconds: a function may take 15 minutes


def refusals(guard: Guard) -> dict[str, Callable[[Call], None]]:
    """Return the checks that come before the emulator."""

    def check(call: Call) -> None:
        if missing := [*_missing_targets(json.loads(call.parameters.get("definition") or "{}"))]:
            raise Refused("InvalidDefinition", f"Invalid State Machine Definition: '{', '.join(missing)}'")
        role = call.parameters.get("roleArn")
        if role and not guard.service_may("states.amazonaws.com", "sts:AssumeRole", role, call, {}):
            message = (
                "Neither the global service principal states.amazonaws.com, nor the regional one is authorized "
                "to assume the provided role."
            )
            raise Refused("AccessDeniedException", message)

    return {"stepfunctions:CreateStateMachine": check, "stepfunctions:UpdateStateMachine": check}


def _missing_targets(machine: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield the transitions to states that are not there, which the emulator would find when it comes to them."""
    states = machine.get("States", {})
    targets = [(f"{path}/StartAt", machine.get("StartAt"))]
    for name, state in states.items():
        here = f"{path}/States/{name}"
        targets += [(f"{here}/{key}", state.get(key)) for key in ("Next", "Default")]
        each = [(key, number, part) for key in ("Choices", "Catch") for number, part in enumerate(state.get(key, []))]
        targets += [(f"{here}/{key}[{number}]/Next", part.get("Next")) for key, number, part in each]
        inner = [*state.get("Branches", []), state.get("ItemProcessor", {}), state.get("Iterator", {})]
        for part in inner:
            yield from _missing_targets(part, here)
    for place, target in targets:
        if target is not None and target not in states:
            yield f"MISSING_TRANSITION_TARGET: Missing '{place.rpartition('/')[2]}' target: {target} at {place}"


def operations() -> dict[str, Handler]:
    """Return the handlers of Step Functions; the rest is the emulator's."""
    return {
        "DescribeExecution": describe_execution,
        "StartExecution": start_execution,
        "StopExecution": stop_execution,
    }


def start_execution(call: Call) -> dict[str, Any]:
    """Start an execution under the name that is given, or one of its own, which the emulator forgets to make."""
    given = call.parameters
    backend = stepfunctions_parser_backends[call.account][call.region]
    started = backend.start_execution(
        given["stateMachineArn"], given.get("name") or call.request_id, given.get("input", "{}")
    )
    return {"executionArn": started.execution_arn, "startDate": started.start_date}


def stop_execution(call: Call) -> dict[str, Any]:
    """Stop an execution, also one that the emulator has not begun to carry out; one that has ended stays as it is."""
    execution = stepfunctions_parser_backends[call.account][call.region].describe_execution(
        call.parameters["executionArn"]
    )
    while execution.exec_worker.env is None:
        time.sleep(0.01)
    at = datetime.now(UTC)
    execution.stop(at, call.parameters.get("error"), call.parameters.get("cause"))
    return {"stopDate": execution.stop_date or at}


def describe_execution(call: Call) -> dict[str, Any]:
    """Return an execution with its output as JSON, also where that is a string, which the emulator leaves bare."""
    backend = stepfunctions_parser_backends[call.account][call.region]
    return dict(backend.describe_execution(call.parameters["executionArn"]).to_describe_output())


def wait_by_clock(world: World) -> None:
    """Have Wait states and the pauses of Retry pass as fast as the rehearsal's clock, and compare any moments."""
    IsTimestamp.string_to_timestamp = staticmethod(_moment)  # the emulator reads no fractions of seconds
    setattr(retrier_decl, "time", SimpleNamespace(sleep=world.clock.sleep))  # noqa: B010 - no name that it exports

    def wait(self: WaitFunction, env: Any, wait_seconds: float) -> None:  # noqa: ANN401, ARG001 - moto's
        world.clock.sleep(wait_seconds)

    WaitFunction._wait_interval = wait  # noqa: SLF001


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def act_as_roles(world: World) -> None:
    """Have the emulator's interpreter sign its calls as the role of the state machine that it runs."""

    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:  # noqa: ANN401, ARG001 - moto's
        key, secret, token = session_keys(world, state_credentials.role_arn, "states")
        config = Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=LONGEST_CALL)
        with world.clock.at_work():  # a second of a busy machine, many minutes of whoever waits for the execution
            return world.client(service, key, secret, token, config)

    for module in [boto_client, *sys.modules.values()]:
        if getattr(module, "__name__", "").startswith("moto.stepfunctions.") and hasattr(module, "boto_client_for"):
            setattr(module, "boto_client_for", client_for)  # noqa: B010 - the module may be any
