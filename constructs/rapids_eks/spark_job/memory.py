"""How much memory the containers of a job need beside their heaps, in MiB."""

from dataclasses import dataclass
from math import ceil

PINNED = 2 * 1024  # RAPIDS' pool of host memory that GPUs copy from directly
# RAPIDS' other buffers, spilled batches, Arrow and Python; zero executors were killed with it on nodes of 32 GiB:
# https://awslabs.github.io/data-on-eks/docs/benchmarks/spark-rapids-gpu-benchmark
NATIVE = 10 * 1024
PYTHON = 3 * 1024  # of it, while XGBoost trains: Python and its libraries, CUDA, and a batch under way
DRIVER = 2 * 1024
_FLOAT = 4  # bytes


@dataclass(frozen=True)
class Matrix:
    """What XGBoost trains on. Its workers, one per executor, hold it as 32-bit floats before it goes to the GPUs."""

    rows: int
    columns: int

    def share(self, executors: int) -> int:
        """Return the MiB that one of so many executors holds."""
        return ceil(_FLOAT * self.rows * self.columns / executors / 2**20)

    def least_executors(self, room: int) -> int:
        """Return over how many executors it must be spread so that none holds more than `room` MiB."""
        return ceil(_FLOAT * self.rows * self.columns / 2**20 / room)


def overhead(matrix: Matrix | None, executors: int) -> int:
    """Return an executor's memory beside its heap; while XGBoost trains, RAPIDS computes nothing.

    It is what its container needs, on nodes of any size: one that may take more of a larger node would die on a smaller
    one of the same pool. EMR's log shipper is a container of its own, with its own request. Whether all of that fits
    what a node of each type has for pods, beside its DaemonSets, is seen in `Executors.refusals`, with the sum.
    """
    trained = matrix.share(executors) + PYTHON if matrix else 0
    return PINNED + max(NATIVE, trained)


def most_rows(beside: int, columns: int, executors: int) -> int:
    """Return how many rows executors with `beside` MiB beside their heaps can hold while XGBoost trains."""
    return (beside - PINNED - PYTHON) * 2**20 * executors // (_FLOAT * columns)


def explained(matrix: Matrix | None, executors: int) -> str:
    """Return the sum that `overhead` is, in words."""
    if matrix is None or matrix.share(executors) + PYTHON <= NATIVE:
        return f"{PINNED} MiB of pinned pool and {NATIVE} MiB of buffers and Python"
    return (
        f"{PINNED} MiB of pinned pool, {matrix.share(executors)} MiB of XGBoost's matrix ({_FLOAT} bytes x "
        f"{matrix.rows} rows x {matrix.columns} columns / {executors} executors) and {PYTHON} MiB of Python"
    )
