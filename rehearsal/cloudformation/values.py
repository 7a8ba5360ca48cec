"""What resources give: Ref and Fn::GetAtt of those that exist, and properties in the types of their schema."""

import json
from collections.abc import Mapping
from typing import Any

from rehearsal.cloudformation import schemas
from rehearsal.cloudformation.engine import scope_of
from rehearsal.cloudformation.events import Operation
from rehearsal.cloudformation.intrinsics import evaluate
from rehearsal.cloudformation.provider import Failure
from rehearsal.cloudformation.stacks import StackResource
from rehearsal.cloudformation.templates import Definition, Design


def value_of(resources: Mapping[str, StackResource], name: str, attribute: str | None) -> Any:  # noqa: ANN401 - any JSON
    """Return what Ref (attribute None) or Fn::GetAtt gives for a resource that exists."""
    resource = resources[name]
    if attribute is None:
        return resource.physical_id
    if attribute in resource.attributes:
        return resource.attributes[attribute]
    if schemas.is_custom(resource.definition.type):
        raise Failure(f"CustomResource attribute error: Vendor response doesn't contain {attribute} attribute in "
                      f"object {resource.physical_id}")  # fmt: skip
    found: Any = resource.properties
    for part in attribute.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if found is None:
        raise Failure(f"Attribute '{attribute}' of {name} ({resource.definition.type}) does not exist: the registry "
                      "allows it, but neither its properties nor what was made have it")  # fmt: skip
    return found


def properties_of(op: Operation, design: Design, definition: Definition) -> dict[str, Any]:
    """Return a resource's properties evaluated against the stack as it stands, in the types of its schema."""
    engine = op.engine
    scope = scope_of(design, lambda name, attribute: value_of(op.stack.resources, name, attribute),
                     engine.imported, engine.zones)  # fmt: skip
    return typed(definition.type, engine.world.region, evaluate(dict(definition.properties), scope))


def typed(type_name: str, region: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Return properties with scalars of the schema's types; a custom resource's become text, as AWS sends them."""
    if schemas.is_custom(type_name):
        return {key: _stringified(value) for key, value in properties.items()}
    found = schemas.schema(type_name, region)
    converted: dict[str, Any] = schemas.coerce(properties, found, found)
    return converted


def _stringified(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {key: _stringified(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_stringified(item) for item in value]
    return json.dumps(value) if isinstance(value, bool | int | float) else value
