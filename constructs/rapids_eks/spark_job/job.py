"""A Spark job on GPUs: what to run, on what, how large."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rapids_eks.placement import Nodes, Pod, alone
from rapids_eks.spark_job import memory, options, owned, release
from rapids_eks.spark_job.executors import Executors
from rapids_eks.spark_job.gpu_memory import smallest_mib
from rapids_eks.spark_job.memory import Matrix
from rapids_eks.system_pods import OBSERVED_NODES, spark

_NAME = re.compile(r"[\w./#-]{1,64}", re.ASCII)
_COUNTED = ("executors", "rows", "columns", "executor_heap_gib", "driver_cores", "driver_heap_gib", "attempts")
_LEAST_CORES = 2  # with one, XGBoost does not ask for a whole GPU for its own stage


@dataclass(frozen=True)
class SparkJob:
    """The pipeline's verb `run` with XGBoost on GPUs. Raises ValueError for what could not run, with the arithmetic.

    Exposes `executor_count`, `overhead` (MiB beside an executor's heap), `gpu_mib` (of the smallest GPU), and what its
    pods request: `driver`, `executor`. The number of executors is fixed: XGBoost needs all its workers at once.
    """

    release: str
    """Release label of EMR on EKS with RAPIDS, 7.4.0 or newer."""
    image: str
    """URI of the image of driver and executors, made from that release's; may be a CDK token."""
    gpu_types: Sequence[str]
    """EC2 types that the executors' nodes may have; an executor must fit on each."""
    driver_types: Sequence[str]
    """The same for the driver's node."""
    name: str = "spark-rapids-emr"
    """Name of its runs."""
    arguments: Sequence[str] = ()
    """More options of `run`, like ("--rounds", "500"); input, output and device are set."""
    executors: int | None = None
    """Executors, each with one GPU and one of XGBoost's workers. None takes 4 to 8: the fewest that hold `rows`, or 8
    where those are not known."""
    rows: int | None = None
    """Rows of the input or more; None leaves the table that XGBoost trains on out of the memory's arithmetic."""
    columns: int = 45
    """32-bit columns of that table, keys and label among them."""
    executor_cores: int = 4
    """Tasks at a time on an executor, 2 or more."""
    executor_heap_gib: int = 15
    """Heap of an executor's JVM in GiB."""
    driver_cores: int = 2
    """Cores of the driver."""
    driver_heap_gib: int = 8
    """Heap of the driver's JVM in GiB."""
    gpu_tasks: int = 1
    """How many of an executor's tasks compute on its GPU at once; with more of them batches are smaller."""
    shuffle_manager: str | None = None
    """RAPIDS' shuffle manager, a class that the image of the release has; None is Spark's own shuffle."""
    attempts: int = 2
    """How often the driver is started: losing an executor, to Spot for one, may end training. Each start is paid."""
    python: str | None = None
    """Path of the Python with the job's libraries in the image; None is EMR's own."""
    conf: Mapping[str, str] = field(default_factory=dict)
    """More settings of Spark or RAPIDS; refused are those that follow from the other fields."""

    def __post_init__(self) -> None:
        """Refuse what could not run."""
        found = list(self._malformed()) or list(self._impossible())
        if found:
            raise ValueError("\n".join(found))

    @property
    def executor_count(self) -> int:
        """How many executors there are."""
        return self.executors or self._executors.usual

    @property
    def overhead(self) -> int:
        """MiB of an executor beside its heap."""
        return memory.overhead(self._executors.matrix, self.executor_count)

    @property
    def most_rows(self) -> int:
        """How many rows XGBoost's workers have memory for."""
        return memory.most_rows(self.overhead, self.columns, self.executor_count)

    @property
    def gpu_mib(self) -> int:
        """MiB of the smallest GPU that an executor may get."""
        return smallest_mib(self.gpu_types)

    @property
    def driver(self) -> Pod:
        """What the driver's pod requests."""
        return spark("driver", cores=self.driver_cores, memory_mib=1024 * self.driver_heap_gib + memory.DRIVER)

    @property
    def executor(self) -> Pod:
        """What an executor's pod requests."""
        return self._executors.pod(self.executor_count)

    @property
    def _executors(self) -> Executors:
        matrix = None if self.rows is None else Matrix(self.rows, self.columns)
        return Executors(self.executor_cores, 1024 * self.executor_heap_gib, self.gpu_types, matrix)

    def _malformed(self) -> Iterator[str]:
        """Yield values that are wrong by themselves."""
        low = [name for name in _COUNTED if getattr(self, name) is not None and getattr(self, name) < 1]
        yield from (f"{name} is {getattr(self, name)}: give 1 or more" for name in low)
        empty = [kind for kind in ("gpu_types", "driver_types") if not getattr(self, kind)]
        yield from (f"{kind} is empty: give the EC2 types of these nodes" for kind in empty)
        if not _NAME.fullmatch(self.name):
            yield f'name is "{self.name}": use 1 to 64 letters, digits and . - _ / #'
        if self.executor_cores < _LEAST_CORES:
            reason = "as XGBoost asks for a whole GPU only where tasks would share it"
            yield f"executor_cores is {self.executor_cores}: give {_LEAST_CORES} or more, {reason}"
        elif not 1 <= self.gpu_tasks <= self.executor_cores:
            yield f"gpu_tasks is {self.gpu_tasks}: give 1 to {self.executor_cores}, which is executor_cores"

    def _impossible(self) -> Iterator[str]:
        """Yield what does not go together; raise ValueError for a type of which nothing is known."""
        smallest_mib(self.gpu_types)
        yield from release.problems(self.release, self.shuffle_manager)
        yield from list(owned.problems(self.conf, self.arguments)) or options.problems(self.arguments)
        yield from alone(Nodes("driver", self.driver_types, OBSERVED_NODES), self.driver)
        yield from self._executors.refusals(self.executor_count)
