"""One look at a dashboard in which widgets shall be, or no longer be: it is so, or is made so and looked at again.

CloudWatch replaces dashboards whole and knows no versions, so each look reads anew, changes only its own widgets, and
is done when it finds them as they shall be. What another writes between the reading and the writing is lost.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import boto3

MISSING = ("ResourceNotFound", "DashboardNotFoundError")  # its code by CloudWatch's protocols, older and newer
MOST_WIDGETS, USUAL_HEIGHT = 500, 6
Widget = dict[str, Any]
Step = dict[str, Any]


def handler(event: Mapping[str, Any], _context: object) -> Step:
    """Do what CloudFormation asks for, as far as one look gets."""
    asked = event["properties"]
    wanted = [] if event["type"] == "Delete" else json.loads(asked["Widgets"])
    return looked(boto3.client("cloudwatch"), asked["Dashboard"], asked["Owner"], wanted)


def looked(cloudwatch: Any, name: str, owner: str, wanted: list[Widget]) -> Step:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return whether a dashboard has the owner's widgets as wanted; if not, write it."""
    body = read(cloudwatch, name)
    if body is None:
        missing = (
            f"There is no dashboard {name} to put widgets into: make it first, or take its name out of the settings"
        )
        return {"done": True, "left": [], **({"failed": missing} if wanted else {})}
    merged = {**body, "widgets": list(replaced(body.get("widgets", []), owner, wanted))}
    if merged == body:
        return {"done": True, "left": []}
    if len(merged["widgets"]) > MOST_WIDGETS:
        text = (
            f"{name} would have {len(merged['widgets'])} widgets, and may have {MOST_WIDGETS}: remove some of its own"
        )
        return {"done": True, "left": [], "failed": text}
    cloudwatch.put_dashboard(DashboardName=name, DashboardBody=json.dumps(merged))
    return {"done": False, "left": [f"dashboard {name}, which was written and is looked at again"]}


def read(cloudwatch: Any, name: str) -> dict[str, Any] | None:  # noqa: ANN401 - the same
    """Return what is in a dashboard; None where there is none."""
    try:
        found = cloudwatch.get_dashboard(DashboardName=name)
    except cloudwatch.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in MISSING:
            raise
        return None
    return dict(json.loads(found["DashboardBody"]))


def replaced(present: Iterable[Widget], owner: str, wanted: Iterable[Widget]) -> Iterator[Widget]:
    """Yield the widgets of a dashboard, with the owner's as wanted: each where it is by now, new ones below all."""
    left = {key_of(widget, owner): widget for widget in wanted}
    bottom, seen = 0, set()
    for widget in present:
        key = key_of(widget, owner)
        copied = key in seen
        seen |= {key} - {""}
        if key and key not in left and not copied:
            continue
        bottom = max(bottom, widget.get("y", 0) + widget.get("height", USUAL_HEIGHT))
        if copied:
            yield given_away(widget, owner)
        else:
            yield {**widget, "type": left[key]["type"], "properties": left[key]["properties"]} if key else widget
    for key, widget in left.items():
        if key not in seen:
            yield {**widget, "y": bottom + widget["y"]}


def given_away(widget: Widget, owner: str) -> Widget:
    """Return a widget that somebody has copied from an owner's without its marks: it is theirs, and stays."""
    return dict(json.loads(json.dumps(widget).replace(f"{owner}_", "copy_")))


def key_of(widget: Widget, owner: str) -> str:
    """Return what an owner calls a widget: it is in the ids of its metrics, and in a comment of its text."""
    properties = widget.get("properties", {})
    lines = [each[-1] for each in properties.get("metrics", []) if each and isinstance(each[-1], dict)]
    marks = [str(each.get("id", "")) for each in lines] + re.findall(r"\((\w+)\)\s*$", properties.get("markdown", ""))
    found = (re.fullmatch(rf"{owner}_(\w+)_\d+", mark) for mark in marks)
    return next((each[1] for each in found if each), "")
