"""Sends data to CloudWatch, again where that may help; what it refuses for good is set aside, datum by datum."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from dcgm_cloudwatch.batch import Batch, member
from dcgm_cloudwatch.counters import Counters
from dcgm_cloudwatch.errors import meaning
from dcgm_cloudwatch.translate import Datum

log = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds
LONGEST_IF_THROTTLED = 0.5  # one sender is far below any quota; longer, it would fall behind its own minutes
ANSWER_BY = 20.0  # seconds that a request may take


class HeldError(Exception):
    """CloudWatch has not taken a batch for so long that something else comes first; nothing is lost."""


class RefusedError(Exception):
    """CloudWatch will never take a batch as it is."""


def client(region: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return a client with credentials read anew, which leaves sending again to us."""
    import boto3  # noqa: PLC0415 - a command that needs no AWS does without it
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        retries={"total_max_attempts": 1},
        connect_timeout=5,
        read_timeout=ANSWER_BY,
        max_pool_connections=1,
        parameter_validation=False,  # CloudWatch does the same, and it is a third of the work
    )
    return boto3.session.Session(region_name=region or None).client("cloudwatch", config=config)


@dataclass
class Publisher:
    """Sends to one namespace. `wait` is handed seconds and returns whether the exporter is to end."""

    namespace: str
    resolution: int
    counters: Counters
    make: Callable[[], Any]
    wait: Callable[[float], bool]
    _client: Any = field(default=None)

    def send(self, batch: Batch, patience: float) -> None:
        """Send a batch until it is acknowledged.

        Raises HeldError after `patience` seconds without success, and RefusedError where there will be none.
        """
        deadline, pause = time.monotonic() + patience, FIRST_PAUSE
        while error := self.attempt(batch):
            if meaning(error) == "permanent":
                raise RefusedError(str(error)) from error
            log.warning("CloudWatch has not taken %d data: %s", len(batch), error)
            if time.monotonic() >= deadline or self.wait(random.uniform(0, pause)):  # noqa: S311 - jitter is no secret
                raise HeldError(str(error)) from error
            longest = LONGEST_IF_THROTTLED if meaning(error) == "throttled" else LONGEST_PAUSE
            pause = min(2 * pause, longest)
            self.counters.add("Retries")
        self.counters.add("DatumsSent", len(batch))

    def set_aside(self, datum: Datum, why: RefusedError, harmless: Datum, patience: float) -> None:
        """Count a refused datum as bad, if CloudWatch takes a harmless one at the same moment.

        Raises HeldError where it does not: it is not the datum's fault, then, or cannot be told yet.
        """
        try:
            self.send((harmless,), patience)
        except RefusedError as refused:
            self._client = None
            raise HeldError(f"CloudWatch takes nothing at all: {refused}") from refused
        self.counters.add("DatumsQuarantined")
        log.error("CloudWatch refuses %s of %s for good: %s", datum.name, dict(datum.dimensions), why)

    def attempt(self, batch: Iterable[Datum]) -> Exception | None:
        """Send a batch once; return what came in the way."""
        self.counters.alive()
        try:
            self._client = self._client or self.make()
            data = [member(datum, self.resolution) for datum in batch]
            self._client.put_metric_data(Namespace=self.namespace, MetricData=data)
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the exporter
            why = meaning(error)
            if why == "throttled":
                self.counters.add("ThrottledRequests")
            if why == "credentials":
                self._client = None  # the next one reads the credentials anew
            return error
        return None

    def protocol(self) -> str:
        """Return which of CloudWatch's protocols the SDK speaks, which decides how large a request is."""
        try:
            self._client = self._client or self.make()
            model = self._client.meta.service_model
            return str(getattr(model, "resolved_protocol", None) or model.metadata.get("protocol", "query"))
        except Exception:  # noqa: BLE001 - the largest one is safe
            return "query"
