"""A real Prometheus on loopback, started from a configuration, and questions to it."""

import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from rehearsal.prometheus.build import programs

START_TIMEOUT = 60.0  # wall seconds; it takes 0.3 on an idle machine
# Any free port; and targets are looked up as soon as the configuration is read, not five seconds later
OPTIONS = ("--web.listen-address=127.0.0.1:0", "--scrape.discovery-reload-interval=100ms")
LISTENING = re.compile(r'msg="Listening on" .*address=(127\.0\.0\.1:\d+)')
# The shell ends the program when its own input ends, so none is left behind by a process that was killed. It does not
# ask: Prometheus would try for a minute to write the rest to a receiver that has gone.
GUARD = '"$@" & child=$!; read -r _; kill -9 "$child"; wait "$child"'


class PrometheusError(Exception):
    """Prometheus or promtool failed, or refused a question; the message holds its own words."""


@dataclass(frozen=True)
class Series:
    """One series of an answer: its labels, and its samples as (seconds since the epoch, value)."""

    labels: Mapping[str, str]
    samples: Sequence[tuple[float, float]]

    @property
    def value(self) -> float:
        """The newest sample's value."""
        return self.samples[-1][1]


@dataclass
class Prometheus:
    """One running Prometheus; `stop()` ends it, and it ends by itself when this process does."""

    url: str
    directory: Path
    process: subprocess.Popen[bytes]

    @classmethod
    def start(
        cls,
        directory: Path,
        config: Mapping[str, Any],
        *,
        history: str = "",
        flags: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> "Prometheus":
        """Start Prometheus with its files below `directory` and return it when it answers.

        `config` is the configuration file as a mapping. `history` is OpenMetrics text with timestamps, ending in
        `# EOF`, that its database begins with. `flags` are added to its command line, `environment` to PATH and HOME.
        Raises BuildError where the program is not built, PrometheusError where it ends or 60 s pass.
        """
        directory.mkdir(parents=True, exist_ok=True)
        data = directory / "data"
        if history:
            backfill(directory, history, data)
        path = directory / "prometheus.yaml"
        path.write_text(yaml.safe_dump(dict(config)))
        options = (f"--config.file={path}", f"--storage.tsdb.path={data}", *OPTIONS, *flags)
        surroundings = {"PATH": os.defpath, "HOME": str(directory), **(environment or {})}
        log = directory / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own program
                ["/bin/sh", "-c", GUARD, "sh", str(programs().prometheus), *options],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=surroundings,
            )
        try:
            return cls(_address(process, log), directory, process)
        except BaseException:
            _end(process)
            raise

    def stop(self) -> None:
        """End it at once; its database stays below its directory."""
        _end(self.process)

    @property
    def log(self) -> str:
        """What it has said so far."""
        return (self.directory / "log").read_text(errors="replace")

    def query(self, expression: str, at: float | None = None) -> list[Series]:
        """Return what the expression is now, or `at` seconds since the epoch; a scalar is a series without labels."""
        answer = self.api("query", {"query": expression} | ({"time": str(at)} if at is not None else {}))
        if answer["resultType"] in ("scalar", "string"):
            return [Series({}, (_sample(answer["result"]),))]
        return [_series(each) for each in answer["result"]]

    def query_range(self, expression: str, start: float, end: float, step: float) -> list[Series]:
        """Return the expression at each `step` seconds from `start` to `end`, as a dashboard's panel asks."""
        asked = {"query": expression, "start": str(start), "end": str(end), "step": str(step)}
        return [_series(each) for each in self.api("query_range", asked)["result"]]

    def api(self, path: str, asked: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Return the `data` of `/api/v1/<path>`; raise PrometheusError with the reason of a refusal."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(asked or {})}"
        try:
            with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - our own loopback address
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            with refused:
                raise PrometheusError(
                    f"{path} {dict(asked or {})}: {refused.read().decode(errors='replace')}"
                ) from None

    def wait(self, holds: Callable[[], object], timeout: float = 60.0) -> None:
        """Wait until `holds()`; raise PrometheusError with the end of the log when `timeout` seconds have passed."""
        deadline = time.monotonic() + timeout
        while not holds():
            if time.monotonic() > deadline:
                raise PrometheusError(f"what was waited for {timeout:g} s did not come about: {self.log[-2000:]}")
            time.sleep(0.05)


def promtool(*arguments: str | Path) -> str:
    """Run promtool and return what it says; raise PrometheusError with that where it fails."""
    command = [str(programs().promtool), *map(str, arguments)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    said = finished.stdout + finished.stderr
    if finished.returncode:
        raise PrometheusError(f"`promtool {' '.join(map(str, arguments))}` failed: {said}")
    return said


def backfill(directory: Path, history: str, data: Path) -> None:
    """Make database blocks in `data` of OpenMetrics text; `directory` is for scratch files."""
    text = directory / "history.txt"
    text.write_text(history)
    promtool("tsdb", "create-blocks-from", "openmetrics", "--quiet", text, data)
    shutil.rmtree(data / "wal", ignore_errors=True)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Return the address once it answers there."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        found = LISTENING.search(log.read_text(errors="replace"))
        if found and _ready(f"http://{found[1]}"):
            return f"http://{found[1]}"
        if not _runs(process):
            break
        time.sleep(0.02)
    raise PrometheusError(f"Prometheus did not start: {log.read_text(errors='replace')[-3000:]}")


def _runs(process: subprocess.Popen[bytes]) -> bool:
    """Tell whether the program runs below its shell, which is given a moment to start it."""
    shell = psutil.Process(process.pid)
    alive = [child for child in shell.children() if child.status() != psutil.STATUS_ZOMBIE]
    return bool(alive) or time.time() - shell.create_time() < 1


def _ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=5):  # noqa: S310 - our own loopback address
            return True
    except OSError:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
    process.wait()


def _sample(pair: Sequence[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


def _series(found: Mapping[str, Any]) -> Series:
    pairs = found.get("values") or [found["value"]]
    return Series(found["metric"], tuple(_sample(pair) for pair in pairs))
