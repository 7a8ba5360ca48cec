"""How large executors are, how many of them hold the job, and whether they find a place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapids_eks.placement import Nodes, Pod, alone
from rapids_eks.spark_job import memory
from rapids_eks.spark_job.memory import Matrix
from rapids_eks.system_pods import OBSERVED_GPU_NODES, spark

USUAL = range(4, 8 + 1)


@dataclass(frozen=True)
class Executors:
    """Executors of a job, one to a GPU: their cores, the heap in MiB, the types of their nodes, what XGBoost holds."""

    cores: int
    heap: int
    instance_types: Sequence[str]
    matrix: Matrix | None

    @property
    def usual(self) -> int:
        """The fewest of the usual numbers that hold the matrix, the most where it is not known or none does."""
        fitting = (count for count in USUAL if self.matrix and not any(self.refusals(count)))
        return next(fitting, USUAL[-1])

    def pod(self, count: int) -> Pod:
        """Return what one of so many requests."""
        return self._pod(memory.overhead(self.matrix, count))

    def refusals(self, count: int) -> Iterator[str]:
        """Yield on which nodes one of so many finds no place, with its sum, and what to change."""
        for text in alone(self._nodes, self.pod(count)):
            parts = memory.explained(self.matrix, count)
            yield f"{text}. Its memory: {self.heap} MiB of heap, {parts}, and EMR's log shipper{self._advice}"

    @property
    def _nodes(self) -> Nodes:
        return Nodes("gpu", self.instance_types, OBSERVED_GPU_NODES)

    def _pod(self, overhead: int) -> Pod:
        return spark("executor", cores=self.cores, memory_mib=self.heap + overhead, gpus=1)

    @property
    def _advice(self) -> str:
        """How many would do, if more of them help at all."""
        if self.matrix is None or any(alone(self._nodes, self._pod(memory.overhead(None, 1)))):
            return ""
        least = self.matrix.least_executors(self._room)
        return f". {least} executors or more hold the matrix"

    @property
    def _room(self) -> int:
        """MiB that each executor has for the matrix, whichever type its node is."""
        frees = [self._nodes.free(name) for name in self.instance_types]
        return min(free.memory // free.gpus for free in frees) - self._pod(memory.PINNED + memory.PYTHON).size.memory
