"""AWS as the handler of a run sees it, in memory: EMR's runs, a bucket, requests of CloudFormation that overlap."""

import copy
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from rapids_eks.spark_job_run.handler import index
from rapids_eks.spark_job_run.handler.submission import Clients

CLUSTER, BUCKET = "0abc", "data"
ENDED = ("COMPLETED", "FAILED", "CANCELLED")
REQUEST = {
    "name": "loans",
    "virtualClusterId": CLUSTER,
    "jobDriver": {"sparkSubmitJobDriver": {"entryPoint": f"s3://{BUCKET}/scripts/{{run}}/__main__.py"}},
    "configurationOverrides": {
        "monitoringConfiguration": {
            "cloudWatchMonitoringConfiguration": {"logGroupName": "/logs/team-a", "logStreamNamePrefix": "loans"}
        }
    },
}
PROPERTIES: dict[str, Any] = {
    "Request": json.dumps(REQUEST),
    "Resource": "arn:stack/1/0abc",
    "Package": {"Bucket": "assets", "Key": "0a.zip", "Name": "package.zip"},
    "Files": json.dumps({"__main__.py": "print()"}),
    "Input": f"s3://{BUCKET}/input",
    "Scripts": f"s3://{BUCKET}/scripts/{{run}}",
    "Output": f"s3://{BUCKET}/output/{{run}}",
    "MostRows": "1000",
    "Quotas": json.dumps({"vcpus": 8, "codes": ["L-1"], "why": "1 executor"}),
    "Wait": "wait",
    "OnFailure": "fail",
}
METRICS = {"roc_auc": 0.875, "funnel": {"read": 215}}
INPUT = {"input/2020Q1.csv": b"|loan|012020|\n"}


def refused(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


class MissingError(ClientError):  # type: ignore[misc] # botocore has no types
    """What EMR and Service Quotas raise for what they do not know."""


def missing(what: str) -> MissingError:
    return MissingError(
        {"Error": {"Code": "ResourceNotFoundException", "Message": f"{what} doesn't exist."}}, "Operation"
    )


@dataclass(frozen=True)
class Pages:
    """One page of a list, whatever is asked for."""

    page: Any

    def paginate(self, **given: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - boto3's own
        yield self.page(**given)


@dataclass
class Emr:
    """Runs of one virtual cluster, the oldest first; `started` counts what StartJobRun was asked for anew."""

    now: datetime = datetime(2025, 1, 1, tzinfo=UTC)
    records: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    gone: bool = False  # the virtual cluster
    refuses: ClientError | None = None  # what StartJobRun answers
    late: bool = False  # what has just been started is not listed before time has passed
    unlisted: list[str] = field(default_factory=list)
    exceptions = SimpleNamespace(ResourceNotFoundException=MissingError)

    def start_job_run(self, **given: Any) -> dict[str, str]:  # noqa: ANN401
        self.calls.append("start")
        if self.refuses:
            raise self.refuses
        for known in self.records:
            if known["clientToken"] == given["clientToken"]:
                assert {name: known[name] for name in given} == given, "one token, two requests"
                return {"id": known["id"]}
        self.now += timedelta(seconds=1)
        made = {**given, "id": str(len(self.records)), "state": "PENDING", "createdAt": self.now}
        self.records.append(made)
        self.unlisted += [made["id"]] if self.late else []
        return {"id": made["id"]}

    def describe_job_run(self, **given: str) -> dict[str, Any]:
        return {"jobRun": dict(self._known(given))}

    def cancel_job_run(self, **given: str) -> None:
        self.calls.append("cancel")
        found = self._known(given)
        if found["state"] in ENDED:
            raise refused("ValidationException", f"Job run {found['id']} is not in a cancellable state")
        found["state"] = "CANCEL_PENDING"

    def get_paginator(self, name: str) -> Pages:
        assert name == "list_job_runs"
        return Pages(self._listed)

    def _listed(self, **given: Any) -> dict[str, Any]:  # noqa: ANN401
        if self.gone:
            raise refused("ValidationException", f"Virtual cluster {CLUSTER} doesn't exist.")
        assert given["virtualClusterId"] == CLUSTER
        chosen = [
            {name: value for name, value in each.items() if name != "tags"}  # a list need not tell them
            for each in reversed(self.records)
            if each["id"] not in self.unlisted
            and each["state"] in given.get("states", (each["state"],))
            and each["name"] == given.get("name", each["name"])
        ]
        return {"jobRuns": chosen}

    def _known(self, given: dict[str, str]) -> dict[str, Any]:
        found = next((each for each in self.records if each["id"] == given["id"]), None)
        if found is None or self.gone:
            raise missing(f"Job run {given['id']}")
        return found

    def becomes(self, record: dict[str, Any], state: str, details: str = "") -> None:
        """Let a run be in a state."""
        record["state"] = state
        if state in ENDED:
            record |= {"finishedAt": record["createdAt"] + timedelta(minutes=12)}
        if state == "FAILED":
            record |= {"failureReason": "USER_ERROR", "stateDetails": details or "Jobrun failed."}

    def live(self) -> list[dict[str, Any]]:
        return [each for each in self.records if each["state"] not in ENDED]


@dataclass
class S3:
    """Objects of all buckets by their keys."""

    objects: dict[str, bytes] = field(default_factory=lambda: dict(INPUT))
    written: list[str] = field(default_factory=list)

    def list_objects_v2(self, *, Bucket: str, Prefix: str) -> dict[str, Any]:  # noqa: N803 - boto3's own
        assert Bucket == BUCKET
        found = [{"Key": key, "Size": len(body)} for key, body in self.objects.items() if key.startswith(Prefix)]
        return {"Contents": found} if found else {}

    def get_paginator(self, name: str) -> Pages:
        return Pages(getattr(self, name))

    def get_object(self, *, Bucket: str, Key: str, Range: str = "") -> dict[str, Any]:  # noqa: N803, ARG002
        return {"Body": io.BytesIO(self.objects[Key])}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803, ARG002
        self.objects[Key] = Body
        self.written.append(Key)

    def copy_object(self, *, Bucket: str, Key: str, CopySource: dict[str, str], TaggingDirective: str) -> None:  # noqa: N803
        assert (Bucket, CopySource, TaggingDirective) == (BUCKET, {"Bucket": "assets", "Key": "0a.zip"}, "REPLACE")
        self.objects[Key] = b"zip"
        self.written.append(Key)


@dataclass
class Logs:
    """One log group: streams with their lines."""

    streams: dict[str, list[str]] = field(default_factory=dict)
    refuses: ClientError | None = None

    def get_paginator(self, name: str) -> Pages:
        assert name == "describe_log_streams"
        return Pages(self._named)

    def _named(self, logGroupName: str, logStreamNamePrefix: str) -> dict[str, Any]:  # noqa: N803, ARG002
        if self.refuses:
            raise self.refuses
        return {"logStreams": [{"logStreamName": s} for s in self.streams if s.startswith(logStreamNamePrefix)]}

    def get_log_events(self, logGroupName: str, logStreamName: str, limit: int) -> dict[str, Any]:  # noqa: N803, ARG002
        return {"events": [{"message": line} for line in self.streams[logStreamName][-limit:]]}


@dataclass
class Quotas:
    """One value for every quota; a negative one is not known."""

    value: float = 64.0
    exceptions = SimpleNamespace(NoSuchResourceException=MissingError)

    def get_service_quota(self, ServiceCode: str, QuotaCode: str) -> dict[str, Any]:  # noqa: N803
        assert ServiceCode == "ec2"
        if self.value < 0:
            raise missing(QuotaCode)
        return {"Quota": {"Value": self.value}}


@dataclass
class Machine:
    """Executions that are under way, each with its time."""

    running: dict[str, int] = field(default_factory=dict)

    def get_paginator(self, name: str) -> Pages:
        assert name == "list_executions"
        return Pages(self._running)

    def _running(self, stateMachineArn: str, statusFilter: str) -> dict[str, Any]:  # noqa: N803
        assert (stateMachineArn, statusFilter) == ("machine", "RUNNING")
        found = sorted(self.running.items(), key=lambda each: -each[1])
        return {"executions": [{"executionArn": name, "startDate": at} for name, at in found]}


@dataclass
class Stacks:
    """The state of the one stack."""

    status: str = "UPDATE_IN_PROGRESS"

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        assert StackName == PROPERTIES["Resource"].rpartition("/")[0]
        return {"Stacks": [{"StackStatus": self.status}]}


@dataclass(frozen=True)
class Request:
    """A request of CloudFormation, and what its last look has found."""

    type: str
    id: str
    properties: dict[str, Any]
    request: str
    found: dict[str, Any] = field(default_factory=dict)
    waited: int = 0
    same: bool = False  # an update to the id that CloudFormation has

    @property
    def execution(self) -> str:
        return f"arn:aws:states:us-west-2:1:execution:m:{'Same' if self.same else self.type}-{self.request}"


@dataclass
class World:
    """AWS, and the looks that are taken at it."""

    emr: Emr = field(default_factory=Emr)
    s3: S3 = field(default_factory=S3)
    logs: Logs = field(default_factory=Logs)
    quotas: Quotas = field(default_factory=Quotas)
    machine: Machine = field(default_factory=Machine)
    stacks: Stacks = field(default_factory=Stacks)

    @property
    def clients(self) -> Clients:
        return Clients(self.emr, self.s3, self.logs, self.quotas, self.machine, self.stacks, "us-west-2")

    def look(self, request: Request, clients: Clients | None = None) -> dict[str, Any]:
        """Look once, as the state machine has it done; what is found must pass through JSON."""
        event = {**vars(request), "machine": "machine", "execution": request.execution}
        return dict(json.loads(json.dumps(index.look(clients or self.clients, copy.deepcopy(event)))))

    def next(self, request: Request) -> Request:
        """Look, and return the request as the state machine has it after that."""
        return replace(request, found=self.look(request), waited=request.waited + 20)


def request(
    kind: str = "Create", physical_id: str = "spark-job-run/loans/a", number: str = "r1", **more: str
) -> Request:
    return Request(kind, physical_id, {**PROPERTIES, **more}, number)


def with_run(state: str, number: str = "r1", **mode: str) -> World:
    """Return a world where a request has started a run, which is in a state by now."""
    world = World()
    world.look(request(number=number, **mode))
    world.emr.becomes(world.emr.records[0], state)
    name = world.emr.records[0]["name"]
    world.s3.objects[f"output/{name}/report/metrics.json"] = json.dumps(METRICS).encode()
    world.emr.calls.clear()
    return world
