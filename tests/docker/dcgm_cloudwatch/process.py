"""The exporter as a process of its own, as it runs in a pod or under systemd."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.docker.dcgm_cloudwatch.cloudwatch_port import CloudWatchPort

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "docker" / "dcgm-cloudwatch"
PATIENCE = 240.0  # wall seconds; on an idle machine nothing here takes a tenth of it


@dataclass
class Exporter:
    """Starts exporters with one environment; `end` leaves none behind."""

    environment: dict[str, str]
    folder: Path
    processes: list[subprocess.Popen[bytes]]

    @classmethod
    def of(cls, folder: Path, prometheus: str, cloudwatch: CloudWatchPort, **settings: str) -> "Exporter":
        """Return an exporter of cluster `c` between the two, with fake credentials and its watermark in `folder`."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": str(PACKAGE),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_ENDPOINT_URL": cloudwatch.url,
            "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE000000000",
            "AWS_SECRET_ACCESS_KEY": "fake",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_REGION": "us-west-2",
            "CLUSTER_NAME": "c",
            "PROMETHEUS_URL": prometheus,
            "WATERMARK": f"file:{folder}/watermark.json",
            "LISTEN": "127.0.0.1:0",
            "BACKLOG_REQUESTS": "500",
            **settings,
        }
        return cls(environment, folder, [])

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start it in the background; what it says goes to `log`."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "dcgm_cloudwatch", *(arguments or ("run",))]
            process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, cwd=self.folder)
        self.processes.append(process)
        return process

    def done(self, *arguments: str) -> int:
        """Run it to its end, and return its status."""
        return self.start(*arguments).wait(PATIENCE)

    @property
    def log(self) -> Path:
        """What it has said."""
        return self.folder / "log"

    def end(self) -> None:
        """Kill what still runs."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()


def wait_until(holds: Callable[[], object], what: str) -> None:
    """Wait for something to come about."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"{what} has not come about in {PATIENCE:g} s"
        time.sleep(0.05)
