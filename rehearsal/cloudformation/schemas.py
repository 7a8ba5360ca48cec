"""The CloudFormation registry: which types, properties and attributes exist, and whose change replaces a resource."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

import regex
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError
from jsonschema import Draft7Validator, ValidationError
from jsonschema.validators import extend

from rehearsal.cloudformation.intrinsics import UNKNOWN, unknown

# Changes of conditional properties that need no new resource. Of the types that the rehearsal has, four more have such
# a property (a subnet's IPv6 block, a rule's bus, a function's DurableConfig, the region of a subscription's topic):
# none is changed here, so that the answer that costs more stands for them.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcTenancy.html
_IN_PLACE: Final[Mapping[tuple[str, str], tuple[tuple[Any, Any], ...]]] = {  # type and property -> (old, new)
    ("AWS::EC2::VPC", "InstanceTenancy"): (("dedicated", "default"), ("dedicated", None)),
}
CUSTOM: Final = "AWS::CloudFormation::CustomResource"


def is_custom(type_name: str) -> bool:
    """Return whether a type is a custom resource, whose properties and attributes its own handler decides."""
    return type_name == CUSTOM or type_name.startswith("Custom::")


@cache
def _entry(type_name: str, region: str) -> Any:  # noqa: ANN401 - cfn-lint's Schema class is not public
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, CUSTOM if is_custom(type_name) else type_name)


def schema(type_name: str, region: str) -> dict[str, Any]:
    """Return the registry's schema of a type."""
    found: dict[str, Any] = _entry(type_name, region).schema
    return found


def known(template: Mapping[str, Any], region: str) -> set[str]:
    """Return the types used in a template that the registry knows in this region."""
    found = set()
    for type_name in {raw["Type"] for raw in template["Resources"].values()}:
        try:
            _entry(type_name, region)
        except ResourceNotFoundError:
            continue
        found.add(type_name)
    return found


def has_attribute(type_name: str, attribute: str, region: str) -> bool:
    """Return whether Fn::GetAtt may ask for `attribute`: the read-only properties, and cfn-lint's list of exceptions.

    The exceptions are the types that were there before the registry, whose documentation names more return values
    than their schemas do.
    """
    return is_custom(type_name) or _entry(type_name, region).get_atts.get(attribute) is not None


def _pointers(schema_of_type: Mapping[str, Any], key: str) -> list[tuple[str, ...]]:
    return [tuple(pointer.split("/")[2:]) for pointer in schema_of_type.get(key) or []]


def _at(value: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON
    """Return what lies at `path`, a list of all of them where the path has a `*`."""
    if not path:
        return value
    if path[0] == "*":
        return [_at(item, path[1:]) for item in value] if isinstance(value, list) else None
    return _at(value.get(path[0]), path[1:]) if isinstance(value, dict) else None


def replacing(
    type_name: str, region: str, old: Mapping[str, Any], new: Mapping[str, Any], name: str | None = None
) -> str:
    """Return "True" if a change replaces the resource, "Conditional" if AWS says it depends, else "False".

    `name` looks only at the changes of one top-level property.
    """
    if is_custom(type_name):
        return "False"  # its handler decides, by the physical id it answers
    found = schema(type_name, region)
    for key, answer in (("createOnlyProperties", "True"), ("conditionalCreateOnlyProperties", "Conditional")):
        for path in _pointers(found, key):
            if name in (None, path[0]) and _at(dict(old), path) != _at(dict(new), path):
                return answer
    return "False"


def replaced(type_name: str, region: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Return whether a change of known properties replaces the resource: where the registry says that it depends, too.

    What the documentation of a conditional property does not leave in place is replaced.
    """
    answer = replacing(type_name, region, old, new)
    if answer != "Conditional":
        return answer == "True"
    changed = (path[0] for path in _pointers(schema(type_name, region), "conditionalCreateOnlyProperties"))
    return not all(
        old.get(name) == new.get(name) or (old.get(name), new.get(name)) in _IN_PLACE.get((type_name, name), ())
        for name in changed
    )


def taggable(type_name: str, region: str) -> bool:
    """Return whether a change of the stack's tags updates resources of this type."""
    if is_custom(type_name):
        return False
    found = schema(type_name, region)
    return bool(found.get("tagging", {}).get("taggable", found.get("taggable", "Tags" in found["properties"])))


def read_only(type_name: str, region: str) -> set[str]:
    """Return the names of top-level properties that only the service sets."""
    return {path[0] for path in _pointers(schema(type_name, region), "readOnlyProperties") if len(path) == 1}


def name_properties(type_name: str, region: str) -> list[str]:
    """Return the properties that name a resource uniquely, [] where the service itself names it."""
    if is_custom(type_name):
        return []
    names = [path[0] for path in _pointers(schema(type_name, region), "primaryIdentifier") if len(path) == 1]
    return [] if set(names) & read_only(type_name, region) else names


def coerce(value: Any, part: Mapping[str, Any], root: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    """Return `value` with its scalars turned into the schema's types, as CloudFormation does: "true" into true."""
    part = _resolved(part, root)
    if isinstance(value, dict):
        inner = part.get("properties", {})
        rest = next(iter(part.get("patternProperties", {}).values()), part.get("additionalProperties"))
        rest = rest if isinstance(rest, dict) else {}
        return {key: coerce(item, inner.get(key, rest), root) for key, item in value.items()}
    if isinstance(value, list):
        return [coerce(item, part.get("items", {}), root) for item in value]
    return _scalar(value, part.get("type"))


def _resolved(part: Any, root: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    while isinstance(part, dict) and "$ref" in part:
        found: Any = root
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step.replace("~1", "/").replace("~0", "~")]
        part = found
    return part if isinstance(part, dict) else {}


def _scalar(value: Any, wanted: Any) -> Any:  # noqa: ANN401 - any JSON
    if wanted == "string" and isinstance(value, bool | int | float):
        return json.dumps(value)
    if not isinstance(value, str):
        return value
    if wanted == "boolean" and value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        return int(value) if wanted == "integer" else float(value) if wanted == "number" else value
    except ValueError:
        return value


def _hidden(instance: Any) -> bool:  # noqa: ANN401 - any JSON
    return instance is UNKNOWN or (isinstance(instance, str) and "{{resolve:" in instance)


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:  # noqa: ANN401 - jsonschema's
    try:
        matches = not isinstance(instance, str) or regex.search(pattern, instance)
    except regex.error:
        return  # a pattern in Java's dialect that Python lacks: the service itself will judge
    if not matches:
        yield ValidationError(f"{instance} does not match pattern {pattern}")


def _one_of_required(_: Any, names: list[str], instance: Any, __: Any) -> Iterator[ValidationError]:  # noqa: ANN401
    if isinstance(instance, dict) and not set(names) & instance.keys():
        yield ValidationError(f"At least one of the properties {names} is required")


def _exactly_one_required(_: Any, names: list[str], instance: Any, __: Any) -> Iterator[ValidationError]:  # noqa: ANN401
    if isinstance(instance, dict) and len(set(names) & instance.keys()) != 1:
        yield ValidationError(f"Exactly one of the properties {names} is required")


def _excluded(_: Any, rules: dict[str, list[str]], instance: Any, __: Any) -> Iterator[ValidationError]:  # noqa: ANN401
    for name, others in rules.items() if isinstance(instance, dict) else ():
        if name in instance and set(others) & instance.keys():
            yield ValidationError(f"Property [{name}] cannot be combined with {sorted(set(others) & instance.keys())}")


def _required_with(_: Any, rules: dict[str, list[str]], instance: Any, __: Any) -> Iterator[ValidationError]:  # noqa: ANN401
    for name, others in rules.items() if isinstance(instance, dict) else ():
        if name in instance and not set(others) <= instance.keys():
            yield ValidationError(f"Property [{name}] requires {sorted(set(others) - instance.keys())}")


def _unless_unknown(keyword: str, check: Any) -> Any:  # noqa: ANN401 - jsonschema's functions are untyped
    whole = keyword in ("oneOf", "not", "uniqueItems", "contains")  # says nothing sure while any part is unknown

    def checked(validator: Any, value: Any, instance: Any, part: Any) -> Iterator[ValidationError]:  # noqa: ANN401
        if not (_hidden(instance) or (whole and unknown(instance))):
            yield from check(validator, value, instance, part) or ()

    return checked


# requiredXor and the like are cfn-lint's own words for what the services themselves refuse
_KEYWORDS: Final = {
    **Draft7Validator.VALIDATORS, "pattern": _pattern, "requiredOr": _one_of_required,
    "requiredXor": _exactly_one_required, "dependentExcluded": _excluded, "dependentRequired": _required_with,
}  # fmt: skip
_Validator: Final = extend(Draft7Validator, {key: _unless_unknown(key, check) for key, check in _KEYWORDS.items()})
_WORDS: Final = {
    "additionalProperties": "Unsupported property [{name}]",
    "required": "Required property [{name}] not found",
    "enum": "{instance} is not a valid enum value",
    "type": "expected type: {wanted}, found: {found}",
    "maxLength": "expected maxLength: {wanted}, actual: {size}",
    "minLength": "expected minLength: {wanted}, actual: {size}",
}


def problems(type_name: str, region: str, properties: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (path, message) for each thing in `properties` that the type's schema refuses; UNKNOWN passes."""
    if is_custom(type_name):
        return [] if "ServiceToken" in properties else [("", _WORDS["required"].format(name="ServiceToken"))]
    found = schema(type_name, region)
    refused = [
        ("", _WORDS["additionalProperties"].format(name=n)) for n in read_only(type_name, region) & properties.keys()
    ]
    errors = sorted(_Validator(found).iter_errors(dict(properties)), key=lambda error: error.json_path)
    return refused + [("".join(f"/{part}" for part in error.absolute_path), _message(error)) for error in errors]


def _message(error: ValidationError) -> str:
    keyword, instance = error.validator, error.instance
    name = ""
    if keyword == "additionalProperties" and isinstance(error.schema, dict):
        name = ", ".join(sorted(set(instance) - error.schema.get("properties", {}).keys()))
    elif keyword == "required":
        name = ", ".join(n for n in error.validator_value if n not in instance)
    words = _WORDS.get(str(keyword), error.message.replace("{", "{{").replace("}", "}}"))
    size = len(instance) if isinstance(instance, str | list | dict) else 0
    found = {dict: "JSONObject", list: "JSONArray", str: "String", bool: "Boolean"}.get(type(instance), "Number")
    message: str = words.format(name=name, instance=instance, wanted=error.validator_value, found=found, size=size)
    return message
