"""Templates: read from JSON or YAML, checked as CloudFormation checks them, and decided by their conditions."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final, TypeAlias

import yaml

from rehearsal.cloudformation import schemas
from rehearsal.cloudformation.conditions import decide
from rehearsal.cloudformation.intrinsics import Scope, chosen, template_error
from rehearsal.cloudformation.references import references
from rehearsal.wire.call import Refused

SECTIONS: Final = frozenset(
    {"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings", "Conditions", "Rules",
     "Resources", "Outputs", "Transform", "Hooks"}
)  # fmt: skip
RESOURCE_ATTRIBUTES: Final = frozenset(
    {"Type", "Properties", "DependsOn", "Condition", "Metadata", "DeletionPolicy", "UpdateReplacePolicy",
     "CreationPolicy", "UpdatePolicy"}
)  # fmt: skip
PSEUDO: Final = frozenset(
    f"AWS::{name}"
    for name in ("AccountId", "NotificationARNs", "NoValue", "Partition", "Region", "StackId", "StackName", "URLSuffix")
)
POLICIES: Final = ("Delete", "Retain", "RetainExceptOnCreate")
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
LARGEST_BODY, LARGEST_DOCUMENT = 51_200, 1_000_000  # bytes
Sorter: TypeAlias = "TopologicalSorter[str]"
LIMITS: Final = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}


def _format_error(message: str) -> Refused:
    return Refused("ValidationError", f"Template format error: {message}")


class _Loader(yaml.SafeLoader):
    """YAML as CloudFormation reads it: short forms of functions, and dates left as text."""


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)  # type: ignore[no-untyped-call]


def parse(body: str) -> dict[str, Any]:
    """Return the template that `body` holds, JSON or YAML; Refused where it is neither."""
    if len(body.encode()) > LARGEST_DOCUMENT:
        raise Refused("ValidationError", f"Template may not exceed {LARGEST_DOCUMENT} bytes in size.")
    try:
        template = json.loads(body) if body.lstrip().startswith("{") else yaml.load(body, _Loader)  # noqa: S506 - safe
    except json.JSONDecodeError as error:
        raise _format_error(f"JSON not well-formed. (line {error.lineno}, column {error.colno})") from None
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        where = f" (line {at.line + 1}, column {at.column + 1})" if at else ""
        raise _format_error(f"YAML not well-formed.{where}") from None
    if not isinstance(template, dict):
        raise _format_error("unsupported structure.")
    return template


@dataclass(frozen=True)
class Definition:
    """One resource of a template whose conditions are decided."""

    type: str
    properties: Mapping[str, Any]
    needs: frozenset[str]  # logical ids that must exist before it, by DependsOn or reference
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Design:
    """What a template asks for once parameters are given: its resources and outputs, the false conditions' left out."""

    resources: Mapping[str, Definition]
    outputs: Mapping[str, Any]
    parameters: Mapping[str, Any]  # resolved, with the pseudo parameters
    mappings: Mapping[str, Any]
    conditions: Mapping[str, bool]


EMPTY: Final = Design({}, {}, {}, {}, {})


def design(template: Mapping[str, Any], scope: Scope) -> Design:
    """Decide the template's conditions in `scope` and return what is left of it."""
    conditions = decide(template.get("Conditions", {}), scope)
    kept = {name: raw for name, raw in template["Resources"].items() if conditions.get(raw.get("Condition"), True)}
    resources = {name: _definition(chosen(raw, conditions), kept) for name, raw in kept.items()}
    outputs = {
        name: chosen(raw, conditions)
        for name, raw in template.get("Outputs", {}).items()
        if conditions.get(raw.get("Condition"), True)
    }
    for where, part in (("Resources", [d.properties for d in resources.values()]), ("Outputs", list(outputs.values()))):
        missing = {name for name, _ in references(part)} - kept.keys() - scope.parameters.keys() - PSEUDO
        if missing:
            raise _unresolved(missing, where)
    return Design(resources, outputs, scope.parameters, scope.mappings, conditions)


def _definition(raw: Mapping[str, Any], kept: Mapping[str, Any]) -> Definition:
    properties = raw.get("Properties", {})
    named = {name for name, _ in references(properties)}
    return Definition(
        raw["Type"],
        properties,
        frozenset((named | set(_depends_on(raw))) & kept.keys()),
        raw.get("DeletionPolicy", "Delete"),
        raw.get("UpdateReplacePolicy", "Delete"),
        raw.get("Metadata", {}),
    )


def order(needs: Mapping[str, frozenset[str]]) -> Sorter:
    """Return a sorter ready to hand out the resources whose needs are met; a circle is refused as AWS does."""
    sorter = TopologicalSorter(needs)
    try:
        sorter.prepare()
    except CycleError as error:
        circle = ", ".join(sorted(set(error.args[1])))
        raise Refused("ValidationError", f"Circular dependency between resources: [{circle}]") from None
    return sorter


def check(template: Mapping[str, Any], region: str) -> None:
    """Refuse a template that AWS would refuse before it looks at any parameter."""
    for examine in (_check_sections, _check_limits):
        examine(template)
    for name, raw in template["Resources"].items():
        _check_resource(name, raw)
    unrecognised = sorted({raw["Type"] for raw in template["Resources"].values()} - schemas.known(template, region))
    if unrecognised:
        raise _format_error(f"Unrecognized resource types: [{', '.join(unrecognised)}]")
    _check_references(template, region)
    order({name: frozenset(_needs(raw)) & template["Resources"].keys() for name, raw in template["Resources"].items()})


def _check_sections(template: Mapping[str, Any]) -> None:
    strange = sorted(map(str, template.keys() - SECTIONS))
    if strange:
        raise Refused("ValidationError", f"Invalid template property or properties [{', '.join(strange)}]")
    if template.get("Transform") or template.get("Hooks"):
        raise Refused("ValidationError", "Transform and Hooks are not rehearsed: expand the macro before deploying, "
                      f"found {template.get('Transform') or template.get('Hooks')}")  # fmt: skip
    if not isinstance(template.get("Resources"), dict) or not template["Resources"]:
        raise _format_error("At least one Resources member must be defined.")


def _check_limits(template: Mapping[str, Any]) -> None:
    for section, most in LIMITS.items():
        found = len(template.get(section, {}))
        if found > most:
            raise _format_error(f"Number of {section.lower()}, {found}, is greater than maximum allowed, {most}")


def _check_resource(name: str, raw: Any) -> None:  # noqa: ANN401 - any JSON
    if not re.fullmatch("[A-Za-z0-9]{1,255}", str(name)):
        raise _format_error(f"Resource name {name} is non alphanumeric.")
    if not isinstance(raw, dict) or not isinstance(raw.get("Properties", {}), dict):
        raise _format_error(f"[/Resources/{name}] resource definition is malformed")
    if not isinstance(raw.get("Type"), str):
        raise _format_error(f"[/Resources/{name}] Every Resources object must contain a Type member.")
    for key in sorted(raw.keys() - RESOURCE_ATTRIBUTES):
        raise Refused("ValidationError", f"Invalid template resource property '{key}'")
    if raw.get("CreationPolicy"):
        raise Refused("ValidationError", f"CreationPolicy of {name} is not rehearsed: nothing here sends signals")
    _check_policies(name, raw)


def _check_policies(name: str, raw: Mapping[str, Any]) -> None:
    for key in ("DeletionPolicy", "UpdateReplacePolicy"):
        allowed = POLICIES if key == "DeletionPolicy" else POLICIES[:2]
        if raw.get(key, "Delete") not in allowed:
            raise _format_error(f"Unrecognized {key} {raw[key]} for resource {name}; the rehearsal knows {allowed}, "
                                "and makes no snapshots")  # fmt: skip


def _depends_on(raw: Mapping[str, Any]) -> list[str]:
    found = raw.get("DependsOn", [])
    names = [found] if isinstance(found, str) else found
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _format_error("Every DependsOn value must be a string.")
    return names


def _needs(raw: Mapping[str, Any]) -> Iterator[str]:
    yield from _depends_on(raw)
    yield from (name for name, _ in references(raw.get("Properties", {})))


def _unresolved(missing: set[str], where: str) -> Refused:
    names = ", ".join(sorted(map(str, missing)))
    return _format_error(f"Unresolved resource dependencies [{names}] in the {where} block of the template")


def _check_references(template: Mapping[str, Any], region: str) -> None:
    resources = template["Resources"]
    names = resources.keys() | template.get("Parameters", {}).keys() | PSEUDO
    outputs = template.get("Outputs", {})
    for where, part, allowed in (
        ("Resources", [raw.get("Properties", {}) for raw in resources.values()], names),
        ("Resources", [{"Ref": name} for raw in resources.values() for name in _depends_on(raw)], resources.keys()),
        ("Outputs", [raw.get("Value") for raw in outputs.values()], names),
    ):
        found = list(references(part))
        missing = {name for name, _ in found} - allowed
        if missing:
            raise _unresolved(missing, where)
        for name, attribute in found:
            if attribute is not None:
                _check_attribute(name, attribute, resources, region)
    _check_condition_names(template)


def _check_attribute(name: str, attribute: str, resources: Mapping[str, Any], region: str) -> None:
    if name not in resources:
        raise template_error(f"instance of Fn::GetAtt references undefined resource {name}")
    if attribute and not schemas.has_attribute(resources[name]["Type"], attribute, region):
        raise template_error(f"resource {name} does not support attribute type {attribute} in Fn::GetAtt")


def _check_condition_names(template: Mapping[str, Any]) -> None:
    for section in ("Resources", "Outputs"):
        for raw in template.get(section, {}).values():
            if "Condition" in raw and raw["Condition"] not in template.get("Conditions", {}):
                raise _format_error(f"Unresolved condition dependency {raw['Condition']} in the {section} block of "
                                    "the template")  # fmt: skip
    for name in _conditions_used(template["Resources"]):
        if name not in template.get("Conditions", {}):
            raise _format_error(f"Unresolved condition dependency {name} in the Resources block of the template")


def _conditions_used(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        argument = value.get("Fn::If")
        if isinstance(argument, list) and argument and isinstance(argument[0], str):
            yield argument[0]
        value = list(value.values())
    for item in value if isinstance(value, list) else []:
        yield from _conditions_used(item)
