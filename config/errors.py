"""The one exception that a user of the settings sees, and one line of its text."""

from collections.abc import Sequence
from dataclasses import dataclass

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, as keys and positions from the top, and what to do about it."""

    path: Path
    text: str

    def below(self, parent: Path) -> "Problem":
        """Return the same problem, seen from further up."""
        return Problem((*parent, *self.path), self.text)

    @property
    def where(self) -> str:
        """The path as people write it: `teams[1].name`."""
        return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in self.path).removeprefix(".")


class ConfigError(Exception):
    """The settings cannot be used; the text lists every reason, one to a line."""

    def __init__(self, source: str, reasons: Sequence[str]) -> None:
        count = "1 problem" if len(reasons) == 1 else f"{len(reasons)} problems"
        super().__init__("\n  ".join([f"{source}: {count}", *map(_one_line, reasons)]))


def _one_line(text: str) -> str:
    """Return a reason without the line ends and control characters that a value in it may have."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
