"""The sample's custom resource: it remembers a text, and is complete at the second look."""

from typing import Any


def on_event(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Return the physical id and the text."""
    text = event["ResourceProperties"]["Text"]
    return {"PhysicalResourceId": event.get("PhysicalResourceId", "note-1"), "Data": {"Text": text}}


def is_complete(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Return whether the text has arrived."""
    return {"IsComplete": "Text" in event["ResourceProperties"]}
