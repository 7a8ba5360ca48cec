"""Custom resource definitions that charts bring, from a table of the fields that users of them write."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

TABLE = Path(__file__).parent / "definitions.yaml"
Schema = dict[str, Any]
ANY: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
SCALARS = {"string", "integer", "number", "boolean"}
# Texts that must have a form: https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.Duration
FORMS = {
    "duration": "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$",
    "byteSize": "^(0|([0-9]*[.])?[0-9]+((K|M|G|T|E|P)i?)?B)$",
}


def of_group(group: str) -> dict[str, dict[str, Any]]:
    """Return the definitions of an API group by the plural of their kind; raise KeyError for one that is not known."""
    return {kind["plural"]: _definition(group, name, kind) for name, kind in _table()[group].items()}


@cache
def _table() -> dict[str, dict[str, dict[str, Any]]]:
    table: dict[str, dict[str, dict[str, Any]]] = yaml.safe_load(TABLE.read_text())
    return table


def _definition(group: str, kind: str, facts: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": schema_of(facts.get("spec", "any")), "status": ANY}}
    if "spec" in facts:
        schema["required"] = ["spec"]
    version = {
        "name": facts["version"],
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    names = {"kind": kind, "listKind": f"{kind}List", "plural": facts["plural"], "singular": kind.lower()}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{facts['plural']}.{group}"},
        "spec": {"group": group, "names": names, "scope": facts.get("scope", "Namespaced"), "versions": [version]},
    }


def schema_of(short: Any) -> Schema:  # noqa: ANN401 - whatever YAML holds
    """Return the schema of a short form: a scalar's name, `any`, `[of each]`, `{<name>: of each}` or fields.

    A field whose name ends in `!` is required; one that is not named is refused by strict validation.
    """
    if short == "any":
        return ANY
    if isinstance(short, str):
        return _scalar(short)
    if isinstance(short, list):
        return {"type": "array", "items": schema_of(short[0])}
    if set(short) == {"*"}:
        return {"type": "object", "additionalProperties": schema_of(short["*"])}
    fields = {name.rstrip("!"): schema_of(each) for name, each in short.items()}
    required = [name.rstrip("!") for name in short if name.endswith("!")]
    return {"type": "object", "properties": fields} | ({"required": required} if required else {})


def _scalar(name: str) -> Schema:
    if name == "intOrString":
        return {"x-kubernetes-int-or-string": True}
    if name in FORMS:
        return {"type": "string", "pattern": FORMS[name]}
    if name not in SCALARS:
        raise ValueError(f"{name!r} is no type; use any, intOrString, {', '.join(sorted({*SCALARS, *FORMS}))}")
    return {"type": name}
