"""The Condition element of a policy statement.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from rehearsal.access.unrehearsed import Unrehearsed

Values = tuple[str, ...]
Test = Callable[[str, str], bool]  # (the request's value, the policy's value)


class Context(Protocol):
    """The request as conditions see it."""

    def get(self, key: str) -> Values | None:
        """Return the values of a condition key, None where the request has none; Unrehearsed for an unknown key."""


_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def expand(pattern: str, context: Context, *, wild: bool = True) -> str | None:
    """Return a pattern with its policy variables replaced, None where one has no value.

    In a wildcard pattern a replaced value is literal: its `*` and `?` match only themselves, as `${*}` and `${?}` do.
    """
    missing = False

    def replace(match: re.Match[str]) -> str:
        nonlocal missing
        name, _, default = (part.strip() for part in match.group(1).partition(","))
        values = (name,) if name in ("*", "?", "$") else context.get(name)
        if values is None and default:
            values = (default.strip("'"),)
        missing = missing or values is None
        value = values[0] if values else ""
        return re.sub(r"[*?]", lambda m: f"[{m.group()}]", value) if wild else value

    expanded = _VARIABLE.sub(replace, pattern) if "${" in pattern else pattern
    return None if missing else expanded


@lru_cache(maxsize=8192)
def wildcard(pattern: str, *, any_case: bool = False) -> re.Pattern[str]:
    """Return the regular expression of IAM's `*` and `?`; `[*]` and `[?]` are literal."""
    parts = re.split(r"(\[[*?]\]|[*?])", pattern)
    body = "".join(
        {"*": ".*", "?": "."}.get(part, re.escape(part[1] if part in ("[*]", "[?]") else part)) for part in parts
    )
    return re.compile(body, re.DOTALL | (re.IGNORECASE if any_case else 0))


def _like(value: str, pattern: str) -> bool:
    return wildcard(pattern).fullmatch(value) is not None


def _arn_like(value: str, pattern: str) -> bool:
    """Match part by part: a wildcard does not reach over a colon, except in the last part."""
    ours, theirs = value.split(":", 5), pattern.split(":", 5)
    return len(ours) == len(theirs) and all(map(_like, ours, theirs))


def _moment(text: str) -> datetime:
    if text.replace(".", "", 1).isdigit():
        return datetime.fromtimestamp(float(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _in_network(value: str, network: str) -> bool:
    return ipaddress.ip_address(value) in ipaddress.ip_network(network, strict=False)


def _ordered(read: Callable[[str], float | datetime]) -> dict[str, Test]:
    return {
        "Equals": lambda ours, theirs: read(ours) == read(theirs),
        "LessThan": lambda ours, theirs: read(ours) < read(theirs),  # type: ignore[operator]
        "LessThanEquals": lambda ours, theirs: read(ours) <= read(theirs),  # type: ignore[operator]
        "GreaterThan": lambda ours, theirs: read(ours) > read(theirs),  # type: ignore[operator]
        "GreaterThanEquals": lambda ours, theirs: read(ours) >= read(theirs),  # type: ignore[operator]
    }


_TESTS: dict[str, Test] = {
    "StringEquals": str.__eq__,
    "StringEqualsIgnoreCase": lambda ours, theirs: ours.casefold() == theirs.casefold(),
    "StringLike": _like,
    "ArnEquals": _arn_like,  # AWS documents both as the same
    "ArnLike": _arn_like,
    "Bool": lambda ours, theirs: ours.casefold() == theirs.casefold(),
    "BinaryEquals": str.__eq__,
    "IpAddress": _in_network,
    **{f"Numeric{name}": test for name, test in _ordered(float).items()},
    **{f"Date{name}": test for name, test in _ordered(_moment).items()},
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}
_OPERATOR = re.compile(r"(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?")


def holds(conditions: Mapping[str, Mapping[str, Sequence[str]]], context: Context) -> bool:
    """Return whether every condition holds; Unrehearsed names an unknown operator or key."""
    return all(
        _one_holds(operator, key, wanted, context)
        for operator, block in conditions.items()
        for key, wanted in block.items()
    )


def _one_holds(operator: str, key: str, wanted: Sequence[str], context: Context) -> bool:
    match = _OPERATOR.fullmatch(operator)
    quantifier, name, if_exists = match.groups() if match else (None, operator, None)
    values = context.get(key)
    if name == "Null":
        return (values is None) == (wanted[0].casefold() == "true")
    test, negated = _TESTS.get(_NEGATED.get(name, name)), name in _NEGATED
    if test is None:
        raise Unrehearsed("condition operator", operator, "use one of " + ", ".join([*_TESTS, *_NEGATED, "Null"]))
    if not values:
        return bool(if_exists) or quantifier == "ForAllValues" or (negated and quantifier is None)
    if name.startswith(("String", "Arn")):  # policy variables are read in these only
        wild = "Equals" not in name or name.startswith("Arn")
        wanted = [text for pattern in wanted if (text := expand(pattern, context, wild=wild)) is not None]
    results = [any(test(value, text) for text in wanted) != negated for value in values]
    return all(results) if quantifier == "ForAllValues" or (negated and not quantifier) else any(results)
