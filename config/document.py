"""YAML text as plain values: YAML 1.2's few types, each key's line, and no silent surprises."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import yaml

from config.errors import Path, Problem

TYPES = "tag:yaml.org,2002:"
READERS: dict[str, Callable[[str], object]] = {
    TYPES + "str": str,
    TYPES + "int": int,
    TYPES + "bool": lambda text: text.lower() == "true",
    TYPES + "null": lambda _: None,
}


class _Loader(yaml.SafeLoader):
    """Knows null, true, false and whole numbers; `no`, `1.40` and `012` stay what was typed: text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own declaration

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.events.AliasEvent):  # type: ignore[no-untyped-call] # no stub
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call] # no stub
            raise yaml.composer.ComposerError(
                None, None, "aliases (*name) are not supported: write the value out", mark
            )
        return super().compose_node(parent, index)


for _kind, _form, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?(?:0|[1-9][0-9]{0,17})$", "-+0123456789"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(TYPES + _kind, re.compile(_form), list(_first))  # type: ignore[no-untyped-call] # no stub


@dataclass
class Document:
    """A file's values, the line of each of them, and what is wrong with its form."""

    values: object = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int | None:
        """Return the line, from 1, of a value or of the nearest thing around it."""
        known = (self.lines[path[:length]] for length in range(len(path), -1, -1) if path[:length] in self.lines)
        return next(known, None)


def parse(text: str) -> Document:
    """Read one YAML document; raises ValueError with line and column where the text is not YAML."""
    try:
        node = yaml.compose(text, Loader=_Loader)
        document = Document()
        document.values = None if node is None else _plain(node, (), document)
    except yaml.MarkedYAMLError as error:
        raise ValueError(_explained(error)) from None
    except yaml.YAMLError as error:
        raise ValueError(f"is not YAML: {error}") from None
    except RecursionError:
        raise ValueError("is nested too deeply: settings have at most five levels") from None
    return document


def _explained(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    hint = "; indent with spaces, not tabs" if "'\\t'" in str(error.problem) else ""
    said = (error.context, error.problem) if str(error.problem).startswith("but ") else (error.problem,)
    return f"{place}{', '.join(filter(None, said))}{hint}"


def _plain(node: yaml.Node, path: Path, document: Document) -> object:
    document.lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode) and node.tag == TYPES + "map":
        return _mapping(node, path, document)
    if isinstance(node, yaml.SequenceNode) and node.tag == TYPES + "seq":
        return [_plain(item, (*path, index), document) for index, item in enumerate(node.value)]
    return _scalar(node, path, document)


def _mapping(node: yaml.MappingNode, path: Path, document: Document) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            document.problems.append(Problem(path, f"the key in line {line} is not text: write `key: value`"))
        elif key.value in values:
            first = document.lines[*path, key.value]
            document.problems.append(
                Problem((*path, key.value), f"is given in line {first} and in line {line}: keep one of them")
            )
        else:
            document.lines[*path, key.value] = line
            values[key.value] = _plain(value, (*path, key.value), document)
    return values


def _scalar(node: yaml.Node, path: Path, document: Document) -> object:
    if isinstance(node, yaml.ScalarNode) and node.tag in READERS:
        try:
            return READERS[node.tag](node.value)
        except ValueError:
            pass  # an explicit `!!int x`
    document.problems.append(Problem(path, f"has the type {node.tag}: remove it, types come by themselves"))
    return None
