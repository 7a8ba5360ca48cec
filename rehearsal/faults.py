"""Faults on demand: what shall fail, and how often."""

import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

Kind = Literal[
    "create",
    "update",
    "delete",
    "delete-late",
    "throttle",
    "kill-function",
    "kill-before",
    "kill-after",
    "drop-response",
    "job-fail",
    "job-hang",
    "job-slow",
    "shortage",
]


@dataclass(frozen=True)
class Fault:
    """One planted fault: `target` is a logical id, `service:Operation`, or a name, by `kind`, or a pattern of these.

    The name is a function's or a job's; of what there is none, it is an instance type, or `spot`. What is deleted late
    is gone, but its stack has been told that the deletion failed. A function is killed at its call
    `FUNCTION@service:Operation`: before AWS has it, or after AWS has done it and before the function is told.
    """

    kind: Kind
    target: str
    always: bool = False


@dataclass
class Faults:
    """The faults that are still to happen; each happens once unless it was planted for always."""

    planted: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def plant(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self.planted.append(fault)

    def clear(self) -> None:
        """Let nothing fail any more."""
        with self._lock:
            self.planted.clear()

    def strikes(self, kind: Kind, target: str) -> bool:
        """Return whether a fault of this kind hits `target` now, and use it up unless it is for always."""
        with self._lock:
            hit = next((f for f in self.planted if f.kind == kind and fnmatchcase(target, f.target)), None)
            if hit and not hit.always:
                self.planted.remove(hit)
            return hit is not None
