"""Intrinsic functions: what a template's values come to once parameters, conditions and resources are known."""

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from rehearsal.wire.call import Refused

SUBSTITUTION = re.compile(r"\$\{(!?)([^}]*)\}")


class Unknown:
    """A value that exists only once the resource behind it does: change sets are made before that."""


UNKNOWN: Final = Unknown()
NO_VALUE: Final = object()  # AWS::NoValue: removes the property or list entry it stands for


@dataclass(frozen=True)
class Scope:
    """What references mean: parameters and pseudo parameters, mappings, decided conditions, and the outside."""

    parameters: Mapping[str, Any]
    mappings: Mapping[str, Any]
    conditions: Mapping[str, bool]
    resource: Callable[[str, str | None], Any]  # logical id, attribute (None: Ref) -> value or UNKNOWN
    imported: Callable[[str], Any]  # an export's value
    zones: Callable[[str], list[str]]  # availability zones of a region


def template_error(message: str) -> Refused:
    """Return the refusal of a template that is wrong in itself."""
    return Refused("ValidationError", f"Template error: {message}")


def evaluate(value: Any, scope: Scope) -> Any:  # noqa: ANN401 - templates hold any JSON
    """Return `value` with every function replaced by its result; UNKNOWN where it hangs on a resource to come."""
    if isinstance(value, list):
        return [item for item in (evaluate(v, scope) for v in value) if item is not NO_VALUE]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (name, argument), *_ = value.items()
        if name in FUNCTIONS:
            return FUNCTIONS[name](argument, scope)
        if name.startswith("Fn::"):
            raise template_error(f"{name} is not a function that the rehearsal knows; use one of {sorted(FUNCTIONS)}")
    found = {key: evaluate(v, scope) for key, v in value.items()}
    return {key: v for key, v in found.items() if v is not NO_VALUE}


def unknown(value: Any) -> bool:  # noqa: ANN401 - any JSON
    """Return whether any part of `value` is still unknown."""
    if isinstance(value, dict):
        return any(map(unknown, value.values()))
    return any(map(unknown, value)) if isinstance(value, list) else value is UNKNOWN


def chosen(value: Any, conditions: Mapping[str, bool]) -> Any:  # noqa: ANN401 - any JSON
    """Return `value` with each Fn::If replaced by the branch that its condition picks."""
    if isinstance(value, list):
        return [chosen(item, conditions) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::If"}:
        return chosen(_branch(value["Fn::If"], conditions), conditions)
    return {key: chosen(v, conditions) for key, v in value.items()}


def text(value: Any, function: str) -> str:  # noqa: ANN401 - any JSON
    """Return a scalar as CloudFormation writes it into a string; anything else is refused."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise template_error(f"every value of {function} must be a string, not {value!r}")


def _branch(argument: Any, conditions: Mapping[str, bool]) -> Any:  # noqa: ANN401 - any JSON
    if not isinstance(argument, list) or len(argument) != 3:  # noqa: PLR2004 - condition, then, else
        raise template_error("Fn::If requires a list argument with three elements")
    name, then, otherwise = argument
    if name not in conditions:
        raise Refused("ValidationError", f"Template format error: Unresolved condition dependency {name} in the "
                      "Resources block of the template")  # fmt: skip
    return then if conditions[name] else otherwise


def _ref(name: Any, scope: Scope) -> Any:  # noqa: ANN401 - any JSON
    if name == "AWS::NoValue":
        return NO_VALUE
    return scope.parameters[name] if name in scope.parameters else scope.resource(name, None)


def attribute_of(argument: Any) -> tuple[str, Any]:  # noqa: ANN401 - any JSON
    """Return the two parts of a Fn::GetAtt, written as a list or with a dot."""
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    if not isinstance(parts, list) or len(parts) != 2 or not all(parts) or not isinstance(parts[0], str):  # noqa: PLR2004
        raise template_error("every Fn::GetAtt object requires two non-empty parameters, the resource name and the "
                             "resource attribute")  # fmt: skip
    return parts[0], parts[1]


def _get_att(argument: Any, scope: Scope) -> Any:  # noqa: ANN401 - any JSON
    name, attribute = attribute_of(argument)
    return scope.resource(name, evaluate(attribute, scope))


def sub_parts(argument: Any) -> tuple[str, dict[str, Any]]:  # noqa: ANN401 - any JSON
    """Return the string of a Fn::Sub and its own variables."""
    template, variables = (argument, {}) if isinstance(argument, str) else [*argument, {}][:2]
    if not isinstance(template, str) or not isinstance(variables, dict):
        raise template_error("One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a "
                             "string as first argument, and an optional second argument to specify a mapping of "
                             "values to replace in the string")  # fmt: skip
    return template, variables


def _sub(argument: Any, scope: Scope) -> Any:  # noqa: ANN401 - any JSON
    template, variables = sub_parts(argument)
    values: dict[str, Any] = {}
    for literal, name in SUBSTITUTION.findall(template):
        key = name.strip()
        if not literal and key in variables:
            values[key] = evaluate(variables[key], scope)
        elif not literal:
            values[key] = _get_att(key, scope) if "." in key else _ref(key, scope)
    if unknown(values):
        return UNKNOWN
    return SUBSTITUTION.sub(
        lambda m: f"${{{m[2]}}}" if m[1] else text(values[m[2].strip()], "Fn::Sub"), template
    )  # fmt: skip


def _known(function: Callable[[list[Any], Scope], Any]) -> Callable[[Any, Scope], Any]:
    """Return the function on evaluated arguments, which is UNKNOWN as soon as one of them is."""

    def call(argument: Any, scope: Scope) -> Any:  # noqa: ANN401 - any JSON
        values = evaluate(argument, scope)
        return UNKNOWN if unknown(values) else function(values, scope)

    return call


def _join(values: Any, _: Scope) -> str:  # noqa: ANN401 - any JSON
    match values:
        case [str(delimiter), [*items]]:
            return delimiter.join(text(item, "Fn::Join") for item in items)
    raise template_error("every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of "
                         "strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to "
                         "be joined.")  # fmt: skip


def _split(values: Any, _: Scope) -> list[str]:  # noqa: ANN401 - any JSON
    match values:
        case [str(delimiter), str(joined)] if delimiter:
            return joined.split(delimiter)
    raise template_error("every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to "
                         "be split or a function that returns a string to be split.")  # fmt: skip


def _select(argument: Any, scope: Scope) -> Any:  # noqa: ANN401 - any JSON
    values = evaluate(argument, scope)
    if isinstance(values, list) and len(values) == 2 and values[1] is UNKNOWN:  # noqa: PLR2004 - index, list
        return UNKNOWN
    match values:
        case [int() | str() as index, [*items]] if str(index).isdigit():
            if int(index) < len(items):
                return items[int(index)]
            raise template_error(f"Fn::Select cannot select nonexistent value at index {index}")
    raise template_error("Fn::Select requires a list argument with two elements: an integer index and a list")


def _find_in_map(values: Any, scope: Scope) -> Any:  # noqa: ANN401 - any JSON
    if not isinstance(values, list) or len(values) != 3:  # noqa: PLR2004 - map, two keys
        raise template_error("every Fn::FindInMap object requires three parameters, the map name, map key and the "
                             "attribute for return value")  # fmt: skip
    name, first, second = values
    if name not in scope.mappings:
        raise template_error(f"Mapping named '{name}' is not present in the 'Mappings' section of template.")
    try:
        return scope.mappings[name][text(first, "Fn::FindInMap")][text(second, "Fn::FindInMap")]
    except KeyError:
        raise template_error(f"Unable to get mapping for {name}::{first}::{second}") from None


def _cidr(values: Any, _: Scope) -> list[str]:  # noqa: ANN401 - any JSON
    block, count, *rest = values
    network = ipaddress.ip_network(block, strict=False)
    default = 64 if network.version == 6 else 8  # noqa: PLR2004 - the host bits that AWS's default leaves
    found = [str(net) for net in islice(network.subnets(new_prefix=network.max_prefixlen - int(rest[0] if rest else default)), int(count))]  # fmt: skip # noqa: E501
    if len(found) < int(count):
        raise template_error(f"Fn::Cidr cannot take {count} blocks from {block}")
    return found


def _refused(name: str) -> Callable[[Any, Scope], Any]:
    def call(_: Any, __: Scope) -> Any:  # noqa: ANN401 - never returns
        raise Refused("ValidationError", f"{name} is not rehearsed: expand the macro before deploying")

    return call


FUNCTIONS: Final[Mapping[str, Callable[[Any, Scope], Any]]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _known(_join),
    "Fn::Split": _known(_split),
    "Fn::Select": _select,
    "Fn::If": lambda argument, scope: evaluate(_branch(argument, scope.conditions), scope),
    "Fn::FindInMap": _known(_find_in_map),
    "Fn::ImportValue": _known(lambda name, scope: scope.imported(text(name, "Fn::ImportValue"))),
    "Fn::Base64": _known(lambda value, _: base64.b64encode(text(value, "Fn::Base64").encode()).decode()),
    "Fn::GetAZs": _known(lambda region, scope: scope.zones(text(region, "Fn::GetAZs"))),
    "Fn::Cidr": _known(_cidr),
    "Fn::Transform": _refused("Fn::Transform"),
}
