"""Policy documents: parsed once, and asked what they say about one action on one resource."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any, Literal

from rehearsal.access.conditions import Context, expand, holds, wildcard
from rehearsal.grants import Grant

Verdict = Literal["deny", "allow", "delegate", "silent"]  # delegate: "whomever the account's own policies allow"
Frozen = tuple[str, ...]
_ELEMENTS = {
    "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
}  # fmt: skip


@dataclass(frozen=True)
class Caller:
    """Who asks, as a Principal element names it: ARNs of role and session, or a service; and the account."""

    names: frozenset[str]
    account: str
    service: bool = False


@dataclass(frozen=True)
class Statement:
    """One statement; None where the document lacks the element."""

    effect: Verdict
    actions: Frozen | None
    not_actions: Frozen | None
    resources: Frozen | None
    not_resources: Frozen | None
    principals: dict[str, Frozen] | None
    conditions: dict[str, dict[str, Frozen]]

    def concerns(self, action: str, resource: str, context: Context) -> bool:
        """Return whether the statement speaks of this action on this resource in this request."""
        return (
            _among(self.actions, action, any_case=True)
            and not _among(self.not_actions, action, any_case=True, absent=False)
            and _touches(self.resources, resource, context)
            and not _touches(self.not_resources, resource, context, absent=False)
            and holds(self.conditions, context)
        )

    def speaks_to(self, caller: Caller) -> Verdict:
        """Return what the statement says to this caller by its Principal element, conditions apart."""
        if self.principals is None:
            return self.effect
        named = {
            name for kind, names in self.principals.items() for name in names if (kind == "Service") == caller.service
        }
        if named & caller.names or ("*" in named and not caller.service) or "*" in self.principals.get("*", ()):
            return self.effect
        root = {caller.account, f"arn:aws:iam::{caller.account}:root"}
        if named & root and not caller.service:
            return "deny" if self.effect == "deny" else "delegate"
        return "silent"


def _among(patterns: Frozen | None, action: str, *, any_case: bool, absent: bool = True) -> bool:
    if patterns is None:
        return absent
    return any(wildcard(pattern, any_case=any_case).fullmatch(action) for pattern in patterns)


def _touches(patterns: Frozen | None, resource: str, context: Context, *, absent: bool = True) -> bool:
    if patterns is None:
        return absent
    expanded = (expand(pattern, context) for pattern in patterns)
    return any(text is not None and wildcard(text).fullmatch(resource) for text in expanded)


def _texts(value: object) -> Frozen:
    items = value if isinstance(value, list) else [value]
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in items)


def _principals(value: object) -> dict[str, Frozen] | None:
    if value is None:
        return None
    return {kind: _texts(names) for kind, names in value.items()} if isinstance(value, dict) else {"*": _texts(value)}


def _statement(raw: dict[str, Any]) -> Statement:
    if unknown := set(raw) - _ELEMENTS:
        raise ValueError(f"policy statement has the unknown elements {sorted(unknown)}; allowed: {sorted(_ELEMENTS)}")
    if "NotPrincipal" in raw:
        raise ValueError(
            "policy statement uses NotPrincipal, which the rehearsal does not evaluate; name the principals"
        )
    optional = {name: _texts(raw[name]) if name in raw else None for name in _ELEMENTS}
    return Statement(
        effect="deny" if raw["Effect"] == "Deny" else "allow",
        actions=optional["Action"],
        not_actions=optional["NotAction"],
        resources=optional["Resource"],
        not_resources=optional["NotResource"],
        principals=_principals(raw.get("Principal")),
        conditions={
            operator: {key: _texts(wanted) for key, wanted in block.items()}
            for operator, block in raw.get("Condition", {}).items()
        },
    )


@lru_cache(maxsize=4096)
def parse(document: str) -> tuple[Statement, ...]:
    """Return the statements of a policy document; ValueError says what is wrong with it."""
    raw = json.loads(document).get("Statement", [])
    return tuple(_statement(one) for one in (raw if isinstance(raw, list) else [raw]))


def grants(documents: Iterable[str]) -> Iterator[Grant]:
    """Yield every action on every resource that these policies allow, as they word them."""
    for statement in _allowing(documents):
        yield from (Grant(*each) for each in product(statement.actions or (), statement.resources or ()))


def used(documents: Iterable[str], action: str, resource: str, context: Context) -> Iterator[Grant]:
    """Yield which of the grants allow this action on this resource in this request."""
    for statement in _allowing(documents):
        if statement.concerns(action, resource, context):
            actions = [each for each in statement.actions or () if _among((each,), action, any_case=True)]
            resources = [each for each in statement.resources or () if _touches((each,), resource, context)]
            yield from (Grant(*each) for each in product(actions, resources))


def _allowing(documents: Iterable[str]) -> Iterator[Statement]:
    yield from (each for document in documents for each in parse(document) if each.effect == "allow")


def verdict(documents: Iterable[str], action: str, resource: str, context: Context, caller: Caller) -> Verdict:
    """Return what these policies together say: an explicit deny first, then allow, then delegate."""
    said: set[Verdict] = set()
    for document in documents:
        for statement in parse(document):
            answer = statement.speaks_to(caller)
            if answer != "silent" and statement.concerns(action, resource, context):
                said.add(answer)
    order: tuple[Verdict, ...] = ("deny", "allow", "delegate")
    return next((answer for answer in order if answer in said), "silent")
