"""Properties as CloudFormation spells them, into parameters as botocore's shapes want them."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from rehearsal.cloudformation.provider import Failure


def member(shape: Shape | None, name: str) -> str | None:
    """Return the member of a structure that `name` means, whatever the case of its letters; None if there is none."""
    if not isinstance(shape, StructureShape):
        return None
    names = {known.lower(): known for known in shape.members}
    return names.get(name.lower()) or names.get(f"tag{name.lower()}")  # KMS has TagKey and TagValue


def fit(shape: Shape, value: Any) -> Any:  # noqa: ANN401 - a property's value
    """Return `value` in the form of `shape`; a part that the shape does not have is a Failure naming it."""
    if isinstance(shape, StructureShape):
        return _structure(shape, value)
    if isinstance(shape, ListShape):
        items = [{"Key": k, "Value": v} for k, v in value.items()] if isinstance(value, Mapping) else value
        return [fit(shape.member, item) for item in items]
    if isinstance(shape, MapShape):
        pairs = value.items() if isinstance(value, Mapping) else [(tag["Key"], tag["Value"]) for tag in value]
        return {key: fit(shape.value, each) for key, each in pairs}
    return _scalar(shape.type_name, value)


def _structure(shape: StructureShape, value: Mapping[str, Any]) -> dict[str, Any]:
    fitted = {}
    for name, part in value.items():
        known = member(shape, name)
        if known is None:
            raise Failure(f"{name} is not one of {', '.join(shape.members)} of {shape.name}")
        if part is not None:
            fitted[known] = fit(shape.members[known], part)
    return fitted


def _scalar(kind: str, value: Any) -> Any:  # noqa: ANN401 - a property's value
    if kind in ("integer", "long"):
        return int(value)
    if kind in ("float", "double"):
        return float(value)
    if kind == "boolean":
        return value in (True, "true", "True")
    if kind == "blob":
        return value if isinstance(value, bytes) else str(value).encode()
    return _text(value) if kind == "string" else value


def _text(value: Any) -> str:  # noqa: ANN401 - a property's value
    """Return what a string parameter takes: policy documents are JSON there, and objects in a template."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, (dict, list, bool)) else str(value)
