"""Change sets: what a submission would do to a stack, found without doing it."""

import json
from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import Any

from rehearsal.cloudformation import schemas
from rehearsal.cloudformation.engine import Engine, scope_of
from rehearsal.cloudformation.intrinsics import UNKNOWN, evaluate, unknown
from rehearsal.cloudformation.provider import Failure
from rehearsal.cloudformation.references import references
from rehearsal.cloudformation.stacks import ChangeSet, Stack, StackResource, Submission, new_id, now
from rehearsal.cloudformation.templates import Definition
from rehearsal.cloudformation.values import typed, value_of
from rehearsal.wire.call import Refused

NOTHING = "The submitted information didn't contain changes. Submit different information to create a change set."
INVALID = ("The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]. To troubleshoot Early "
           "Validation errors, use the DescribeEvents API for detailed failure information.")  # fmt: skip


def planned(engine: Engine, stack: Stack, wanted: Submission) -> dict[str, dict[str, Any]]:
    """Return each resource's properties as far as they are known before anything is done."""
    made: dict[str, StackResource] = dict(stack.resources)
    known: dict[str, dict[str, Any]] = {}
    design, region = wanted.design, engine.world.region
    _refuse_other_types(made, design.resources)

    def value(name: str, attribute: str | None) -> Any:  # noqa: ANN401 - any JSON
        if name not in made or (attribute and made[name].properties != known.get(name)):
            return UNKNOWN  # an update may change its attributes
        try:
            return value_of(made, name, attribute)
        except Failure:
            return UNKNOWN

    scope = scope_of(design, value, engine.imported, engine.zones)
    for name in TopologicalSorter({n: d.needs for n, d in design.resources.items()}).static_order():
        definition = design.resources[name]
        known[name] = typed(definition.type, region, evaluate(dict(definition.properties), scope))
        old = made.get(name)
        if old and schemas.replacing(definition.type, region, old.properties, _settled(known[name], old)) == "True":
            made.pop(name)
    return known


def _refuse_other_types(made: Mapping[str, StackResource], wanted: Mapping[str, Definition]) -> None:
    found = sorted(name for name in wanted if name in made and made[name].definition.type != wanted[name].type)
    if found:
        raise Refused("ValidationError", "Update of resource type is not permitted. The new template modifies resource "
                      f"type of the following resources: [{', '.join(found)}]")  # fmt: skip


def _settled(properties: Mapping[str, Any], old: StackResource) -> dict[str, Any]:
    """Take what is unknown as unchanged, to tell a certain replacement from a conditional one."""
    return {key: old.properties.get(key) if unknown(value) else value for key, value in properties.items()}


def problems(engine: Engine, wanted: Submission, known: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return early validation's findings, as OperationEvents: what the schemas refuse of what is known."""
    region, found_at = engine.world.region, now()
    return [
        {
            "EventId": new_id(), "EventType": "VALIDATION_ERROR", "LogicalResourceId": name, "Timestamp": found_at,
            "ResourceType": definition.type, "ValidationFailureMode": "FAIL", "ValidationName": "PROPERTY_VALIDATION",
            "ValidationStatus": "FAILED", "ValidationStatusReason": message,
            "ValidationPath": f"/Resources/{name}/Properties{path}",
        }
        for name, definition in wanted.design.resources.items()
        for path, message in schemas.problems(definition.type, region, known[name])
    ]  # fmt: skip


def differences(
    engine: Engine, stack: Stack, wanted: Submission, known: Mapping[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return botocore's Changes: resources added, modified and removed."""
    region, design = engine.world.region, wanted.design.resources
    found = []
    for name, definition in design.items():
        old = stack.resources.get(name)
        if old is None or old.status == "CREATE_FAILED":
            found.append(_change("Add", name, definition, after=known[name]))
        else:
            change = _modification(region, old, definition, known[name], retagged=wanted.tags != old.tags)
            found += [change] if change else []
    for name, old in stack.resources.items():
        if name not in design:
            policy = "Delete" if old.definition.deletion_policy == "Delete" else "Retain"
            found.append(_change("Remove", name, old.definition, old=old, PolicyAction=policy))
    return found


def _change(
    action: str, name: str, definition: Definition, *, old: StackResource | None = None,
    after: Mapping[str, Any] | None = None, **more: Any,  # noqa: ANN401 - further members of ResourceChange
) -> dict[str, Any]:  # fmt: skip
    change = {
        "Action": action,
        "LogicalResourceId": name,
        "ResourceType": definition.type,
        "Scope": [],
        "Details": [],
        **more,
    }
    if old and old.physical_id:
        change["PhysicalResourceId"] = old.physical_id
    if old:
        change["BeforeContext"] = _context(old.properties)
    if after is not None:
        change["AfterContext"] = _context(after)
    return {"Type": "Resource", "ResourceChange": change}


def _context(properties: Mapping[str, Any]) -> str:
    return json.dumps({"Properties": properties}, default=lambda _: "{{changeSet:KNOWN_AFTER_APPLY}}")


def _modification(
    region: str, old: StackResource, fresh: Definition, after: dict[str, Any], *, retagged: bool
) -> dict[str, Any] | None:
    names = sorted(key for key in old.properties.keys() | after.keys() if old.properties.get(key) != after.get(key))
    details = [_detail(region, old, fresh, after, name) for name in names]
    if retagged and schemas.taggable(fresh.type, region) and not names:
        details.append(_attribute_detail("Tags"))
    for attribute, before, after_it in (
        ("Metadata", old.definition.metadata, fresh.metadata),
        ("DeletionPolicy", old.definition.deletion_policy, fresh.deletion_policy),
        ("UpdateReplacePolicy", old.definition.replace_policy, fresh.replace_policy),
    ):
        details += [_attribute_detail(attribute)] if before != after_it else []
    if not details:
        return None
    needs = {detail["Target"].get("RequiresRecreation", "Never") for detail in details}
    replacement = "True" if "Always" in needs else "Conditional" if "Conditionally" in needs else "False"
    more = {
        "Replacement": replacement,
        "Details": details,
        "Scope": sorted({d["Target"]["Attribute"] for d in details}),
    }
    if replacement == "True":
        more["PolicyAction"] = "ReplaceAndDelete" if old.definition.replace_policy == "Delete" else "ReplaceAndRetain"
    return _change("Modify", old.logical_id, fresh, old=old, after=after, **more)


def _detail(region: str, old: StackResource, fresh: Definition, after: dict[str, Any], name: str) -> dict[str, Any]:
    answer = schemas.replacing(fresh.type, region, old.properties, after, name)
    maybe = answer != "False" and unknown(after.get(name))
    recreation = {"True": "Always", "Conditional": "Conditionally", "False": "Never"}[
        "Conditional" if maybe else answer
    ]
    target = {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation, "Path": f"/Properties/{name}"}
    if name in old.properties:
        target["BeforeValue"] = _shown(old.properties[name])
    if name in after:
        target["AfterValue"] = _shown(after[name])
    target["AttributeChangeType"] = "Add" if name not in old.properties else "Modify" if name in after else "Remove"
    detail = {"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"}
    if unknown(after.get(name)):
        used = next(iter(references(fresh.properties.get(name))), None)
        detail |= {
            "Evaluation": "Dynamic",
            "ChangeSource": "ResourceAttribute" if used and used[1] else "ResourceReference",
        }
        detail |= {"CausingEntity": ".".join(filter(None, used))} if used else {}
    return detail


def _shown(value: Any) -> str:  # noqa: ANN401 - any JSON
    return value if isinstance(value, str) else json.dumps(value, default=lambda _: "{{changeSet:KNOWN_AFTER_APPLY}}")


def _attribute_detail(attribute: str) -> dict[str, Any]:
    return {"Target": {"Attribute": attribute, "RequiresRecreation": "Never"}, "Evaluation": "Static",
            "ChangeSource": "DirectModification"}  # fmt: skip


def same(stack: Stack, wanted: Submission, changes: list[dict[str, Any]]) -> bool:
    """Return whether a submission changes nothing that CloudFormation counts: resources, outputs, tags, role aside."""
    current = stack.current
    same_outputs = dict(current.design.outputs) == dict(wanted.design.outputs)
    return not changes and same_outputs and current.tags == wanted.tags


def strip_values(changes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return changes without property values, as DescribeChangeSet gives them unless it is asked for values."""
    hidden = {"BeforeValue", "AfterValue", "Path", "AttributeChangeType"}

    def plain(change: dict[str, Any]) -> dict[str, Any]:
        inner = {key: value for key, value in change["ResourceChange"].items() if not key.endswith("Context")}
        inner["Details"] = [
            d | {"Target": {k: v for k, v in d["Target"].items() if k not in hidden}} for d in inner["Details"]
        ]
        return change | {"ResourceChange": inner}

    return [plain(change) for change in changes]


def fill(engine: Engine, stack: Stack, change_set: ChangeSet, wanted: Submission, *, started: bool) -> None:
    """Find what a change set would do; it fails for wrong properties, or where nothing would change."""
    known = planned(engine, stack, wanted)
    change_set.changes = differences(engine, stack, wanted, known)
    change_set.problems = problems(engine, wanted, known)
    if change_set.problems:
        change_set.reason = INVALID
    elif change_set.kind == "UPDATE" and started and same(stack, wanted, change_set.changes):
        change_set.reason = NOTHING
    if change_set.reason:
        change_set.status, change_set.execution = "FAILED", "UNAVAILABLE"
