"""Settings of a verb: one frozen dataclass is its options, their help and their defaults."""

import argparse
import dataclasses
import types
from collections.abc import Sequence
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

S = TypeVar("S")
SHOWN_TYPES = {str: "TEXT", int: "N", float: "X"}


def option(
    help: str,  # noqa: A002 - dataclasses.field is typed so
    *,
    default: Any = dataclasses.MISSING,  # noqa: ANN401 - the same
    choices: Sequence[str] = (),
    shown: str = "",
) -> Any:  # noqa: ANN401 - the same
    """Declare a setting: its effect and unit for `--help`, its default (none = required) and what is allowed.

    `shown` says what the default comes to, where its value does not.
    """
    known = {"help": help, "choices": tuple(choices), "shown": shown or _shown(default)}
    return dataclasses.field(default=default, metadata=known, kw_only=True)


def add_options(parser: argparse.ArgumentParser, settings: type) -> None:
    """Add `--field-name` for every field of a settings dataclass: str, int, float, bool or tuple[str, ...]."""
    hints = get_type_hints(settings)
    for field in dataclasses.fields(settings):
        parser.add_argument("--" + field.name.replace("_", "-"), dest=field.name, **_argument(field, hints[field.name]))


def from_arguments(settings: type[S], arguments: argparse.Namespace) -> S:
    """Build a settings dataclass from parsed options."""
    names = [field.name for field in dataclasses.fields(settings)]  # type: ignore[arg-type]
    return settings(**{name: _frozen(getattr(arguments, name)) for name in names})


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _argument(field: "dataclasses.Field[Any]", hint: Any) -> dict[str, Any]:  # noqa: ANN401 - a type hint has no type of its own
    required = field.default is dataclasses.MISSING
    text = field.metadata["help"] + (" (required)" if required else f" (default: {field.metadata['shown']})")
    if hint is bool:
        return {"action": "store_true", "help": field.metadata["help"]}
    if get_origin(hint) is tuple:
        return {
            "action": "extend",
            "nargs": "+",
            "default": list(cast("tuple[str, ...]", field.default)),
            "help": text,
            "metavar": "TEXT",
        }
    allowed = field.metadata["choices"]
    kind = {"choices": allowed} if allowed else {"type": _plain(hint), "metavar": SHOWN_TYPES[_plain(hint)]}
    return {"required": required, "default": None if required else field.default, "help": text, **kind}


def _shown(default: object) -> str:
    return "none" if default in (None, "", ()) else str(default).replace("%", "%%")


def _plain(hint: Any) -> type:  # noqa: ANN401 - the same
    """Return `int` for `int | None`: an option that may be left out is typed by what is given."""
    if isinstance(hint, types.UnionType):
        hint = next(part for part in get_args(hint) if part is not type(None))
    return cast("type", hint)
