"""What has been acknowledged: everything up to a moment, some windows after it, and batches of windows begun."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

VERSION = 1
JITTER = 60.0  # seconds that the clocks of Prometheus and of this machine may go back without a word


class StoreError(Exception):
    """What is acknowledged could not be kept, or read; to be tried again."""


class ClockError(Exception):
    """What is acknowledged lies in the future: some clock is, or was, wrong, and nothing can be delivered."""


class OtherWriterError(Exception):
    """Another exporter writes the same watermark: one of the two must end."""


class Store(Protocol):
    """A place for one text, in which two writers find each other out."""

    def read(self) -> str | None:
        """Return the text, None where there is none yet. Raises StoreError."""

    def write(self, text: str) -> None:
        """Replace what was read or written last. Raises StoreError, and OtherWriterError where that has changed."""


@dataclass(frozen=True)
class Progress:
    """`through` is the second up to which all is acknowledged; `ahead` are [start, end) after it, in order.

    `begun` holds, by the start of a window, the digests of its batches that are acknowledged.
    """

    through: int
    ahead: tuple[tuple[int, int], ...] = ()
    begun: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    def done(self, start: int, end: int) -> bool:
        """Return whether the window from `start` to `end` is acknowledged."""
        return end <= self.through or any(first <= start and end <= last for first, last in self.ahead)

    def missing(self, start: int, end: int) -> tuple[int, int] | None:
        """Return the first part of a window that is not acknowledged, None where all of it is."""
        first = max(start, self.through)
        for begin, last in self.ahead:
            if first < begin:
                return (first, min(begin, end)) if first < end else None
            first = max(first, last)
        return (first, end) if first < end else None

    def ahead_of(self, now: float) -> float:
        """Return by how many seconds what is acknowledged lies in the future, 0 where that is jitter."""
        ahead = self.through - now
        return ahead if ahead > JITTER else 0.0

    def with_batch(self, start: int, digest: str) -> Progress:
        """Return this with one more batch, or piece of one, of a window acknowledged."""
        return self.with_batches(start, (*self.begun.get(start, ()), digest))

    def with_batches(self, start: int, digests: tuple[str, ...]) -> Progress:
        """Return this with exactly these batches of a window acknowledged."""
        return Progress(self.through, self.ahead, {**self.begun, start: digests})

    def with_window(self, start: int, end: int) -> Progress:
        """Return this with a whole window acknowledged."""
        spans = sorted([*self.ahead, (start, end)])
        through = self.through
        ahead: list[tuple[int, int]] = []
        for first, last in spans:
            if first <= through:
                through = max(through, last)
            elif ahead and first <= ahead[-1][1]:
                ahead[-1] = (ahead[-1][0], max(last, ahead[-1][1]))
            else:
                ahead.append((first, last))
        begun = {begin: known for begin, known in self.begun.items() if begin != start and begin >= through}
        return Progress(through, tuple(ahead), begun)

    def from_second(self, second: int) -> Progress:
        """Return this with everything before `second` given up."""
        return self.with_window(self.through, second) if second > self.through else self

    def text(self) -> str:
        """Return this as JSON."""
        begun = {str(start): list(known) for start, known in sorted(self.begun.items())}
        return json.dumps({"version": VERSION, "through": self.through, "ahead": self.ahead, "begun": begun})


def parse(text: str) -> Progress:
    """Return the progress that a text holds; raises StoreError with what to do where it holds none."""
    try:
        found: dict[str, Any] = json.loads(text)
        return Progress(
            {VERSION: int(found["through"])}[found["version"]],
            tuple((int(first), int(last)) for first, last in found["ahead"]),
            {int(start): tuple(map(str, known)) for start, known in found["begun"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(
            f"The watermark {text[:200]!r} cannot be read ({error}): delete the file, or empty the ConfigMap by "
            """`kubectl patch configmap NAME --type=merge -p '{"data":null}'`, to begin FIRST_BACKFILL seconds back"""
        ) from error


@dataclass
class FileStore:
    """A file, replaced whole, so that neither a crash nor a full disk leaves half of it."""

    path: Path
    _last: str | None = None

    def read(self) -> str | None:
        """Return the file's text."""
        try:
            self._last = self.path.read_text()
        except FileNotFoundError:
            self._last = None
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"{self.path} cannot be read: {error}") from error
        return self._last

    def write(self, text: str) -> None:
        """Replace the file, unless somebody else has."""
        known = self._last
        if self.read() != known:
            raise OtherWriterError(f"{self.path} was changed by another exporter: stop one of the two")
        try:
            self._replace(text)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error}") from error
        self._last = text

    def _replace(self, text: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            self._like_the_old(handle)
            with os.fdopen(handle, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _like_the_old(self, handle: int) -> None:
        """Give a new file the old one's mode and owner, else the folder's owner: root may do the service's work."""
        known = self.path if self.path.exists() else self.path.parent
        old = known.stat()
        if known is self.path:
            os.fchmod(handle, stat.S_IMODE(old.st_mode))
        if os.geteuid() == 0:
            os.fchown(handle, old.st_uid, old.st_gid)
