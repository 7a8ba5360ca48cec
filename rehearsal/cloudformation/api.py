"""The API of CloudFormation: what changes stacks, and the table of all operations."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from rehearsal.cloudformation import changes, deployment
from rehearsal.cloudformation.credentials import of_caller
from rehearsal.cloudformation.engine import Engine
from rehearsal.cloudformation.events import Operation, emit
from rehearsal.cloudformation.own_types import own_types, stack_id
from rehearsal.cloudformation.provider import Provider
from rehearsal.cloudformation.stacks import ChangeSet, Stack, Submission, now
from rehearsal.cloudformation.views import Views, find_change_set
from rehearsal.wire.call import Call, Handler, Refused
from rehearsal.world import World

log = logging.getLogger(__name__)

UPDATABLE: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE")
PAUSED: Final = ("CREATE_FAILED", "UPDATE_FAILED")  # operations that were told not to roll back
NO_UPDATES: Final = "No updates are to be performed."
NOT_REHEARSED: Final = (
    "DetectStackDrift", "DetectStackResourceDrift", "DescribeStackDriftDetectionStatus", "DescribeStackResourceDrifts",
    "SetStackPolicy", "SignalResource", "CreateStackSet", "CreateStackRefactor", "ExecuteStackRefactor",
    "CreateGeneratedTemplate", "StartResourceScan", "RegisterType", "EstimateTemplateCost",
)  # fmt: skip


def operations(world: World, providers: Mapping[str, Provider]) -> dict[str, Handler]:
    """Return the handlers of the service `cloudformation`; `providers` serve all types but CloudFormation's own."""
    engine = Engine(world, {})
    engine.providers = {**providers, **own_types(engine)}
    return dict.fromkeys(NOT_REHEARSED, _refuse) | Views(engine).operations() | Commands(engine).operations()


def _refuse(call: Call) -> dict[str, Any]:
    raise Refused("ValidationError", f"cloudformation:{call.operation} is not rehearsed")


@dataclass(frozen=True)
class Commands:
    """Handlers that change stacks; the work itself goes on in the background."""

    engine: Engine

    def operations(self) -> dict[str, Handler]:
        """Return the handlers by operation."""
        return {
            "CreateChangeSet": self.create_change_set, "ExecuteChangeSet": self.execute_change_set,
            "DeleteChangeSet": self.delete_change_set, "CreateStack": self.create_stack,
            "UpdateStack": self.update_stack, "DeleteStack": self.delete_stack, "RollbackStack": self.rollback_stack,
            "ContinueUpdateRollback": self.continue_rollback, "CancelUpdateStack": self.cancel_update,
            "UpdateTerminationProtection": self.protect,
        }  # fmt: skip

    def _new_stack(self, name: str) -> Stack:
        if not re.fullmatch("[a-zA-Z][-a-zA-Z0-9]{0,127}", name):
            raise Refused("ValidationError", f"1 validation error detected: Value '{name}' at 'stackName' failed to "
                          "satisfy constraint: Member must satisfy the pattern [a-zA-Z][-a-zA-Z0-9]*")  # fmt: skip
        return Stack(stack_id(self.engine, name), name, now())

    def _add(self, stack: Stack) -> None:
        with self.engine.stacks.lock:
            if self.engine.stacks.lookup(stack.name):
                raise Refused("AlreadyExistsException", f"Stack [{stack.name}] already exists")
            self.engine.stacks.by_id[stack.id] = stack

    def _operation(self, stack: Stack, call: Call, role: str | None) -> Operation:
        return Operation(self.engine, stack, self.engine.worker(call, role), call.parameters.get("ClientRequestToken"))

    def _submitted(self, stack: Stack, call: Call) -> tuple[Submission, Operation]:
        op = self._operation(stack, call, call.parameters.get("RoleARN", stack.current.role_arn))
        return self.engine.submission(stack, call.parameters, of_caller(self.engine.world, call), op.client), op

    def _start(self, op: Operation, begun: str, work: Callable[[], None], allowed: tuple[str, ...]) -> None:
        """Claim the stack, then work in the background; a defect of the engine fails the stack, and says so."""
        stack = op.stack
        with self.engine.stacks.lock:
            if not stack.rests(allowed):
                raise Refused("ValidationError", f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
            stack.running.set()
            stack.cancel.clear()
            stack.change_sets.clear()  # they were made for what the stack no longer is
            op.before, stack.status = stack.status, begun

        def run() -> None:
            try:
                work()
            except Exception as error:
                log.exception("stack %s", stack.name)
                verb = stack.status.split("_IN_PROGRESS")[0].removesuffix("_COMPLETE_CLEANUP")
                emit(op, f"{verb}_FAILED", f"Internal Failure: {type(error).__name__}: {error}")
            finally:
                stack.running.clear()

        self.engine.world.in_background(f"stack {stack.name}", run)

    def create_stack(self, call: Call) -> dict[str, Any]:
        """CreateStack."""
        asked = call.parameters
        _refuse_unrehearsed(asked)
        stack = self._new_stack(asked["StackName"])
        wanted, op = self._submitted(stack, call)
        stack.protected, stack.timeout_minutes = (
            asked.get("EnableTerminationProtection", False),
            asked.get("TimeoutInMinutes"),
        )
        self._add(stack)
        self._begin_creation(op, wanted, asked)
        return {"StackId": stack.id, "OperationId": op.id}

    def _begin_creation(self, op: Operation, wanted: Submission, asked: Mapping[str, Any]) -> None:
        ending = asked.get("OnFailure") or ("DO_NOTHING" if asked.get("DisableRollback") else "ROLLBACK")
        op.stack.keep_failed = ending == "DO_NOTHING"

        def work() -> None:
            deployment.create(op, wanted)
            if ending == "DELETE" and op.stack.status == "ROLLBACK_COMPLETE":
                deployment.delete(op)

        self._start(op, "CREATE_IN_PROGRESS", work, ("REVIEW_IN_PROGRESS",))

    def update_stack(self, call: Call) -> dict[str, Any]:
        """UpdateStack: refused where nothing would change."""
        asked = call.parameters
        _refuse_unrehearsed(asked)
        stack = self._updatable(asked["StackName"])
        wanted, op = self._submitted(stack, call)
        known = changes.planned(self.engine, stack, wanted)
        if (
            changes.same(stack, wanted, changes.differences(self.engine, stack, wanted, known))
            and stack.status not in PAUSED
        ):
            raise Refused("ValidationError", NO_UPDATES)
        self._begin_update(op, wanted, asked)
        return {"StackId": stack.id, "OperationId": op.id}

    def _updatable(self, name: str) -> Stack:
        stack = self.engine.stacks.lookup(name)
        if stack is None or stack.status == "DELETE_COMPLETE":
            raise Refused("ValidationError", f"Stack [{name}] does not exist")
        if not stack.rests((*UPDATABLE, *PAUSED)):
            raise Refused("ValidationError", f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
        return stack

    def _begin_update(self, op: Operation, wanted: Submission, asked: Mapping[str, Any]) -> None:
        stack = op.stack
        stack.keep_failed = bool(asked.get("DisableRollback"))
        if stack.status in PAUSED and not stack.keep_failed:
            raise Refused("ValidationError", f"Stack {stack.name} is in {stack.status} state: update it with "
                          "DisableRollback, or roll it back first with RollbackStack")  # fmt: skip
        stack.updated = now()
        self._start(op, "UPDATE_IN_PROGRESS", lambda: deployment.update(op, wanted), (*UPDATABLE, *PAUSED))

    def delete_stack(self, call: Call) -> dict[str, Any]:
        """DeleteStack: a stack that is not there is no error, a protected one is."""
        asked = call.parameters
        stack = self.engine.stacks.lookup(asked["StackName"])
        if stack is None or stack.status == "DELETE_COMPLETE":
            return {}
        if stack.protected:
            raise Refused(
                "ValidationError", f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
            )
        if asked.get("RetainResources") and stack.status != "DELETE_FAILED":
            raise Refused("ValidationError", f"Invalid operation on stack [{stack.id}]. RetainResources can only be "
                          "specified for stacks in DELETE_FAILED state")  # fmt: skip
        op = self._operation(stack, call, asked.get("RoleARN", stack.current.role_arn))
        force = asked.get("DeletionMode") == "FORCE_DELETE_STACK"
        ended = (*UPDATABLE, *PAUSED, "REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED",
                 "UPDATE_ROLLBACK_FAILED")  # fmt: skip
        if stack.running.is_set():
            raise Refused("ValidationError", f"Stack:{stack.id} is in {stack.status} state and can not be deleted.")
        retain = asked.get("RetainResources", [])
        self._start(op, "DELETE_IN_PROGRESS", lambda: deployment.delete(op, retain, force=force), ended)
        return {}

    def rollback_stack(self, call: Call) -> dict[str, Any]:
        """RollbackStack: for what was created or updated without rollback and failed."""
        stack = self.engine.stacks.find(call.parameters["StackName"])
        op = self._operation(stack, call, call.parameters.get("RoleARN", stack.current.role_arn))
        created = stack.status == "CREATE_FAILED"
        undo = deployment.undo_creation if created else deployment.undo_update
        self._start(
            op, f"{'' if created else 'UPDATE_'}ROLLBACK_IN_PROGRESS", lambda: undo(op, "User Initiated"), PAUSED
        )
        return {"StackId": stack.id, "OperationId": op.id}

    def continue_rollback(self, call: Call) -> dict[str, Any]:
        """ContinueUpdateRollback: only resources that failed to go back may be skipped."""
        asked = call.parameters
        stack = self.engine.stacks.find(asked["StackName"])
        if stack.status != "UPDATE_ROLLBACK_FAILED":
            raise Refused(
                "ValidationError", f"Stack:{stack.id} is in {stack.status} state and can not continue rollback."
            )
        skip = asked.get("ResourcesToSkip", [])
        strange = [n for n in skip if n not in stack.resources or stack.resources[n].status != "UPDATE_FAILED"]
        if strange:
            raise Refused(
                "ValidationError", f"ResourcesToSkip may only name resources in UPDATE_FAILED state, not {strange}"
            )
        op = self._operation(stack, call, asked.get("RoleARN", stack.current.role_arn))
        self._start(
            op,
            "UPDATE_ROLLBACK_IN_PROGRESS",
            lambda: deployment.undo_update(op, "User Initiated", skip),
            ("UPDATE_ROLLBACK_FAILED",),
        )
        return {}

    def cancel_update(self, call: Call) -> dict[str, Any]:
        """CancelUpdateStack: only while an update is at work."""
        stack = self.engine.stacks.find(call.parameters["StackName"])
        if stack.status != "UPDATE_IN_PROGRESS":
            raise Refused("ValidationError", "CancelUpdateStack cannot be called from current stack status")
        stack.cancel.set()
        return {}

    def protect(self, call: Call) -> dict[str, Any]:
        """UpdateTerminationProtection."""
        stack = self.engine.stacks.find(call.parameters["StackName"])
        stack.protected = call.parameters["EnableTerminationProtection"]
        return {"StackId": stack.id}

    def create_change_set(self, call: Call) -> dict[str, Any]:
        """CreateChangeSet: refused for a wrong template, FAILED for wrong properties or where nothing would change."""
        asked = call.parameters
        _refuse_unrehearsed(asked)
        kind = asked.get("ChangeSetType", "UPDATE")
        # ImportExistingResources (cdk bootstrap sets it) is taken: a name that exists then fails the create, unlike AWS
        if kind == "IMPORT" or asked.get("ResourcesToImport"):
            raise Refused("ValidationError", "Importing resources is not rehearsed")
        stack = self._reviewed(asked["StackName"]) if kind == "CREATE" else self._updatable(asked["StackName"])
        if any(c.name == asked["ChangeSetName"] for c in stack.change_sets.values()):
            raise Refused("AlreadyExistsException", f"ChangeSet {asked['ChangeSetName']} cannot be created due to a "
                          "duplicate ChangeSetName")  # fmt: skip
        wanted, op = self._submitted(stack, call)
        arn = stack_id(self.engine, asked["ChangeSetName"]).replace(":stack/", ":changeSet/")
        change_set = ChangeSet(arn, asked["ChangeSetName"], kind, now(),
                               asked.get("Description", ""), wanted, asked.get("OnStackFailure"))  # fmt: skip
        changes.fill(self.engine, stack, change_set, wanted, started=stack.status not in PAUSED)
        if stack.id not in self.engine.stacks.by_id:
            self._add(stack)
            emit(op, "REVIEW_IN_PROGRESS", "User Initiated")
        stack.change_sets[arn] = change_set
        return {"Id": arn, "StackId": stack.id}

    def _reviewed(self, name: str) -> Stack:
        stack = self.engine.stacks.lookup(name)
        if stack is None or stack.status == "DELETE_COMPLETE":
            return self._new_stack(name)
        if stack.status != "REVIEW_IN_PROGRESS":
            raise Refused("ValidationError", f"Stack [{name}] already exists and cannot be created again with the "
                          "changeSet [CREATE].")  # fmt: skip
        return stack

    def execute_change_set(self, call: Call) -> dict[str, Any]:
        """ExecuteChangeSet: the other change sets of the stack are then obsolete and go."""
        stack, change_set = find_change_set(self.engine, call)
        if change_set.execution != "AVAILABLE":
            raise Refused("InvalidChangeSetStatus", f"ChangeSet [{change_set.id}] cannot be executed in its current "
                          f"status of [{change_set.status}]")  # fmt: skip
        wanted = replace(change_set.submission)
        op = self._operation(stack, call, wanted.role_arn)
        if change_set.kind == "CREATE":
            ending = {"OnFailure": change_set.on_failure} if change_set.on_failure else {}
            self._begin_creation(op, wanted, dict(call.parameters) | ending)
        else:
            self._begin_update(op, wanted, call.parameters)
        stack.executed = change_set.id
        return {}

    def delete_change_set(self, call: Call) -> dict[str, Any]:
        """DeleteChangeSet: one that is not there is no error."""
        try:
            stack, change_set = find_change_set(self.engine, call)
        except Refused as refused:
            if refused.code == "ChangeSetNotFound":
                return {}
            raise
        stack.change_sets.pop(change_set.id)
        return {}


def _refuse_unrehearsed(asked: Mapping[str, Any]) -> None:
    """Refuse options that would otherwise be silently without effect."""
    found = [
        name
        for name in ("StackPolicyBody", "StackPolicyURL", "ResourceTypes", "RetainExceptOnCreate")
        if asked.get(name)
    ]
    found += ["RollbackTriggers"] if asked.get("RollbackConfiguration", {}).get("RollbackTriggers") else []
    found += ["DeploymentConfig EXPRESS"] if asked.get("DeploymentConfig", {}).get("Mode") == "EXPRESS" else []
    found += ["DeploymentMode"] if asked.get("DeploymentMode") else []
    if found:
        raise Refused("ValidationError", f"{', '.join(found)}: not rehearsed; deploy without")
