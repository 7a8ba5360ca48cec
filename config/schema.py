"""The JSON Schema of a blueprint."""

from typing import cast

from config.blueprint import Blueprint


def schema() -> dict[str, object]:
    """Return the schema by which editors complete, explain and check a blueprint."""
    made = cast("dict[str, object]", _tidy(Blueprint.model_json_schema()))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def _tidy(node: object) -> object:
    """Drop the titles, which only repeat the names, and the line ends of descriptions."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _tidy(value) for key, value in node.items() if not (key == "title" and isinstance(value, str))}
    return {**kept, "description": " ".join(text.split())} if isinstance(text := kept.get("description"), str) else kept
