"""CloudFormation's own resource types: nested stacks, wait conditions, CDK's metadata."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

from rehearsal.cloudformation import changes, custom, deployment
from rehearsal.cloudformation.engine import Engine
from rehearsal.cloudformation.events import Operation
from rehearsal.cloudformation.provider import Failure, Provider, Request, Resource
from rehearsal.cloudformation.stacks import STACK_TYPE, Stack, Submission, new_id, now
from rehearsal.wire.call import Refused


def own_types(engine: Engine) -> dict[str, Provider]:
    """Return the providers of the types that only CloudFormation itself can make."""
    handle = WaitHandle(engine.world.endpoint)
    return {
        "Custom::": custom.CustomResource(engine.world),
        STACK_TYPE: NestedStack(engine),
        "AWS::CloudFormation::WaitConditionHandle": handle,
        "AWS::CloudFormation::WaitCondition": WaitCondition(),
        "AWS::CDK::Metadata": Marker(),
    }


class Marker:
    """AWS::CDK::Metadata: a note in the template that makes nothing."""

    def create(self, _: Request) -> Resource:
        """Give it an id."""
        return Resource(str(uuid.uuid4()))

    def update(self, request: Request) -> Resource:
        """Keep the id."""
        return Resource(str(request.physical_id))

    def delete(self, request: Request) -> None:
        """Forget it."""


@dataclass(frozen=True)
class WaitHandle:
    """AWS::CloudFormation::WaitConditionHandle: an address that takes signals by PUT; `Ref` is the address."""

    endpoint: str

    def create(self, _: Request) -> Resource:
        """Open the address."""
        return Resource(f"{self.endpoint}/_rehearsal/custom-resource/{custom.expect()}")

    def update(self, request: Request) -> Resource:
        """Keep the address: it has no properties."""
        return Resource(str(request.physical_id))

    def delete(self, request: Request) -> None:
        """Close the address."""
        custom.forget(str(request.physical_id).rsplit("/", 1)[-1])


class WaitCondition:
    """AWS::CloudFormation::WaitCondition: exists once enough signals of success have come to its handle."""

    def create(self, request: Request) -> Resource:
        """Wait for the signals; one failure, or too few in time, fails it."""
        properties = request.properties
        if "Handle" not in properties or "Timeout" not in properties:
            raise Failure("WaitCondition requires Handle and Timeout")
        handle = str(properties["Handle"]).rsplit("/", 1)[-1]
        count, seconds = int(properties.get("Count", 1)), float(properties["Timeout"])
        signals: list[dict[str, Any]] = []

        def enough() -> bool:
            signals[:] = [json.loads(body) for body in custom.answers(handle)]
            return len({s.get("UniqueId") for s in signals}) >= count or any(
                s.get("Status") != "SUCCESS" for s in signals
            )

        done = request.wait(seconds, enough, 1.0)
        bad = next((s for s in signals if s.get("Status") != "SUCCESS"), None)
        if bad:
            raise Failure(
                f"WaitCondition received failed message: '{bad.get('Reason')}' for uniqueId: {bad.get('UniqueId')}"
            )
        if not done:
            raise Failure(f"WaitCondition timed out. Received {len(signals)} conditions when expecting {count}")
        data = json.dumps({str(s.get("UniqueId")): s.get("Data") for s in signals})
        return Resource(f"{request.stack_id}/{request.logical_id}", {"Data": data})

    def update(self, _: Request) -> Resource:
        """Refuse: AWS does not update wait conditions."""
        raise Failure("Update to resource type AWS::CloudFormation::WaitCondition is not supported.")

    def delete(self, request: Request) -> None:
        """Forget it."""


@dataclass(frozen=True)
class NestedStack:
    """AWS::CloudFormation::Stack: a stack of its own whose outputs are this resource's attributes."""

    engine: Engine

    def create(self, request: Request) -> Resource:
        """Create the stack and wait for it; a failed one is left for the parent's rollback to delete."""
        parent = self.engine.stacks.find(request.stack_id)
        name = request.generated_name
        nested = Stack(stack_id(self.engine, name), name, now(), parent=parent.id,
                       root=parent.root or parent.id, keep_failed=True)  # fmt: skip
        submission = self._submission(nested, request, parent)
        with self.engine.stacks.lock:
            self.engine.stacks.by_id[nested.id] = nested
        self._run(nested, request, submission)
        if nested.status != "CREATE_COMPLETE":
            raise Failure(f"Embedded stack {nested.id} was not successfully created: {nested.reason}", nested.id)
        return _outcome(nested)

    def update(self, request: Request) -> Resource:
        """Update the stack, or take back an update whose parent goes back; one that fails has gone back by itself."""
        nested = self.engine.stacks.find(str(request.physical_id))
        nested.keep_failed = False
        submission = self._submission(nested, request, self.engine.stacks.find(request.stack_id))
        known = changes.planned(self.engine, nested, submission)
        if changes.same(nested, submission, changes.differences(self.engine, nested, submission, known)):
            return _outcome(nested)
        before = nested.previous and nested.previous.submission
        if before and (before.body, before.texts) == (submission.body, submission.texts):
            goal = "UPDATE_ROLLBACK_COMPLETE"
            deployment.undo_update(Operation(self.engine, nested, request.client, None), "The parent stack goes back")
        else:
            goal = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"
            self._run(nested, request, submission)
        if nested.status != goal:
            raise Failure(f"Embedded stack {nested.id} was not successfully updated. Currently in {nested.status} with "
                          f"reason: {nested.reason}")  # fmt: skip
        return _outcome(nested)

    def delete(self, request: Request) -> None:
        """Delete the stack."""
        nested = self.engine.stacks.find(str(request.physical_id))
        if nested.status == "DELETE_COMPLETE":
            return
        deployment.delete(Operation(self.engine, nested, request.client, None))
        if nested.status != "DELETE_COMPLETE":
            raise Failure(f"Embedded stack {nested.id} was not successfully deleted: {nested.reason}")

    def _submission(self, nested: Stack, request: Request, parent: Stack) -> Submission:
        given = request.properties.get("Parameters", {})
        tags = {key: value for key, value in request.tags.items() if not key.startswith("aws:")}
        tags |= {tag["Key"]: tag["Value"] for tag in request.properties.get("Tags", [])}
        call = {
            "TemplateURL": request.properties["TemplateURL"], "RoleARN": parent.current.role_arn,
            "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            "Capabilities": parent.current.capabilities,
        }  # fmt: skip
        try:
            return self.engine.submission(nested, call, request.client, request.client)
        except Refused as refused:
            raise Failure(refused.message, None) from refused

    def _run(self, nested: Stack, request: Request, submission: Submission) -> None:
        op = Operation(self.engine, nested, request.client, None)
        (deployment.update if request.physical_id else deployment.create)(op, submission)


def _outcome(nested: Stack) -> Resource:
    return Resource(nested.id, {f"Outputs.{out['OutputKey']}": out["OutputValue"] for out in nested.outputs})


def stack_id(engine: Engine, name: str) -> str:
    """Return the ARN of a new stack of this name."""
    return f"arn:aws:cloudformation:{engine.world.region}:{engine.world.account}:stack/{name}/{new_id()}"
