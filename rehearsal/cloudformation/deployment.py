"""Operations on a whole stack: create, update, roll back and delete, each in parallel as dependencies allow."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from rehearsal.cloudformation import templates
from rehearsal.cloudformation.events import Failed, Operation, StepFailed, emit
from rehearsal.cloudformation.outputs import publish
from rehearsal.cloudformation.stacks import (
    EMPTY_SUBMISSION,
    STACK_TYPE,
    Snapshot,
    Stack,
    StackResource,
    Submission,
    now,
)
from rehearsal.cloudformation.steps import apply, remove, restore
from rehearsal.cloudformation.walking import walk
from rehearsal.wire.call import Refused


def create(op: Operation, wanted: Submission) -> None:
    """Create the stack's resources; on failure roll back, or leave everything in place where that was asked for."""
    stack = op.stack
    stack.current, stack.previous = wanted, None
    emit(op, "CREATE_IN_PROGRESS", "User Initiated")
    try:
        _build(op, wanted)
        publish(op, wanted)
    except Failed as failed:
        if stack.keep_failed:
            emit(op, "CREATE_FAILED", str(failed))
            return
        undo_creation(op, f"{str(failed).rstrip()} Rollback requested by user.")
        return
    emit(op, "CREATE_COMPLETE")


def undo_creation(op: Operation, reason: str) -> None:
    """Remove what a failed creation has made."""
    emit(op, "ROLLBACK_IN_PROGRESS", reason)
    stuck = _remove_all(op, op.stack.resources.values(), creation=True)
    op.stack.current = replace(op.stack.current, imports=EMPTY_SUBMISSION.imports)
    emit(op, "ROLLBACK_FAILED" if stuck else "ROLLBACK_COMPLETE", _undeleted(stuck))


def update(op: Operation, wanted: Submission) -> None:
    """Bring the stack from what it is to what is wanted, then clean up; on failure go back to what it was.

    A nested stack keeps its clean-up until its parent has succeeded too, so that both can still go back.
    """
    stack = op.stack
    if stack.previous is None:  # else an update that failed without rollback goes on: its snapshot is still the one
        stack.previous = Snapshot(stack.current, dict(stack.resources), stack.outputs, op.id)
    stack.current = wanted
    emit(op, "UPDATE_IN_PROGRESS", "User Initiated")
    try:
        _build(op, wanted)
        publish(op, wanted)
    except Failed as failed:
        if stack.keep_failed:
            emit(op, "UPDATE_FAILED", str(failed))
            return
        undo_update(op, str(failed))
        return
    emit(op, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    if stack.parent is None:
        _finish_update(op)


def _finish_update(op: Operation) -> None:
    stack = op.stack
    for nested in _nested(op):
        if nested.previous:
            _finish_update(replace(op, stack=nested))
    _clean_up(
        op, [resource for name, resource in stack.resources.items() if name not in stack.current.design.resources]
    )
    stack.previous = None
    emit(op, "UPDATE_COMPLETE")


def _nested(op: Operation) -> list[Stack]:
    held = [r.physical_id for r in op.stack.resources.values() if r.definition.type == STACK_TYPE and r.physical_id]
    return [op.engine.stacks.find(physical_id) for physical_id in held]


def undo_update(op: Operation, reason: str, skip: Iterable[str] = ()) -> None:
    """Go back to the snapshot: old properties again, old resources again, then remove what the update had made."""
    stack = op.stack
    if stack.previous is None:
        raise Refused("ValidationError", f"Stack {stack.name} has nothing to roll back to")
    before = stack.previous
    emit(op, "UPDATE_ROLLBACK_IN_PROGRESS", reason)
    _reset(op)
    for name in skip:
        stack.resources[name] = replace(before.resources[name], status="UPDATE_COMPLETE")
    needs = {name: old.definition.needs & before.resources.keys() for name, old in before.resources.items()}
    skipped = frozenset(skip)
    failures = walk(
        op, templates.order(needs), lambda name: None if name in skipped else restore(op, before.resources[name])
    )
    if failures:
        emit(op, "UPDATE_ROLLBACK_FAILED", f"The following resource(s) failed to update: [{', '.join(failures)}]. ")
        return
    stack.current, stack.outputs = before.submission, before.outputs
    emit(op, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
    added = [resource for name, resource in stack.resources.items() if name not in before.resources]
    _clean_up(op, added, creation=True)
    stack.previous = None
    emit(op, "UPDATE_ROLLBACK_COMPLETE")


def delete(op: Operation, retain: Iterable[str] = (), *, force: bool = False) -> None:
    """Remove everything in reverse order; exports in use keep all of it, a stuck resource DELETE_FAILED."""
    stack, kept, before = op.stack, set(retain), op.before or op.stack.status
    emit(op, "DELETE_IN_PROGRESS", "User Initiated")
    for name in stack.exports:
        users = [user for user in op.engine.stacks.importers(name) if user != stack.name]
        if users:
            emit(op, before, f"Export {name} cannot be deleted as it is in use by {' and '.join(sorted(users))}")
            return
    for name in kept & stack.resources.keys():
        remove(op, stack.resources.pop(name), "Retain")
    stuck = _remove_all(op, stack.resources.values(), creation=False)
    _clean_up(op, [])
    if stuck and not force:
        emit(op, "DELETE_FAILED", _undeleted(stuck))
        return
    stack.outputs, stack.deleted = [], now()
    stack.current, stack.previous = replace(stack.current, imports=EMPTY_SUBMISSION.imports), None
    emit(op, "DELETE_COMPLETE")


def _undeleted(stuck: Iterable[str]) -> str:
    names = sorted(stuck)
    return f"The following resource(s) failed to delete: [{', '.join(names)}]. " if names else ""


def _reset(op: Operation) -> None:
    op.stop.clear()
    op.cancelled.clear()
    op.stack.cancel.clear()


def _build(op: Operation, wanted: Submission) -> None:
    """Bring every resource of the design into its state; Failed names those that did not get there."""
    design = wanted.design
    needs = {name: definition.needs for name, definition in design.resources.items()}
    minutes = op.stack.timeout_minutes if op.stack.status == "CREATE_IN_PROGRESS" else None
    deadline = op.engine.world.clock.patience() + minutes * 60 if minutes else None
    failures = walk(op, templates.order(needs), lambda name: apply(op, design, name), deadline, stop_early=True)
    if op.stack.cancel.is_set():
        raise Failed("User Initiated")
    if deadline and op.stop.is_set() and not failures:
        raise Failed("Stack creation time exceeded the specified timeout.")
    if failures:
        verb = "create" if op.stack.status == "CREATE_IN_PROGRESS" else "create or update"
        broken = [op.stack.resources[name].status.split("_")[0] for name in failures if name in op.stack.resources]
        if verb != "create":
            verb = "create" if set(broken) == {"CREATE"} else "update"
        raise Failed(f"The following resource(s) failed to {verb}: [{', '.join(failures)}]. ")


def _policy(resource: StackResource, *, creation: bool, replaced: bool = False) -> str:
    """Return Delete or Retain for one physical resource, as its policies say for this occasion."""
    policy = resource.definition.replace_policy if replaced else resource.definition.deletion_policy
    return "Delete" if policy == "Delete" or (policy == "RetainExceptOnCreate" and creation) else "Retain"


def _remove_all(op: Operation, resources: Iterable[StackResource], *, creation: bool) -> list[str]:
    """Remove resources in reverse order and forget them; return those that stay because AWS refused."""
    _reset(op)
    found = {resource.logical_id: resource for resource in resources}

    def work(name: str) -> None:
        remove(op, found[name], _policy(found[name], creation=creation))
        op.stack.resources.pop(name)

    stuck = walk(op, _reversed(found), work)
    for name in stuck:
        op.stack.resources[name] = replace(found[name], status="DELETE_FAILED")
    return stuck


def _reversed(found: Mapping[str, StackResource]) -> templates.Sorter:
    before: dict[str, set[str]] = {name: set() for name in found}
    for name, resource in found.items():
        for needed in resource.definition.needs & found.keys():
            before[needed].add(name)
    return templates.order({name: frozenset(users) for name, users in before.items()})


def _is_current(op: Operation, resource: StackResource) -> bool:
    current = op.stack.resources.get(resource.logical_id)
    return current is not None and current.physical_id == resource.physical_id


def _clean_up(op: Operation, dropped: list[StackResource], *, creation: bool = False) -> None:
    """Remove what an update has left over; what cannot be removed is forgotten after three attempts, as AWS does."""
    _reset(op)
    left = [r for r in op.stack.superseded if not _is_current(op, r)]  # not what was put back
    replaced = {f"{r.logical_id}/{r.physical_id}": r for r in left}
    policies = {key: (r, _policy(r, creation=creation, replaced=not creation)) for key, r in replaced.items()}
    policies |= {r.logical_id: (r, _policy(r, creation=creation)) for r in dropped}
    users: dict[str, set[str]] = {key: set() for key in policies}
    for key, (resource, _) in policies.items():
        for other, (needed, _) in policies.items():
            if needed.logical_id in resource.definition.needs:
                users[other].add(key)

    def work(key: str) -> None:
        _persistently(op, *policies[key])
        if key in op.stack.resources:
            op.stack.resources.pop(key)

    walk(op, templates.order({key: frozenset(found) for key, found in users.items()}), work)
    op.stack.superseded.clear()


def _persistently(op: Operation, resource: StackResource, policy: str) -> None:
    for _ in range(3):
        try:
            remove(op, resource, policy)
        except StepFailed:
            continue
        return
