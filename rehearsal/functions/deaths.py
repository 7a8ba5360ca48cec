"""What functions call of AWS, and their end at one of these calls."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from moto.core.request import Request

from rehearsal.functions.pool import Pool
from rehearsal.wire.call import Call, Refused
from rehearsal.world import World

# Lambda writes what a function has printed with the function's credentials, when the event is over
_LOGGING = ("CreateLogGroup", "CreateLogStream", "PutLogEvents")


class Deaths:
    """Kills functions at their calls as the faults `kill-before` and `kill-after` say, and knows what was called."""

    def __init__(self, world: World, pool: Pool) -> None:
        """Start with no call made."""
        self._world, self._pool = world, pool
        self._called: dict[str, None] = {}
        self._lock = threading.Lock()

    def page(self, request: Request, _: str) -> dict[str, list[str]]:
        """Return what functions have called, `FUNCTION@service:Operation`, in their order; DELETE forgets it."""
        with self._lock:
            if request.method == "DELETE":
                self._called.clear()
            return {"calls": list(self._called)}

    @contextmanager
    def at(self, call: Call) -> Iterator[None]:
        """Carry out a call; where its function dies, that is before anybody could answer it."""
        environment = self._pool.at_work(call.access_key)
        if environment is None or (call.service == "logs" and call.operation in _LOGGING):
            yield
            return
        place = f"{environment.setup.variables['AWS_LAMBDA_FUNCTION_NAME']}@{call.service}:{call.operation}"
        with self._lock:
            self._called.setdefault(place)
        if self._world.faults.strikes("kill-before", place):
            environment.kill()
            raise Refused("InternalFailure", f"The function was killed before {call.operation}", 500)
        try:
            yield
        finally:  # a refusal is an answer, too
            if self._world.faults.strikes("kill-after", place):
                environment.kill()
