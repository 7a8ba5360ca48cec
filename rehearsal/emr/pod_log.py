"""What a container prints, sent to CloudWatch Logs and S3 as its sidecar does, with the role's permissions.

https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/emr-eks-jobs-cloudwatch.html and emr-eks-jobs-s3.html
"""

import gzip
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from botocore.exceptions import BotoCoreError, ClientError

from rehearsal.emr.job import Job
from rehearsal.emr.s3_objects import parts
from rehearsal.world import World

Stream = Literal["stdout", "stderr"]
Keys = tuple[str, str, str]  # key id, secret, token
BATCH = 1000  # lines in one PutLogEvents
LONGEST = 100_000  # characters in one event


@dataclass
class PodLog:
    """The two streams of one container; `container` is its place below the run's `containers`."""

    world: World
    job: Job
    container: str
    keys: Keys
    _lines: dict[Stream, list[str]] = field(default_factory=lambda: {"stdout": [], "stderr": []})
    _waiting: list[tuple[Stream, str, int]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _made: set[str] = field(default_factory=set)

    def write(self, stream: Stream, line: str) -> None:
        """Add one line."""
        with self._lock:
            self._lines[stream].append(line)
            # the wall's time: CloudWatch refuses what is hours ahead of it
            self._waiting.append((stream, line[:LONGEST] or " ", int(time.time() * 1000)))

    def lines(self, stream: Stream) -> list[str]:
        """Return what was written to a stream so far."""
        return list(self._lines[stream])

    def flush(self) -> None:
        """Send what is new to CloudWatch; what may not be written is lost, and the job does not fail for it."""
        with self._lock:
            new, self._waiting = self._waiting, []
        if not self.job.monitoring.log_group or not new:
            return
        with suppress(ClientError, BotoCoreError):
            for stream in sorted({each[0] for each in new}):
                events = [{"timestamp": at, "message": line} for name, line, at in new if name == stream]
                self._put(stream, events)

    def close(self) -> None:
        """Send the rest, and both streams to S3 where that was asked for."""
        self.flush()
        if not self.job.monitoring.log_uri:
            return
        bucket, prefix = parts(self.job.monitoring.log_uri)
        s3 = self.world.client("s3", *self.keys)
        for stream, lines in self._lines.items():
            key = "/".join(filter(None, (prefix.strip("/"), self._place, f"{stream}.gz")))
            with suppress(ClientError, BotoCoreError):
                s3.put_object(Bucket=bucket, Key=key, Body=gzip.compress("".join(f"{x}\n" for x in lines).encode()))

    @property
    def _place(self) -> str:
        return f"{self.job.virtual_cluster_id}/jobs/{self.job.run_id}/containers/{self.container}"

    def _put(self, stream: Stream, events: list[dict[str, object]]) -> None:
        logs = self.world.client("logs", *self.keys)
        prefix = self.job.monitoring.stream_prefix
        name = "/".join(filter(None, (prefix, self._place, stream)))
        names = {"logGroupName": self.job.monitoring.log_group, "logStreamName": name}
        if name not in self._made:
            with suppress(logs.exceptions.ResourceAlreadyExistsException):
                logs.create_log_stream(**names)
            self._made.add(name)
        for start in range(0, len(events), BATCH):
            logs.put_log_events(**names, logEvents=events[start : start + BATCH])
