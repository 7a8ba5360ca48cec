"""Parameters and rules: the values a template is given, checked as it asks for."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from rehearsal.cloudformation.conditions import condition
from rehearsal.cloudformation.intrinsics import Scope
from rehearsal.wire.call import Refused

SSM_VALUE: Final = re.compile(r"AWS::SSM::Parameter::Value<(.+)>")
TYPE: Final = re.compile(
    r"String|Number|CommaDelimitedList|List<Number>|AWS::SSM::Parameter::.+|(List<)?AWS::\w+::[\w:]+>?"
)


class ParameterStore(Protocol):
    """The one call of SSM that parameters need."""

    def get_parameters(self, *, Names: list[str]) -> Mapping[str, Any]:  # noqa: N803 - botocore's own names
        """Return what GetParameters returns."""


def given(
    template: Mapping[str, Any], asked: Sequence[Mapping[str, Any]], previous: Mapping[str, str]
) -> dict[str, str]:
    """Return each parameter's text: asked for, or the previous one where that was asked for, or the default."""
    declared: Mapping[str, Any] = template.get("Parameters", {})
    values = {entry["ParameterKey"]: _asked(entry, previous) for entry in asked}
    strange = sorted(values.keys() - declared.keys())
    if strange:
        raise Refused("ValidationError", f"Parameters: [{', '.join(strange)}] do not exist in the template")
    values |= {name: _text(raw["Default"]) for name, raw in declared.items() if name not in values and "Default" in raw}
    missing = [name for name in declared if name not in values]
    if missing:
        raise Refused("ValidationError", f"Parameters: [{', '.join(missing)}] must have values")
    return values


def _asked(entry: Mapping[str, Any], previous: Mapping[str, str]) -> str:
    name = entry["ParameterKey"]
    if not entry.get("UsePreviousValue"):
        return str(entry.get("ParameterValue", ""))
    if name not in previous:
        raise Refused("ValidationError", f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as "
                      "true for a parameter key not in the previous template")  # fmt: skip
    return previous[name]


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def resolve(template: Mapping[str, Any], texts: Mapping[str, str], store: ParameterStore) -> dict[str, Any]:
    """Return what `Ref` gives for each parameter: checked, fetched from SSM where the type says so, split if a list."""
    declared = template.get("Parameters", {})
    for name, raw in declared.items():
        _check(name, raw, texts[name])
    fetched = _fetch(template, texts, store)
    resolved = {}
    for name, raw in declared.items():
        inner = SSM_VALUE.fullmatch(raw["Type"])
        kind, text = (inner[1], fetched[texts[name]]) if inner else (raw["Type"], texts[name])
        is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
        resolved[name] = [item.strip() for item in text.split(",")] if is_list else text
    return resolved


def _fetch(template: Mapping[str, Any], texts: Mapping[str, str], store: ParameterStore) -> dict[str, str]:
    names = sorted(
        {texts[name] for name, raw in template.get("Parameters", {}).items() if SSM_VALUE.fullmatch(raw["Type"])}
    )
    values: dict[str, str] = {}
    for start in range(0, len(names), 10):  # GetParameters takes 10 names
        found = store.get_parameters(Names=names[start : start + 10])
        values |= {entry["Name"]: entry["Value"] for entry in found["Parameters"]}
    missing = [name for name in names if name not in values]
    if missing:
        raise Refused("ValidationError", f"Unable to fetch parameters [{','.join(missing)}] from parameter store for "
                      "this account.")  # fmt: skip
    return values


def _check(name: str, raw: Mapping[str, Any], text: str) -> None:
    for broken in (_of_type(name, raw, text), _within(name, raw, text)):
        if broken:
            wanted = raw.get("ConstraintDescription")
            words = f"Parameter {name} failed to satisfy constraint: {wanted}" if wanted else broken
            raise Refused("ValidationError", words)


def _of_type(name: str, raw: Mapping[str, Any], text: str) -> str | None:
    if not TYPE.fullmatch(raw.get("Type", "")):
        return f"Template format error: Unrecognized parameter type: {raw.get('Type')}"
    numbers = {"Number": [text], "List<Number>": text.split(",")}.get(raw["Type"], [])
    if not all(re.fullmatch(r"\s*[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?\s*", number) for number in numbers):
        return f"Parameter '{name}' must be a number."
    allowed = [_text(value) for value in raw.get("AllowedValues", [])]
    values = text.split(",") if allowed and raw["Type"] == "CommaDelimitedList" else [text]
    if allowed and not {value.strip() for value in values} <= set(allowed):
        return f"Parameter '{name}' must be one of AllowedValues"
    if "AllowedPattern" in raw and not re.fullmatch(raw["AllowedPattern"], text):
        return f"Parameter '{name}' must match pattern {raw['AllowedPattern']}"
    return None


def _within(name: str, raw: Mapping[str, Any], text: str) -> str | None:
    for key, size, wrong, words in (
        ("MinLength", len, float.__lt__, "must contain at least {} characters"),
        ("MaxLength", len, float.__gt__, "must contain at most {} characters"),
        ("MinValue", float, float.__lt__, "must be a number not less than {}"),
        ("MaxValue", float, float.__gt__, "must be a number not greater than {}"),
    ):
        if key in raw and wrong(float(size(text)), float(raw[key])):
            return f"Parameter '{name}' {words.format(raw[key])}"
    return None


def check_rules(rules: Mapping[str, Any], scope: Scope) -> None:
    """Refuse parameters that break one of the template's rules; all broken assertions are named."""

    def nothing(name: str) -> bool:
        raise Refused("ValidationError", f"Template format error: Rules cannot use the condition {name}")

    broken = [
        f"Rule {name} failed: {assertion.get('AssertDescription', assertion['Assert'])}"
        for name, rule in rules.items()
        if "RuleCondition" not in rule or condition(rule["RuleCondition"], scope, nothing)
        for assertion in rule["Assertions"]
        if not condition(assertion["Assert"], scope, nothing)
    ]
    if broken:
        raise Refused("ValidationError", "Template validation error: " + "; ".join(broken))
