"""What roles were granted and what of it they have used: kept when the roles are long gone."""

import threading
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Grant(NamedTuple):
    """An action and a resource, both as a policy words them."""

    action: str
    resource: str


@dataclass
class RoleRecord:
    """What a role's policies ever granted, what of that has allowed a call, and what it was denied."""

    granted: set[Grant] = field(default_factory=set)
    used: set[Grant] = field(default_factory=set)
    denied: set[str] = field(default_factory=set)


@dataclass
class Grants:
    """The roles by name."""

    _roles: dict[str, RoleRecord] = field(default_factory=lambda: defaultdict(RoleRecord))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def grant(self, role: str, granted: Iterable[Grant]) -> None:
        """Note what a role has now."""
        with self._lock:
            self._roles[role].granted.update(granted)

    def use(self, role: str, allowed: Iterable[Grant]) -> None:
        """Note which grants have allowed a call."""
        with self._lock:
            self._roles[role].used.update(allowed)

    def deny(self, role: str, what: str) -> None:
        """Note that a call was denied."""
        with self._lock:
            self._roles[role].denied.add(what)

    def page(self) -> dict[str, dict[str, list[Any]]]:
        """Return all of it as JSON takes it, sorted."""
        with self._lock:
            return {
                name: {
                    "used": sorted(record.used),
                    "unused": sorted(record.granted - record.used),
                    "denied": sorted(record.denied),
                }
                for name, record in sorted(self._roles.items())
            }
