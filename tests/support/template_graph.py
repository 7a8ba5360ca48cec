"""The order in which CloudFormation makes a template's resources, and deletes them the other way round."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any


class Graph:
    """The resources of a template; `needs` tells what must be there before one of them, and so goes after it."""

    def __init__(self, resources: Mapping[str, Any]) -> None:
        self._resources = resources
        self.needs = cache(self._needs)

    def _needs(self, name: str) -> frozenset[str]:
        each = self._resources.get(name)
        if each is None:  # a parameter
            return frozenset()
        own = each.get("DependsOn", [])
        direct = {*_references(each.get("Properties", {})), *([own] if isinstance(own, str) else own)}
        return frozenset(direct).union(*(self.needs(other) for other in direct))


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (value[name] for name in ("Ref",) if name in value)
        yield from value.get("Fn::GetAtt", [])[:1]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _references(each)
