"""AWS as the handler of a run sees it, in memory: EMR's runs, a bucket, requests of CloudFormation that overlap."""

import copy
import io
import json
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from rapids_eks.spark_job_run.handler import index
from rapids_eks.spark_job_run.handler.submission import Clients
from tests.constructs.rapids_eks.spark_job_run.clients import checking
from tests.constructs.rapids_eks.spark_job_run.emr import CLUSTER, Emr, MissingError, Pages, missing
from tests.constructs.rapids_eks.spark_job_run.step_functions import RUNS, Machine

BUCKET = "data"
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
# What the properties have besides, where a state machine starts the runs.
WORKFLOW = {"Wait": "state_machine", "Workflow": RUNS}
METRICS = {"roc_auc": 0.875, "funnel": {"read": 215}}
INPUT = {"input/2020Q1.csv": b"|loan|012020|\n"}


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
    now: str = "2025-01-01T00:00:00.000Z"
    deadline: str = "2025-01-01T00:50:00Z"
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
    machine: Machine = field(init=False)
    stacks: Stacks = field(default_factory=Stacks)

    def __post_init__(self) -> None:
        self.machine = Machine(self.emr)

    @property
    def clients(self) -> Clients:
        made = (self.emr, self.s3, self.logs, self.quotas, self.machine, self.stacks)
        emr, s3, logs, quotas, machine, stacks = map(checking, made, index.SERVICES)
        return Clients(emr, s3, logs, quotas, machine, stacks, "us-west-2")

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
    world.machine.begin()
    world.emr.becomes(world.emr.records[0], state)
    name = world.emr.records[0]["name"]
    world.s3.objects[f"output/{name}/report/metrics.json"] = json.dumps(METRICS).encode()
    world.emr.calls.clear()
    return world
