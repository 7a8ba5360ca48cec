"""The loop: what comes next, for as long as nobody asks it to end."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dcgm_cloudwatch.counters import Counters
from dcgm_cloudwatch.exporter import Exporter
from dcgm_cloudwatch.instances import InstanceError, Instances
from dcgm_cloudwatch.kubernetes import Api, ConfigMapStore
from dcgm_cloudwatch.prometheus import Prometheus, PrometheusError
from dcgm_cloudwatch.publish import HeldError, Publisher, client
from dcgm_cloudwatch.serve import notify, start, watch
from dcgm_cloudwatch.settings import Settings, SettingsError
from dcgm_cloudwatch.watermark import ClockError, FileStore, OtherWriterError, Store, StoreError

log = logging.getLogger(__name__)
LOOK_EVERY = 2.0  # seconds between two looks at Prometheus' clock while there is nothing to do
LONGEST_PAUSE = 15.0  # seconds after failures in a row
MINUTE = 60.0
FLUSH = 10.0  # seconds that ending may take
FAILURES = (PrometheusError, InstanceError, StoreError, HeldError, ClockError)  # after which everything is tried again


@dataclass
class Ending:
    """Asked to end by a signal: what is in flight has some seconds, and nothing new is begun."""

    asked: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float) -> bool:
        """Wait; return whether the exporter is to end."""
        return self.asked.wait(seconds)

    def listen(self) -> None:
        """Let SIGTERM and SIGINT ask, and end the process for good where that is not enough."""

        def ask(*_: object) -> None:
            if not self.asked.is_set():
                self.asked.set()
                timer = threading.Timer(FLUSH, os._exit, (0,))  # what is not acknowledged is sent again
                timer.daemon = True
                timer.start()

        signal.signal(signal.SIGTERM, ask)
        signal.signal(signal.SIGINT, ask)


def store_of(settings: Settings, api: Api | None) -> Store:
    """Return where the watermark is kept. Raises SettingsError where that is a ConfigMap and there is no API."""
    kind, _, place = settings.watermark.partition(":")
    if kind == "file":
        return FileStore(Path(place))
    if api is None:
        raise SettingsError(
            f"WATERMARK={settings.watermark}: this is no pod: give file:/path, or KUBERNETES_URL of `kubectl proxy`"
        )
    namespace, _, name = place.rpartition("/")
    return ConfigMapStore(api, namespace or api.namespace, name)


def exporter_of(settings: Settings, wait: Callable[[float], bool]) -> Exporter:
    """Put an exporter together. Raises SettingsError."""
    api = Api.of_pod(os.environ, settings.kubernetes)
    counters, prometheus = Counters(), Prometheus(settings.prometheus)
    publisher = Publisher(settings.namespace, settings.resolution, counters, lambda: client(settings.region), wait)
    instances = Instances(prometheus, api)
    return Exporter(settings, prometheus, instances, publisher, store_of(settings, api), counters, wait)


def run(settings: Settings) -> int:
    """Deliver until a signal comes; return 0 then, 1 where another exporter does the same work."""
    ending = Ending()
    ending.listen()
    exporter = exporter_of(settings, ending.wait)
    server = start(settings.listen, exporter.counters)
    log.info("pages on %s:%d, metrics to %s", *server.server_address[:2], settings.namespace)
    notify("READY=1")
    threading.Thread(target=watch, args=(exporter.counters, ending), name="watchdog", daemon=True).start()
    try:
        loop(exporter, ending)
    except OtherWriterError as error:
        log.critical("%s", error)
        return 1
    finally:
        notify("STOPPING=1")
        server.shutdown()
    return 0


def loop(exporter: Exporter, ending: Ending) -> None:
    """Do what comes next, again and again; failures make it wait, never end."""
    pause, told = LOOK_EVERY, float("-inf")
    while not ending.asked.is_set():
        exporter.counters.alive()
        try:
            again = step(exporter)
            pause = 0.0 if again else LOOK_EVERY
        except FAILURES as error:
            log.warning("%s", error)
            exporter.late()
            pause = min(max(2 * pause, 1.0), LONGEST_PAUSE)
        if time.monotonic() - told >= MINUTE and not ending.asked.is_set():
            exporter.tell()
            told = time.monotonic()
        ending.wait(pause)


def step(exporter: Exporter) -> bool:
    """Deliver one window; return whether there was one."""
    following = exporter.next(exporter.now())
    if following is None:
        return False
    window, newest = following
    exporter.deliver(window, newest=newest)
    return True


def once(settings: Settings) -> int:
    """Deliver everything that is due, and end; return 1 where something came in the way."""
    never = threading.Event()
    exporter = exporter_of(settings, never.wait)
    try:
        while step(exporter):
            pass
    except (*FAILURES, OtherWriterError) as error:
        log.error("%s", error)  # noqa: TRY400 - one sentence, no trace
        return 1
    exporter.tell()
    return 0
