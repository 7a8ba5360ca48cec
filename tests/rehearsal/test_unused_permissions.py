"""The reasons for permissions that the demo does not use: a text without a call or an event is none."""

import re
from pathlib import Path

import pytest

from tests.rehearsal.unused_permissions import UNUSED, Reason, unexplained

TESTS = Path(__file__).parents[1] / "constructs" / "rapids_eks"
VAGUE = re.compile(r"(?i)\b(might|may need|maybe|perhaps|possibly|probably|could need|in case|sometimes|to be safe)\b")
DOES = re.compile(r"\b(call|call it|calls|asks|aborts|deletes|revokes|writes)\b")  # somebody, at some time
WHY_NOT = re.compile(r"\b(here|nothing|demo's|emulator|stand-in|weeks|late|loopback|in S3)\b")


def wrong(reason: Reason) -> list[str]:
    """Return what a reason lacks."""
    found = {
        "vague": VAGUE.search(reason.text),
        "nobody calls": not DOES.search(reason.text),
        "why not in the demo": not WHY_NOT.search(reason.text),
        "no such test": reason.elsewhere and not is_there(reason.elsewhere),
    }
    return [name for name, is_so in found.items() if is_so]


def is_there(test: str) -> bool:
    file, _, name = test.partition("::")
    return f"def {name}(" in (TESTS / file).read_text()


@pytest.mark.parametrize("reason", UNUSED, ids=lambda each: f"{each.roles} {each.actions[0]}")
def test_each_reason_names_who_calls_and_why_the_demo_does_not(reason: Reason) -> None:
    assert wrong(reason) == []


@pytest.mark.parametrize(
    ("text", "elsewhere", "lack"),
    [
        ("might be needed here", "", ["vague", "nobody calls"]),
        ("Lambda calls it", "", ["why not in the demo"]),
        ("Lambda calls it, but not here", "sweep/test_rehearsal.py::test_nothing", ["no such test"]),
        ("Lambda calls it, but not here", "", []),
    ],
)
def test_a_reason_that_says_nothing_is_none(text: str, elsewhere: str, lack: list[str]) -> None:
    assert wrong(Reason("*", ("s3:GetObject",), text, elsewhere=elsewhere)) == lack


def test_a_permission_is_judged_on_each_resource_that_it_names() -> None:
    invoke, function = "lambda:InvokeFunction", "arn:aws:lambda:us-west-2:1:function:f"
    role = {"used": [[invoke, function]], "unused": [[invoke, f"{function}:*"], ["s3:GetObject", "arn:aws:s3:::b/*"]]}
    granted_for_nothing = [("Teams/Team/a/Role", *each) for each in role["unused"]]
    assert unexplained({"Teams/Team/a/Role": role}) == granted_for_nothing
    assert unexplained({"Cluster/Platform/ControlPlane/Provider": role}) == [
        ("Cluster/Platform/ControlPlane/Provider", "s3:GetObject", "arn:aws:s3:::b/*")
    ]
