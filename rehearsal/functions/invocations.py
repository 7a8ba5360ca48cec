"""Invoking a function: at once, or later with retries."""

import base64
import json
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from moto.awslambda.models import LambdaFunction

from rehearsal.functions.destinations import send
from rehearsal.functions.environment import Outcome
from rehearsal.functions.log_writer import LogWriter
from rehearsal.functions.pool import Pool
from rehearsal.wire.call import Refused
from rehearsal.world import World

_RETRY_DELAYS = (60, 120)  # seconds before the second and the third attempt of an asynchronous invocation
_THROTTLE_DELAY = 60  # seconds until a throttled asynchronous event is tried again
_TAIL = 4096  # bytes of log that LogType=Tail returns
_LARGEST_RESPONSE = 6 * 2**20


@dataclass(frozen=True)
class Event:
    """One event for one function: the payload is JSON text."""

    function: LambdaFunction
    payload: str
    request_id: str
    arn: str  # as it was invoked, with its qualifier


class Invocations:
    """Runs events in the pool's environments and keeps their logs."""

    def __init__(self, world: World, pool: Pool) -> None:
        """Start with nothing running."""
        self._world = world
        self._pool, self.logs = pool, LogWriter(world)
        self._running: dict[str, int] = {}
        self._lock = threading.Lock()

    def run(self, event: Event) -> tuple[Outcome, str]:
        """Run an event once; return what came of it and the log's tail in base64."""
        self._admit(event.function)
        try:
            with self._world.clock.at_work():
                outcome = self._run(event)
        finally:
            with self._lock:
                self._running[event.function.function_arn] -= 1
        return outcome, base64.b64encode("\n".join(outcome.lines).encode()[-_TAIL:]).decode()

    def later(self, event: Event) -> None:
        """Run an event in the background, twice more if it fails, and tell the destination what came of it."""
        self._world.in_background(f"lambda-{event.function.function_name}", lambda: self._attempts(event))

    def _admit(self, function: LambdaFunction) -> None:
        """Count the event in, unless the function's reserved concurrency is used up."""
        with self._lock:
            running, reserved = self._running.get(function.function_arn, 0), function.reserved_concurrency
            if reserved is not None and running >= int(reserved):
                raise Refused("TooManyRequestsException", "Rate Exceeded.", 429)
            self._running[function.function_arn] = running + 1

    def _run(self, event: Event) -> Outcome:
        function = event.function
        environment = self._pool.take(function)
        try:
            if self._world.faults.strikes("kill-function", function.function_name):
                threading.Timer(0.2, environment.kill).start()
            context = {"arn": event.arn, "timeout": int(function.timeout)}
            outcome = environment.invoke(event.payload, context, event.request_id, float(function.timeout))
        finally:
            self._pool.give_back(function, environment)
        outcome = _limited(outcome)
        outcome.lines.extend([f"END RequestId: {event.request_id}", _report(event, outcome)])
        self.logs.write(environment.setup.variables, outcome.lines)
        return outcome

    def _attempts(self, event: Event) -> None:
        config = _event_invoke_config(event.function)
        outcome = self._unthrottled(event)
        for delay in _RETRY_DELAYS[: config.get("MaximumRetryAttempts", len(_RETRY_DELAYS))]:
            if outcome is None or not outcome.failed:
                break
            self._world.clock.sleep(delay)
            outcome = self._unthrottled(event)
        if outcome is not None:
            self._tell(config, event, outcome)

    def _unthrottled(self, event: Event) -> Outcome | None:
        """Run an event as soon as it is not throttled; None when the rehearsal ends or the function is gone."""
        while not self._world.stopped.is_set():
            try:
                return self.run(event)[0]
            except Refused as refused:
                if refused.code != "TooManyRequestsException":
                    return None
                self._world.clock.sleep(_THROTTLE_DELAY)
        return None

    def _tell(self, config: Mapping[str, Any], event: Event, outcome: Outcome) -> None:
        kind, condition = ("OnFailure", "RetriesExhausted") if outcome.failed else ("OnSuccess", "Success")
        arn = config.get("DestinationConfig", {}).get(kind, {}).get("Destination")
        if not arn:
            return
        record = {
            "version": "1.0",
            "requestContext": {"requestId": event.request_id, "functionArn": event.arn, "condition": condition},
            "requestPayload": json.loads(event.payload),
            "responsePayload": json.loads(outcome.payload),
        }
        send(self._world, event.function, arn, json.dumps(record))


def _event_invoke_config(function: LambdaFunction) -> dict[str, Any]:
    configs = function.event_invoke_config
    return configs[0].config if configs else {}


def _limited(outcome: Outcome) -> Outcome:
    size = len(outcome.payload)
    if size <= _LARGEST_RESPONSE:
        return outcome
    message = f"Response payload size ({size} bytes) exceeded maximum allowed payload size ({_LARGEST_RESPONSE} bytes)."
    error = {"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}
    return replace(outcome, payload=json.dumps(error).encode(), failed=True)


def _report(event: Event, outcome: Outcome) -> str:
    milliseconds = outcome.duration * 1000
    return (
        f"REPORT RequestId: {event.request_id}\tDuration: {milliseconds:.2f} ms\t"
        f"Billed Duration: {math.ceil(milliseconds)} ms\tMemory Size: {event.function.memory_size} MB\t"
        f"Max Memory Used: {outcome.memory} MB"
    )
