"""One account of a live rehearsal, as a user's own scripts see it: stacks made from templates in dictionaries."""

import copy
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from rehearsal.world import World

Resources = dict[str, Any]  # logical id -> definition
PATIENCE = 900.0  # wall seconds until a stack must have settled, on a busy machine
LARGEST_BODY = 51_200  # bytes of a template that is not in a bucket
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]


@dataclass(frozen=True)
class Outcome:
    """A stack once nothing goes on in it: its id, its status, and the reasons of its events, oldest first."""

    stack: str
    status: str
    reasons: str


@dataclass
class Account:
    """Stacks of one rehearsal that runs in a process of its own."""

    world: World
    _clients: dict[str, Any] = field(default_factory=dict)
    _made: int = 0

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        if service not in self._clients:
            self._clients[service] = self.world.client(service)
        return self._clients[service]

    def create(self, resources: Resources, name: str = "", **more: Any) -> Outcome:  # noqa: ANN401 - CreateStack's
        """Create a stack, under a name of its own unless one is given."""
        self._made += 1
        name = name or f"live-{self._made}"
        with self._template(_body(resources, more.pop("outputs", {}))) as template:
            made = self.client("cloudformation").create_stack(
                StackName=name, Capabilities=CAPABILITIES, **template, **more
            )
        return self.settled(made["StackId"])

    def update(self, stack: Outcome, resources: Resources, **more: Any) -> Outcome:  # noqa: ANN401 - UpdateStack's
        with self._template(_body(resources, more.pop("outputs", {}))) as template:
            self.client("cloudformation").update_stack(
                StackName=stack.stack, Capabilities=CAPABILITIES, **template, **more
            )
        return self.settled(stack.stack)

    @contextmanager
    def _template(self, body: str) -> Iterator[dict[str, str]]:
        """Give a template as CloudFormation takes it: a large one lies in a bucket while it is asked for."""
        if len(body) <= LARGEST_BODY:
            yield {"TemplateBody": body}
            return
        storage, place = self.client("s3"), {"Bucket": "live-templates", "Key": "template.json"}
        storage.create_bucket(Bucket=place["Bucket"], CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        storage.put_object(**place, Body=body)
        try:
            yield {"TemplateURL": f"https://{place['Bucket']}.s3.us-west-2.amazonaws.com/{place['Key']}"}
        finally:
            storage.delete_object(**place)
            storage.delete_bucket(Bucket=place["Bucket"])

    def delete(self, stack: Outcome, **more: Any) -> Outcome:  # noqa: ANN401 - DeleteStack's
        self.client("cloudformation").delete_stack(StackName=stack.stack, **more)
        return self.settled(stack.stack)

    def discard(self, stack: Outcome) -> None:
        """Delete a stack, and leave behind what cannot be deleted."""
        if self.delete(stack).status != "DELETE_COMPLETE":
            left = self.delete(stack, DeletionMode="FORCE_DELETE_STACK")
            assert left.status == "DELETE_COMPLETE", left

    def settled(self, stack: str) -> Outcome:
        """Return the stack when nothing goes on in it any more."""
        cloudformation, deadline = self.client("cloudformation"), time.monotonic() + PATIENCE
        while (status := self._status(stack)).endswith("_IN_PROGRESS"):
            assert time.monotonic() < deadline, f"{stack} is still {status}"
            time.sleep(0.1)
        pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
        events = [event for page in pages for event in page["StackEvents"]]
        said = [f"{e['LogicalResourceId']}: {e['ResourceStatusReason']}" for e in events if "ResourceStatusReason" in e]
        return Outcome(stack, status, "\n".join(reversed(said)))

    def outputs(self, stack: Outcome) -> dict[str, str]:
        found = self.client("cloudformation").describe_stacks(StackName=stack.stack)["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}

    def waits(self, what: Callable[[], object]) -> None:
        """Wait for a condition, as long as for a stack: how soon it comes says more of the machine than of the code."""
        deadline = time.monotonic() + PATIENCE
        while not what():
            assert time.monotonic() < deadline, "what was awaited did not come"
            time.sleep(0.1)

    def left(self) -> list[str]:
        """Return what exists, as `service kind id`."""
        return [str(each) for each in self.world.page("state")["resources"]]

    def _status(self, stack: str) -> str:
        return str(self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])


def _body(resources: Resources, outputs: dict[str, Any]) -> str:
    return json.dumps({"Resources": resources} | ({"Outputs": outputs} if outputs else {}))


REMOVED = object()  # in place of a value: the key is taken out


def changed(resources: Resources, path: str, value: object) -> Resources:
    """Return a copy in which one value, whose path is given in dots, is another one."""
    template = copy.deepcopy(resources)
    *parents, last = path.split(".")
    part: Any = template
    for name in parents:
        part = part[int(name)] if isinstance(part, list) else part[name]
    key: Any = int(last) if isinstance(part, list) else last
    if value is REMOVED:
        del part[key]
    else:
        part[key] = value
    return template
