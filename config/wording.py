"""Pydantic's errors as sentences: what is wrong, the value, what is allowed, what to do."""

import json
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from config.errors import Path, Problem
from config.section import PROBLEMS, Section

LISTED = 200  # characters of a value that a message repeats
TEXTS: dict[str, Callable[[dict[str, Any], str], str]] = {
    "bool_type": lambda _, value: f"must be true or false, not {value}",
    "int_type": lambda _, value: f"must be a whole number, not {value}",
    "string_type": lambda _, value: f"must be text, not {value}: put it in quotes",
    "tuple_type": lambda _, value: f"must be a list (lines that begin with `- `), not {value}",
    "dict_type": lambda _, value: f"must be a mapping (lines like `key: value`), not {value}",
    "model_type": lambda _, value: f"must be a mapping (lines like `key: value`), not {value}",
    "literal_error": lambda limits, value: f"{value} is not allowed; use one of: {limits['expected']}",
    "greater_than_equal": lambda limits, value: f"{value} is too small: at least {limits['ge']}",
    "less_than_equal": lambda limits, value: f"{value} is too large: at most {limits['le']}",
    "too_short": lambda limits, _: f"has {limits['given']} entries: at least {limits['min_length']} needed",
    "too_long": lambda limits, _: f"has {limits['given']} entries: at most {limits['max_length']} allowed",
}


def problems(error: ValidationError, top: type[Section]) -> Iterator[Problem]:
    """Turn what pydantic found in a mapping of kind `top` into problems."""
    details = error.errors(include_url=False)
    for detail in details:
        if detail["type"] == PROBLEMS:
            yield from (problem.below(detail["loc"]) for problem in detail["ctx"][PROBLEMS])
        elif not _follows(detail, details):
            yield Problem(detail["loc"], _text(detail, top))


def _follows(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """Say whether a list is only short because entries of it were refused, which is told already."""
    path = detail["loc"]
    return detail["type"] == "too_short" and any(path == other["loc"][: len(path)] != other["loc"] for other in details)


def _text(detail: ErrorDetails, top: type[Section]) -> str:
    kind, path = detail["type"], detail["loc"]
    if kind == "extra_forbidden":
        return _unknown_key(str(path[-1]), sorted(section_at(top, path[:-1]).model_fields))
    if kind == "missing":
        return f"is missing: {_description(section_at(top, path[:-1]), str(path[-1]))}"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if detail["input"] is None:
        return "is empty: give a value, or remove the line to have the default"
    shown = _shown(detail["input"])
    if kind not in TEXTS:
        return f"{shown}: {detail['msg']}"
    given = len(detail["input"]) if isinstance(detail["input"], list | dict) else None
    return TEXTS[kind]({**detail.get("ctx", {}), "given": given}, shown)


def _description(section: type[Section], name: str) -> str:
    return " ".join((section.model_fields[name].description or "").split())


def _unknown_key(key: str, allowed: list[str]) -> str:
    near = get_close_matches(key, allowed, n=1, cutoff=0.6)
    hint = f"; did you mean `{near[0]}`?" if near else ";"
    return f"is not a setting{hint} Allowed here: {', '.join(allowed)}"


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LISTED else text[:LISTED] + "..."


def section_at(top: type[Section], path: Path) -> type[Section]:
    """Return the kind of the mapping that stands at a path below a mapping of kind `top`."""
    for key in path:
        if isinstance(key, str):
            top = next(_sections(top.model_fields[key].annotation))
    return top


def _sections(hint: object) -> Iterator[type[Section]]:
    if isinstance(hint, type) and issubclass(hint, Section):
        yield hint
    for part in get_args(hint):
        yield from _sections(part)
