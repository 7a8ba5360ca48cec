"""What the engine remembers: stacks, their resources, events, change sets and exports."""

import threading
import time
import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rehearsal.cloudformation.templates import EMPTY, Definition, Design
from rehearsal.wire.call import Refused

STACK_TYPE = "AWS::CloudFormation::Stack"
ENDING = 5.0  # wall seconds in which an operation ends after its last event


@dataclass(frozen=True)
class StackResource:
    """One resource as it was last left: never changed, only replaced in its stack's dict."""

    logical_id: str
    definition: Definition
    status: str
    updated: datetime
    physical_id: str | None = None  # None until something was made
    properties: Mapping[str, Any] = field(default_factory=dict)  # evaluated; dynamic references still as text
    attributes: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    maker: str = ""  # id of the operation that made it: what that operation's rollback removes again


@dataclass(frozen=True)
class Submission:
    """What a stack is asked to become."""

    body: str
    template: Mapping[str, Any]
    texts: Mapping[str, str]  # parameters as given
    design: Design
    tags: Mapping[str, str]
    capabilities: list[str] = field(default_factory=list)
    role_arn: str | None = None
    topics: list[str] = field(default_factory=list)  # notification ARNs
    imports: frozenset[str] = frozenset()  # names of other stacks' exports that it uses


HIDDEN = "****"  # what AWS shows in place of a NoEcho parameter


def no_echo(submission: Submission) -> set[str]:
    """Return the names of the parameters whose values are never shown."""
    declared = submission.template.get("Parameters", {})
    return {name for name, raw in declared.items() if str(raw.get("NoEcho", "")).lower() == "true"}


def masked(value: Any, submission: Submission) -> Any:  # noqa: ANN401 - any JSON
    """Return `value` with every text that holds a NoEcho parameter hidden."""
    secrets = {submission.texts[name] for name in no_echo(submission)} - {""}

    def hide(part: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(part, dict):
            return {key: hide(item) for key, item in part.items()}
        if isinstance(part, list):
            return [hide(item) for item in part]
        return HIDDEN if isinstance(part, str) and any(secret in part for secret in secrets) else part

    return hide(value) if secrets else value


EMPTY_SUBMISSION = Submission("{}", {"Resources": {}}, {}, EMPTY, {})


@dataclass
class ChangeSet:
    """A change set and what it would do."""

    id: str
    name: str
    kind: str
    created: datetime
    description: str
    submission: Submission
    on_failure: str | None = None
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    execution: str = "AVAILABLE"
    changes: list[dict[str, Any]] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)  # OperationEvents of early validation


@dataclass
class Stack:
    """One stack; `running` is set while an operation is at work."""

    id: str
    name: str
    created: datetime
    status: str = "REVIEW_IN_PROGRESS"
    reason: str = ""
    current: Submission = EMPTY_SUBMISSION  # what it is, or what it is becoming
    previous: "Snapshot | None" = None  # what a rollback goes back to
    resources: dict[str, StackResource] = field(default_factory=dict)
    superseded: list[StackResource] = field(default_factory=list)  # to be removed once all else has succeeded
    outputs: list[dict[str, str]] = field(default_factory=list)  # botocore's Output
    events: list[dict[str, Any]] = field(default_factory=list)  # botocore's StackEvent, oldest first
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    updated: datetime | None = None
    deleted: datetime | None = None
    protected: bool = False
    keep_failed: bool = False  # DisableRollback
    parent: str | None = None
    root: str | None = None
    executed: str | None = None  # id of the change set executed last
    running: "threading.Event" = field(default_factory=threading.Event)
    cancel: "threading.Event" = field(default_factory=threading.Event)
    timeout_minutes: int | None = None

    def rests(self, states: Collection[str]) -> bool:
        """Return whether it is in one of these states and nothing goes on in it; one whose end is told ends first."""
        deadline = time.monotonic() + ENDING
        while self.running.is_set() and self.status in states and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.status in states and not self.running.is_set()

    @property
    def exports(self) -> dict[str, str]:
        """Return its exported names and their values."""
        return {out["ExportName"]: out["OutputValue"] for out in self.outputs if "ExportName" in out}


@dataclass(frozen=True)
class Snapshot:
    """A stack as it was before an update."""

    submission: Submission
    resources: Mapping[str, StackResource]
    outputs: list[dict[str, str]]
    operation: str  # id of the update that left this behind


@dataclass
class Stacks:
    """All stacks of the account and region, deleted ones included."""

    by_id: dict[str, Stack] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def living(self) -> Iterator[Stack]:
        """Yield the stacks that are not deleted."""
        with self.lock:
            yield from [stack for stack in list(self.by_id.values()) if stack.status != "DELETE_COMPLETE"]

    def lookup(self, name: str) -> Stack | None:
        """Return the stack of that id, or the living one of that name."""
        return self.by_id.get(name) or next((stack for stack in self.living() if stack.name == name), None)

    def find(self, name: str) -> Stack:
        """Return the stack of that id or name; the refusal is the one that the cdk CLI waits for."""
        stack = self.lookup(name)
        if stack is None:
            raise Refused("ValidationError", f"Stack with id {name} does not exist")
        return stack

    def exported(self, name: str) -> str | None:
        """Return the value of an export."""
        return next((stack.exports[name] for stack in self.living() if name in stack.exports), None)

    def exporter(self, name: str) -> Stack | None:
        """Return the stack that exports `name`."""
        return next((stack for stack in self.living() if name in stack.exports), None)

    def importers(self, name: str) -> list[str]:
        """Return the names of the stacks that use an export."""
        return [
            stack.name
            for stack in self.living()
            if name in stack.current.imports or (stack.previous and name in stack.previous.submission.imports)
        ]


def new_id() -> str:
    """Return a fresh identifier, as AWS puts them into ARNs and events."""
    return str(uuid.uuid4())


def now() -> datetime:
    """Return the moment it is for those who ask: clients compare events with their own clocks, not the rehearsal's."""
    return datetime.now(UTC)
