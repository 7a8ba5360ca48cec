"""A step that does as its property `Behaviour` says."""

from typing import Any


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    behaviour, waited = event["properties"]["Behaviour"], event["waited"]
    if behaviour == "raises":
        raise PermissionError("not allowed to look")
    if behaviour == "tells":
        looks = event["found"].get("looks", 0) + 1
        data = {"Said": f"{event['type']} {event['id']}", "Looks": str(looks)}
        left = [] if looks > 1 else ["one more look"]
        return {"done": not left, "left": left, "looks": looks, "data": data}
    left = [] if behaviour == "slow" and waited >= 40 else [f"something after {waited} seconds"]
    return {"done": not left, "left": left}
