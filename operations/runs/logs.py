"""What a run's containers print, from the team's log group."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from operations.account import Clients
from operations.errors import OperationError

Part = Literal["driver", "executors", "submitter"]
Say = Callable[[str], None]
MOST_STREAMS = 100  # that one call can read


@dataclass
class RunLog:
    """The lines of a run's containers, in the order of time, each told once.

    EMR names a stream `PREFIX/VIRTUAL CLUSTER/jobs/RUN/containers/APPLICATION/POD/stdout`:
    https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/emr-eks-jobs-cloudwatch.html
    """

    client: Clients
    run: Mapping[str, Any]
    part: Part = "driver"
    outputs: Sequence[str] = ("stdout", "stderr")
    _told: set[str] = field(default_factory=set)
    _since: int = 0

    @property
    def group(self) -> str:
        """The log group that the run writes to; raises OperationError where it writes to none."""
        name = self._monitoring.get("logGroupName")
        if not name:
            raise OperationError(f"the run {self.run['id']} was started without a log group: look into its S3 logs")
        return str(name)

    @property
    def has_group(self) -> bool:
        """Whether the run writes to CloudWatch at all."""
        return "logGroupName" in self._monitoring

    @property
    def prefix(self) -> str:
        """With what the names of all of the run's streams begin."""
        place = f"{self.run['virtualClusterId']}/jobs/{self.run['id']}/containers/"
        return "/".join(filter(None, (self._monitoring.get("logStreamNamePrefix"), place)))

    def new(self) -> Iterator[str]:
        """Yield the lines that have come since the last time."""
        streams = self._streams()
        for start in range(0, len(streams), MOST_STREAMS):
            for event in self._events(streams[start : start + MOST_STREAMS]):
                if event["eventId"] not in self._told:
                    self._told.add(event["eventId"])
                    self._since = max(self._since, event["timestamp"])
                    yield str(event["message"]).rstrip("\n")

    def follow(self, say: Say, ended: Callable[[], bool], every: float) -> None:
        """Say each line as it comes, until the run has ended; look `every` so many seconds."""
        last = False
        while not last:
            last = ended()
            for line in self.new():
                say(line)
            if not last:
                time.sleep(every)

    @property
    def _monitoring(self) -> Mapping[str, str]:
        given = self.run.get("configurationOverrides", {}).get("monitoringConfiguration", {})
        found: Mapping[str, str] = given.get("cloudWatchMonitoringConfiguration", {})
        return found

    def _streams(self) -> list[str]:
        logs = self.client("logs")
        pages = logs.get_paginator("describe_log_streams")
        try:
            found = [
                stream["logStreamName"]
                for page in pages.paginate(logGroupName=self.group, logStreamNamePrefix=self.prefix)
                for stream in page["logStreams"]
            ]
        except logs.exceptions.ResourceNotFoundException:
            raise OperationError(f"the log group {self.group} is gone, with what was in it") from None
        return [name for name in found if self._is_wanted(name.removeprefix(self.prefix))]

    def _is_wanted(self, place: str) -> bool:
        """Say whether a stream is of the wanted part, by the name of its pod: Spark's ends in -driver or -exec-N."""
        pod, _, output = place.rpartition("/")
        kind = "driver" if pod.endswith("-driver") else "executors" if "-exec-" in pod else "submitter"
        return kind == self.part and output in self.outputs

    def _events(self, streams: list[str]) -> Iterator[Mapping[str, Any]]:
        # CloudWatch may show a line late: what is a minute old is asked for again, and told once
        since = max(0, self._since - 60_000)
        pages = self.client("logs").get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=self.group, logStreamNames=streams, startTime=since):
            yield from page["events"]
