"""What was found: one list, each with what to do about it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

Level = Literal["ok", "warning", "problem"]
WIDTH = 9  # of the levels, and of what stands below them


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: a `problem` stops a deployment or a run, a `warning` may cost time or money."""

    level: Level
    subject: str
    text: str
    fix: str = ""


def ok(subject: str, text: str) -> Finding:
    """Return that something is as it should be."""
    return Finding("ok", subject, text)


def warning(subject: str, text: str, fix: str) -> Finding:
    """Return what may cost time or money, with what to do."""
    return Finding("warning", subject, text, fix)


def problem(subject: str, text: str, fix: str) -> Finding:
    """Return what stops a deployment or a run, with what to do."""
    return Finding("problem", subject, text, fix)


def failed(found: Iterable[Finding]) -> bool:
    """Return whether there is a problem among the findings."""
    return any(each.level == "problem" for each in found)


def as_text(found: Sequence[Finding]) -> str:
    """Return the findings for people, in the order in which they were made, and how many are not ok."""
    lines = [line for each in found for line in _lines(each)]
    counts = {level: sum(each.level == level for each in found) for level in ("problem", "warning")}
    return "\n".join([*lines, "", ", ".join(f"{count} {level}{'s'[: count != 1]}" for level, count in counts.items())])


def as_json(found: Sequence[Finding]) -> str:
    """Return the findings as a JSON list of objects with level, subject, text and fix."""
    return json.dumps([asdict(each) for each in found], indent=1)


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{finding.level:<{WIDTH}}{finding.subject}: {finding.text}"
    if finding.fix:
        yield f"{'':<{WIDTH}}-> {finding.fix}"
