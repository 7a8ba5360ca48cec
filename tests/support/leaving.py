"""What runs for several files of tests ends when the last of them has run, not when the session does.

A control plane that nobody uses takes a tenth of a processor. Files are run in the order in which they are collected
(`--no-loadscope-reorder`), so that what is left is never come back to.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Tenancy:
    """Something that runs for the tests that `serves` is true of."""

    serves: Callable[[pytest.Item], object]
    end: Callable[[], object]


_RUNNING: list[Tenancy] = []


def until_left(serves: Callable[[pytest.Item], object], end: Callable[[], object]) -> Callable[[], None]:
    """Have `end` called once, when a test comes that is not served; return what calls it now, if it was not yet."""
    tenancy = Tenancy(serves, end)
    _RUNNING.append(tenancy)
    return lambda: _end(tenancy)


def below(folder: Path) -> Callable[[pytest.Item], bool]:
    """Return whether a test's file lies somewhere below a folder."""
    return lambda item: folder in item.path.parents


def leave(coming: pytest.Item) -> None:
    """End what the test that comes next is not served by; from the newest on, which may stand on older ones."""
    for tenancy in reversed([each for each in _RUNNING if not each.serves(coming)]):
        _end(tenancy)


def _end(tenancy: Tenancy) -> None:
    with suppress(ValueError):  # it has ended before
        _RUNNING.remove(tenancy)
        tenancy.end()
