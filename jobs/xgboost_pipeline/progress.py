"""What the job is doing, on standard output: the driver log that people read."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


def say(message: str) -> None:
    """Print one line of progress at once, whatever the output is buffered by."""
    print(message, flush=True)


@dataclass
class Stopwatch:
    """Wall time of a `timed` block: `seconds`, 0 until the block has ended."""

    seconds: float = 0.0


@contextmanager
def timed(step: str) -> Iterator[Stopwatch]:
    """Print `<step> takes 12.34 seconds` when the block ends well, as the reference blueprint's log does."""
    watch = Stopwatch()
    start = time.monotonic()
    yield watch
    watch.seconds = round(time.monotonic() - start, 3)
    say(f"{step} takes {watch.seconds:.2f} seconds")
