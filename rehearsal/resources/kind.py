"""A resource type told as data: which operations of its service make, describe, change and remove it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import jmespath

Context = dict[str, Any]
Template = Any  # "$Path" is looked up in the context by JMESPath, a function is called with it, the rest is as it is


@dataclass(frozen=True)
class Ask:
    """One operation and templates of its parameters; with `takes_all`, properties of a parameter's name go along."""

    operation: str
    parameters: Mapping[str, Template] = field(default_factory=dict)
    takes_all: bool = False
    only_changed: bool = False  # of an update: what stays the same is not sent
    also: tuple[str, ...] = ()  # properties that a function among the templates reads

    def names(self) -> set[str]:
        """Return the names that the templates look up."""
        return {*_looked_up(self.parameters), *self.also}


def resolve(template: Template, context: Context) -> Any:  # noqa: ANN401 - a template's value
    """Return what a template stands for; entries of a mapping that stand for nothing are left out."""
    if isinstance(template, str):
        return jmespath.search(template[1:], context) if template.startswith("$") else template
    if isinstance(template, Mapping):
        filled = {name: resolve(value, context) for name, value in template.items()}
        return {name: value for name, value in filled.items() if value is not None}
    if isinstance(template, list):
        return [resolve(value, context) for value in template]
    return template(context) if isinstance(template, Callable) else template  # type: ignore[arg-type]


def _looked_up(template: Template) -> Iterator[str]:
    if isinstance(template, str) and template.startswith("$"):
        yield template[1:].partition(".")[0]
    elif isinstance(template, Mapping):
        for value in template.values():
            yield from _looked_up(value)
    elif isinstance(template, list):
        for value in template:
            yield from _looked_up(value)


@dataclass(frozen=True)
class Part:
    """A property with operations of its own: `put` where it is given or changed, `remove` where it is taken away.

    With `each`, the property is a list and both are asked for every single `$Item`; with `undo`, deleting the resource
    removes the part first, as CloudFormation does for policies of a role.
    """

    put: Ask
    remove: Ask | None = None
    each: bool = False
    undo: bool = False


@dataclass(frozen=True)
class Ready:
    """The state to wait for: where it is in the description, which is good, and for how many of AWS's seconds."""

    path: str
    good: tuple[str, ...]
    seconds: float = 1800
    bad: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Name:
    """The property that CloudFormation makes up when the template leaves it out."""

    property: str
    longest: int
    lower: bool = False


@dataclass(frozen=True)
class Kind:
    """The provider of one type; a property that none of its operations takes is refused, never dropped."""

    service: str
    create: Ask
    key: Mapping[str, str]  # name -> JMESPath in properties and create's output; joined they are the physical id
    delete: Ask | None
    describe: Ask | None = None
    more: tuple[Ask, ...] = ()  # further descriptions that attributes are read from
    # JMESPath in the description, a text with {Names}, or a function of the context
    attributes: Mapping[str, str | Callable[[Context], Any]] = field(default_factory=dict)
    name: Name | None = None
    parts: Mapping[str, Part] = field(default_factory=dict)
    updates: tuple[Ask, ...] = ()
    tagging: tuple[Ask, Ask] | None = None  # of `$Tags`, and of the `$Keys` that go away
    tag_as: str | None = None  # EC2's name of the type in TagSpecifications
    ready: Ready | None = None
    gone: Ready | None = None  # for resources that stay in sight while, or after, they go
    separator: str = "|"
    ignored: tuple[str, ...] = ()  # taken and of no consequence here
