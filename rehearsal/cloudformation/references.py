"""References: which resources and parameters a template's values mention."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from rehearsal.cloudformation.intrinsics import SUBSTITUTION, attribute_of, sub_parts


def references(value: Any) -> Iterator[tuple[str, str | None]]:  # noqa: ANN401 - any JSON
    """Yield each (name, attribute) that Ref, Fn::GetAtt and Fn::Sub mention; the attribute of a Ref is None."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for key, argument in value.items():
            reader = REFERRING.get(key) if len(value) == 1 else None
            yield from reader(argument) if reader else references(argument)


def _sub_references(argument: Any) -> Iterator[tuple[str, str | None]]:  # noqa: ANN401 - any JSON
    template, variables = sub_parts(argument)
    for literal, name in SUBSTITUTION.findall(template):
        key = name.strip()
        if not literal and key not in variables:
            yield attribute_of(key) if "." in key else (key, None)
    yield from references(variables)


def _get_att_references(argument: Any) -> Iterator[tuple[str, str | None]]:  # noqa: ANN401 - any JSON
    name, attribute = attribute_of(argument)
    if isinstance(attribute, str):
        yield name, attribute
    else:
        yield name, ""  # decided by a parameter: exists or not only when deployed
        yield from references(attribute)


REFERRING: Final[Mapping[str, Callable[[Any], Iterator[tuple[str, str | None]]]]] = {
    "Ref": lambda name: iter([(name, None)]),
    "Fn::GetAtt": _get_att_references,
    "Fn::Sub": _sub_references,
}
