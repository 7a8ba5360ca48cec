"""Job runs of a team as a test tells them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.operations.fake_aws import FakeAws, missing_stack, refuses

START = datetime(2026, 11, 15, 10, 0, tzinfo=UTC)
TEAM = "emr-ml-team-a"
ARGUMENTS = ["run", "--device", "cuda", "--input", "s3://data/a/in", "--output", "s3://data/a/output/first"]


def record(run_id: str, state: str, minutes: int = 0, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - DescribeJobRun's
    monitoring = {"cloudWatchMonitoringConfiguration": {"logGroupName": "/emr/a", "logStreamNamePrefix": "loans"}}
    return {
        "id": run_id,
        "name": "loans",
        "virtualClusterId": "vc1",
        "arn": "arn:aws:emr-containers:us-west-2:111122223333:/virtualclusters/vc1/jobruns/r",
        "state": state,
        "createdAt": START + timedelta(minutes=minutes),
        "createdBy": "me",
        "clientToken": "t",
        "executionRoleArn": "arn:aws:iam::111122223333:role/team-a",
        "releaseLabel": "emr-7.13.0-spark-rapids-20260410",
        "jobDriver": {"sparkSubmitJobDriver": {"entryPoint": "s3://data/a/x.py", "entryPointArguments": ARGUMENTS}},
        "configurationOverrides": {"monitoringConfiguration": monitoring},
        "retryPolicyConfiguration": {"maxAttempts": 2},
        "tags": {"of-the-stack": "yes"},
        **more,
    }


@dataclass
class Emr:
    """A virtual cluster's runs; `started` is what StartJobRun was asked."""

    runs: dict[str, dict[str, Any]]
    started: list[dict[str, Any]] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    described_times: int = 0
    ends_after: int = 0  # so many lists, what is cancelled has ended
    later: list[str] = field(default_factory=list)  # states that the runs get, one with each DescribeJobRun

    def aws(self) -> FakeAws:
        cluster = {"id": "vc1", "containerProvider": {"info": {"eksInfo": {"namespace": TEAM}}}}
        other = {"id": "vc0", "containerProvider": {"info": {"eksInfo": {"namespace": "emr-ml-team-b"}}}}
        return FakeAws(
            {
                "emr-containers.ListVirtualClusters": {"virtualClusters": [other, cluster]},
                "emr-containers.ListJobRuns": self.listed,
                "emr-containers.DescribeJobRun": self.described,
                "emr-containers.StartJobRun": self.start,
                "emr-containers.CancelJobRun": self.cancel,
                "cloudformation.DescribeStacks": missing_stack,
                "s3.ListObjectsV2": refuses("AccessDenied"),  # who may start a run need not be allowed to read its data
            }
        )

    def listed(self, asked: dict[str, Any]) -> Mapping[str, Any]:
        if asked["virtualClusterId"] == "vc0":
            return {"jobRuns": []}
        assert asked["virtualClusterId"] == "vc1"
        self._pass()
        states = asked.get("states") or [run["state"] for run in self.runs.values()]
        return {"jobRuns": [run for run in self.runs.values() if run["state"] in states]}

    def _pass(self) -> None:
        self.ends_after -= bool(self.cancelled)
        for each in self.cancelled if self.ends_after <= 0 else ():
            self.runs[each]["state"] = "CANCELLED"

    def described(self, asked: dict[str, Any]) -> Mapping[str, Any]:
        if asked["id"] not in self.runs:
            return dict(refuses("ResourceNotFoundException")({}))  # type: ignore[operator] # it is a function
        run = self.runs[asked["id"]]
        self.described_times += 1
        if self.later:
            run["state"] = self.later.pop(0)
        return {"jobRun": dict(run)}

    def start(self, asked: dict[str, Any]) -> Mapping[str, Any]:
        self.started.append(asked)
        self.runs["new"] = record("new", "PENDING", 60)
        return {"id": "new"}

    def cancel(self, asked: dict[str, Any]) -> Mapping[str, Any]:
        if self.runs[asked["id"]]["state"] in ("COMPLETED", "FAILED", "CANCELLED"):
            return dict(refuses("ValidationException", "not in a cancellable state")({}))  # type: ignore[operator]
        self.cancelled.append(asked["id"])
        self.runs[asked["id"]]["state"] = "CANCEL_PENDING"
        return {"id": asked["id"]}


PLACE = "loans/vc1/jobs/now/containers"
STREAMS = (
    f"{PLACE}/spark-now/spark-now-driver/stdout",
    f"{PLACE}/spark-now/spark-now-driver/stderr",
    f"{PLACE}/spark-now/loans-driver-exec-1/stdout",
    f"{PLACE}/now-abcde/stdout",
)


@dataclass
class Logs:
    """A log group in whose streams there is one line more each time that somebody asks for a run."""

    emr: Emr

    def aws(self) -> FakeAws:
        aws = self.emr.aws()
        aws.answers["logs.DescribeLogStreams"] = self.streams
        aws.answers["logs.FilterLogEvents"] = self.events
        return aws

    def streams(self, asked: dict[str, Any]) -> Mapping[str, Any]:
        assert asked["logGroupName"] == "/emr/a"
        return {"logStreams": [{"logStreamName": s} for s in STREAMS if s.startswith(asked["logStreamNamePrefix"])]}

    def events(self, asked: dict[str, Any]) -> Mapping[str, Any]:
        found = [
            {"eventId": f"{stream}{n}", "timestamp": 1000 * n, "message": f"{stream.removeprefix(PLACE)} line {n}"}
            for n in range(1, self.emr.described_times + 1)
            for stream in asked["logStreamNames"]
        ]
        return {"events": found}


Run = Callable[..., tuple[int, str, str]]
