"""One resource's steps: made, changed, replaced, changed back or removed, with the events that tell of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Self

from rehearsal.cloudformation import dynamic, schemas
from rehearsal.cloudformation.events import Operation, StepFailed, emit, failure_reason, token_of
from rehearsal.cloudformation.provider import Failure, Request, Resource
from rehearsal.cloudformation.stacks import StackResource, now
from rehearsal.cloudformation.templates import Design
from rehearsal.cloudformation.values import properties_of, typed
from rehearsal.faults import Kind


def apply(op: Operation, design: Design, logical_id: str) -> None:
    """Bring one resource to what the design asks: made, updated, replaced or left alone."""
    definition, old = design.resources[logical_id], op.stack.resources.get(logical_id)
    fresh = StackResource(logical_id, definition, "", now(), maker=op.id, tags=dict(op.stack.current.tags))
    with _reporting(op, fresh, old) as report:
        report.fresh = fresh = replace(fresh, properties=properties_of(op, design, definition))
        if old is None or old.status in ("CREATE_FAILED", "DELETE_COMPLETE"):
            _create(op, fresh, old)
        elif (change := changed(old, fresh, op.engine.world.region)) == "none":
            op.stack.resources[logical_id] = replace(old, definition=definition, tags=fresh.tags)
        elif change == "replace":
            _replace(op, fresh, old)
        else:
            _update(op, fresh, old)


def changed(old: StackResource, fresh: StackResource, region: str) -> str:
    """Return what has to happen to a resource: none, update or replace."""
    type_name = fresh.definition.type
    retagged = old.tags != fresh.tags and schemas.taggable(type_name, region)
    if old.properties == fresh.properties and not retagged and not old.status.endswith("UPDATE_FAILED"):
        return "none"
    return "replace" if schemas.replaced(type_name, region, old.properties, fresh.properties) else "update"


class _reporting:  # noqa: N801 - reads as a statement
    """Turns whatever goes wrong inside into the resource's failed event and StepFailed."""

    def __init__(self, op: Operation, fresh: StackResource, old: StackResource | None) -> None:
        self._op, self._old, self.fresh = op, old, fresh

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is None or not isinstance(error, Exception):
            return
        op, name = self._op, self.fresh.logical_id
        current, reason = op.stack.resources.get(name), failure_reason(error, op, name)
        verb = "UPDATE" if self._old and self._old.status != "CREATE_FAILED" else "CREATE"
        made = getattr(error, "physical_id", None)
        base = current if current and verb == "UPDATE" else self.fresh
        failed = replace(base, status=f"{verb}_FAILED", reason=reason, updated=now())
        if made and verb == "UPDATE" and made != base.physical_id:
            op.stack.superseded.append(replace(self.fresh, physical_id=made))
        op.stack.resources[name] = replace(failed, physical_id=made) if made and verb == "CREATE" else failed
        with op.lock:
            if name not in op.cancelled:
                emit(op, failed.status, reason, op.stack.resources[name])
        raise StepFailed(reason) from error


def _ask(op: Operation, fresh: StackResource, kind: Kind, old: StackResource | None = None) -> Request:
    """Return the provider's request, after the faults planted for it and the schema have had their say."""
    if op.engine.world.stopped.is_set():
        raise Failure("The rehearsal has ended")  # each step still to come fails at once, so that no thread outlives it
    if op.engine.world.faults.strikes(kind, fresh.logical_id):
        raise Failure(f"Fault planted by the rehearsal: {kind} of {fresh.logical_id} fails")
    type_name, stack, region = fresh.definition.type, op.stack, op.engine.world.region
    properties = dict(fresh.properties)
    if kind != "delete":
        properties = typed(type_name, region, dynamic.resolved(properties, op.client))
        wrong = schemas.problems(type_name, region, properties)
        if wrong:
            raise Failure(f"Properties validation failed for resource {fresh.logical_id} with message:\n"
                          + "\n".join(f"#{path}: {message}" for path, message in wrong))  # fmt: skip
    before = typed(type_name, region, dynamic.resolved(dict(old.properties), op.client)) if old else {}
    own = {"stack-id": stack.id, "stack-name": stack.name, "logical-id": fresh.logical_id}
    return Request(
        type=type_name, logical_id=fresh.logical_id, stack_name=stack.name, stack_id=stack.id, properties=properties,
        client=op.client, wait=_waiter(op, type_name), token=token_of(op.id, fresh.logical_id),
        physical_id=(old or fresh).physical_id, old_properties=before,
        tags=dict(fresh.tags) | {f"aws:cloudformation:{key}": value for key, value in own.items()},
    )  # fmt: skip


def _waiter(op: Operation, type_name: str) -> Callable[..., bool]:
    """Return the clock's wait; a custom resource's ends early when a sibling has failed, as AWS cancels it."""
    if not schemas.is_custom(type_name):
        return op.engine.wait

    def wait(seconds: float, until: Callable[[], bool], every: float = 5.0) -> bool:
        op.engine.wait(seconds, lambda: op.stop.is_set() or until(), every)
        return until()

    return wait


def _begin(op: Operation, status: str, resource: StackResource, reason: str = "") -> None:
    op.stack.resources[resource.logical_id] = replace(resource, status=status)
    emit(op, status, reason, resource)


def _create(op: Operation, fresh: StackResource, old: StackResource | None) -> None:
    if old and old.physical_id and old.status == "CREATE_FAILED":
        op.stack.superseded.append(old)  # what a failed attempt left behind, when rollback was disabled
    _begin(op, "CREATE_IN_PROGRESS", fresh)
    made = op.engine.provider(fresh.definition.type).create(_ask(op, fresh, "create"))
    _reached(op, "CREATE", fresh, made, initiated=True)


def _replace(op: Operation, fresh: StackResource, old: StackResource) -> None:
    emit(op, "UPDATE_IN_PROGRESS", "Requested update requires the creation of a new physical resource; hence creating "
         "one.", replace(fresh, physical_id=old.physical_id))  # fmt: skip
    _refuse_same_name(fresh, old, op.engine.world.region)
    made = op.engine.provider(fresh.definition.type).create(_ask(op, fresh, "create"))
    op.stack.superseded.append(old)
    _reached(op, "UPDATE", fresh, made, initiated=True)


def _refuse_same_name(fresh: StackResource, old: StackResource, region: str) -> None:
    """Two resources cannot hold one name at a time, and the new one comes before the old one goes."""
    names = schemas.name_properties(fresh.definition.type, region)
    if names and all(
        fresh.properties.get(n) is not None and fresh.properties.get(n) == old.properties.get(n) for n in names
    ):
        taken = "|".join(str(fresh.properties[name]) for name in names)
        raise Failure("CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename "
                      f"{taken} and update the stack again.")  # fmt: skip


def _update(op: Operation, fresh: StackResource, old: StackResource) -> None:
    keep = replace(fresh, physical_id=old.physical_id, attributes=old.attributes, maker=old.maker)
    _begin(op, "UPDATE_IN_PROGRESS", keep)
    made = op.engine.provider(fresh.definition.type).update(_ask(op, keep, "update", old))
    if made.physical_id != old.physical_id:
        op.stack.superseded.append(old)  # a custom resource whose handler answered with another physical id
    _reached(op, "UPDATE", keep, made)


def _reached(op: Operation, verb: str, fresh: StackResource, made: Resource, *, initiated: bool = False) -> None:
    """Record what was made; if a sibling's failure was already reported for it, it stays failed, to be rolled back."""
    made_at = replace(fresh, physical_id=made.physical_id, attributes=dict(made.attributes), updated=now())
    with op.lock:
        cancelled = fresh.logical_id in op.cancelled
        done = replace(made_at, status=f"{verb}_FAILED" if cancelled else f"{verb}_COMPLETE")
        op.stack.resources[fresh.logical_id] = done
        if not cancelled:
            if initiated:
                emit(op, f"{verb}_IN_PROGRESS", "Resource creation Initiated", done)
            emit(op, done.status, "", done)


def restore(op: Operation, old: StackResource) -> None:
    """Bring one resource back to what it was before the update; its second update carries the old properties."""
    current = op.stack.resources[old.logical_id]
    if current.updated == old.updated:  # the update never got there
        op.stack.resources[old.logical_id] = old
        return
    with _reporting(op, replace(old, physical_id=current.physical_id), current):
        emit(op, "UPDATE_IN_PROGRESS", "", current)
        if current.maker != old.maker:  # replaced: the old one is still there
            op.stack.superseded.append(current)
            made = Resource(str(old.physical_id), old.attributes)
        elif current.properties == old.properties and current.tags == old.tags:
            made = Resource(str(old.physical_id), old.attributes)
        else:
            made = op.engine.provider(old.definition.type).update(_ask(op, old, "update", current))
            if made.physical_id != current.physical_id:
                op.stack.superseded.append(current)
        restored = replace(
            old, physical_id=made.physical_id, attributes=dict(made.attributes), status="UPDATE_COMPLETE"
        )
        op.stack.resources[old.logical_id] = restored
        emit(op, "UPDATE_COMPLETE", "", restored)


def remove(op: Operation, resource: StackResource, policy: str = "Delete") -> None:
    """Delete one physical resource, or leave it where its policy keeps it; StepFailed after the event if it stays."""
    if policy != "Delete":
        emit(op, "DELETE_SKIPPED", "", resource)
        return
    emit(op, "DELETE_IN_PROGRESS", "", resource)
    try:
        if resource.physical_id is not None:
            op.engine.provider(resource.definition.type).delete(_ask(op, resource, "delete"))
            _tell_late(op, resource.logical_id)
    except Exception as error:
        reason = failure_reason(error, op, resource.logical_id)
        emit(op, "DELETE_FAILED", reason, resource)
        raise StepFailed(reason) from error
    emit(op, "DELETE_COMPLETE", "", resource)


def _tell_late(op: Operation, logical_id: str) -> None:
    """Let a deletion that is done fail after all, where that is planted: so is one that takes longer than AWS waits."""
    if op.engine.world.faults.strikes("delete-late", logical_id):
        raise Failure(f"Fault planted by the rehearsal: {logical_id} is deleted, but later than was waited for")
