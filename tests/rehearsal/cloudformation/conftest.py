"""A CloudFormation whose resources live on a shelf: what was made, changed and removed, in order."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from rehearsal.clock import Clock
from rehearsal.cloudformation import api
from rehearsal.cloudformation.provider import Failure, Request, Resource
from rehearsal.wire.call import Call, Principal
from rehearsal.world import ADMIN_KEY, World

MODEL = botocore.session.get_session().get_service_model("cloudformation")
NAMES = ("Name", "QueueName", "TopicName", "BucketName", "RoleName", "FunctionName")


class Shelf:
    """A provider for any type: keeps properties by physical id, fails on demand, and names two alike never."""

    def __init__(self) -> None:
        self.log: list[tuple[str, str, str]] = []  # what, logical id, physical id
        self.live: dict[str, dict[str, Any]] = {}
        self.broken: set[tuple[str, str]] = set()  # (what, logical id) that fails
        self.slow: dict[str, threading.Event] = {}  # logical id -> event that its creation waits for
        self.requests: list[Request] = []

    def _enter(self, what: str, request: Request, physical_id: str) -> None:
        self.log.append((what, request.logical_id, physical_id))
        self.requests.append(request)
        if (what, request.logical_id) in self.broken:
            raise Failure(f"{what} of {request.logical_id} refused")

    def create(self, request: Request) -> Resource:
        name = next((request.properties[key] for key in NAMES if key in request.properties), request.generated_name)
        self._enter("create", request, name)
        if request.logical_id in self.slow:
            assert self.slow[request.logical_id].wait(20)
        if name in self.live:
            raise Failure(f"{name} already exists")
        self.live[name] = request.properties
        return Resource(name, {"Arn": f"arn:{name}", "TopicArn": f"arn:{name}"})

    def update(self, request: Request) -> Resource:
        self._enter("update", request, str(request.physical_id))
        self.live[str(request.physical_id)] = request.properties
        return Resource(
            str(request.physical_id), {"Arn": f"arn:{request.physical_id}", "TopicArn": f"arn:{request.physical_id}"}
        )

    def delete(self, request: Request) -> None:
        self._enter("delete", request, str(request.physical_id))
        self.live.pop(str(request.physical_id), None)

    def did(self) -> list[tuple[str, str]]:
        return [(what, logical_id) for what, logical_id, _ in self.log]


class Everything(dict[str, Shelf]):
    """One shelf for all types that the engine does not make itself."""

    def __init__(self, shelf: Shelf) -> None:
        super().__init__(dict.fromkeys(TYPES, shelf))


TYPES = (
    "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::S3::Bucket", "AWS::IAM::Role", "AWS::SSM::Parameter", "AWS::EC2::VPC",
    "AWS::Logs::LogGroup", "AWS::EKS::Cluster", "AWS::Lambda::Function",
)  # fmt: skip


class Services:
    """The few calls of other services that the engine makes."""

    def __init__(self) -> None:
        self.parameters: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self.objects: dict[str, bytes] = {}
        self.invoked: list[dict[str, Any]] = []
        self.handler: Callable[[dict[str, Any]], None] = lambda _: None

    def get_parameters(self, *, Names: list[str]) -> dict[str, Any]:  # noqa: N803 - botocore's names
        return {"Parameters": [{"Name": n, "Value": self.parameters[n]} for n in Names if n in self.parameters]}

    def get_parameter(self, *, Name: str) -> dict[str, Any]:  # noqa: N803
        return {"Parameter": {"Value": self.parameters[Name]}}

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
        return {"SecretString": self.secrets[SecretId]}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        body = self.objects[f"{Bucket}/{Key}"]
        return {"Body": type("Body", (), {"read": lambda _: body})()}

    def describe_availability_zones(self) -> dict[str, Any]:
        return {"AvailabilityZones": [{"ZoneName": f"us-west-2{letter}"} for letter in "abc"]}

    def invoke(self, *, FunctionName: str, InvocationType: str, Payload: str) -> None:  # noqa: N803
        assert InvocationType == "Event"
        event = json.loads(Payload)
        assert event["ServiceToken"] == FunctionName
        self.invoked.append(event)
        threading.Thread(target=self.handler, args=(event,), daemon=True).start()


@dataclass
class Offline(World):
    """A world without a port."""

    services: Services = field(default_factory=Services)

    def client(self, *_: object, **__: object) -> Any:  # noqa: ANN401 - what stands in for any
        return self.services


class Cloud:
    """CloudFormation as a client sees it; every answer is checked against botocore's model."""

    def __init__(self, directory: Path) -> None:
        self.world = Offline(directory, 1, clock=Clock(speed=600))
        self.shelf, self.services = Shelf(), self.world.services
        self._handlers = api.operations(self.world, Everything(self.shelf))

    def call(self, operation: str, **parameters: Any) -> Any:  # noqa: ANN401 - any answer
        if isinstance(parameters.get("TemplateBody"), dict):
            parameters["TemplateBody"] = json.dumps(parameters["TemplateBody"])
        principal = Principal("arn:aws:iam::111122223333:user/admin")
        call = Call(
            "cloudformation",
            operation,
            parameters,
            principal,
            ADMIN_KEY,
            "us-west-2",
            "111122223333",
            str(uuid.uuid4()),
        )
        found = self._handlers[operation](call)
        shape = MODEL.operation_model(operation).output_shape
        if shape is not None:
            report = ParamValidator().validate(found, shape)
            assert not report.has_errors(), report.generate_report()
        return found

    def settled(self, name: str) -> dict[str, Any]:
        """Return the stack once nothing goes on in it any more."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            stack: dict[str, Any] = self.call("DescribeStacks", StackName=name)["Stacks"][0]
            if not stack["StackStatus"].endswith("_IN_PROGRESS") or stack["StackStatus"] == "REVIEW_IN_PROGRESS":
                return stack
            time.sleep(0.005)
        raise AssertionError(f"{name} is still {stack['StackStatus']}")

    def create(self, template: dict[str, Any], name: str = "demo", **more: Any) -> dict[str, Any]:  # noqa: ANN401
        return self.settled(self.call("CreateStack", StackName=name, TemplateBody=template, **more)["StackId"])

    def update(self, template: dict[str, Any], name: str = "demo", **more: Any) -> dict[str, Any]:  # noqa: ANN401
        return self.settled(self.call("UpdateStack", StackName=name, TemplateBody=template, **more)["StackId"])

    def delete(self, name: str = "demo", **more: Any) -> dict[str, Any]:  # noqa: ANN401
        stack_id = self.call("DescribeStacks", StackName=name)["Stacks"][0]["StackId"]
        self.call("DeleteStack", StackName=name, **more)
        return self.settled(stack_id)

    def reasons(self, name: str = "demo") -> str:
        """Return all status reasons of a stack's events, oldest first."""
        events = self.call("DescribeStackEvents", StackName=name)["StackEvents"]
        return "\n".join(event.get("ResourceStatusReason", "") for event in reversed(events))

    def statuses(self, logical_id: str, name: str = "demo") -> list[str]:
        events = self.call("DescribeStackEvents", StackName=name)["StackEvents"]
        return [e["ResourceStatus"] for e in reversed(events) if e["LogicalResourceId"] == logical_id]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path)
    yield made
    made.world.close()
