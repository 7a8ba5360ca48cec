"""Conditions of templates and assertions of rules: what is true once the parameters are known."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from rehearsal.cloudformation.intrinsics import Scope, evaluate, template_error, text
from rehearsal.wire.call import Refused


def decide(conditions: Mapping[str, Any], scope: Scope) -> dict[str, bool]:
    """Return each condition of a template as true or false; they may use one another in any order."""
    decided: dict[str, bool] = {}
    pending: list[str] = []

    def one(name: str) -> bool:
        if name not in conditions:
            raise Refused("ValidationError", f"Template format error: Unresolved dependencies [{name}]. "
                          "Conditions can only refer to conditions of the same template")  # fmt: skip
        if name in pending:
            raise Refused("ValidationError", f"Circular dependency between conditions: {pending}")
        if name not in decided:
            pending.append(name)
            decided[name] = condition(conditions[name], scope, one)
            pending.remove(name)
        return decided[name]

    return {name: one(name) for name in conditions}


def condition(value: Any, scope: Scope, named: Callable[[str], bool]) -> bool:  # noqa: ANN401 - any JSON
    """Return whether a condition function holds; `named` answers for conditions used by name."""
    if not isinstance(value, dict) or len(value) != 1:
        raise template_error(f"a condition must be one of the condition functions, not {value!r}")
    (name, argument), *_ = value.items()
    if name == "Condition":
        return named(argument)
    if name in ("Fn::And", "Fn::Or", "Fn::Not"):
        held = [condition(item, scope, named) for item in argument]
        _count(name, held)
        return {"Fn::And": all, "Fn::Or": any, "Fn::Not": _none}[name](held)
    if name in COMPARISONS:
        left, right = (evaluate(item, scope) for item in argument)
        return COMPARISONS[name](left, right)
    raise template_error(f"{name} is not a condition function; use Fn::And, Fn::Or, Fn::Not, {sorted(COMPARISONS)}")


def _none(held: list[bool]) -> bool:
    return not any(held)


def _count(name: str, held: list[bool]) -> None:
    least, most = (1, 1) if name == "Fn::Not" else (2, 10)
    if not least <= len(held) <= most:
        raise template_error(f"every {name} object requires a list of {least} to {most} boolean parameters.")


COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "Fn::Equals": lambda left, right: _plain(left) == _plain(right),
    "Fn::Contains": lambda options, value: _plain(value) in options,
    "Fn::EachMemberEquals": lambda values, value: all(v == value for v in values),
    "Fn::EachMemberIn": lambda values, options: all(v in options for v in values),
}


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    return text(value, "Fn::Equals") if isinstance(value, bool | int | float) else value
