"""The run of the loan pipeline that the stack NAME-pipeline stands for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from config.names import Namespace
from config.section import Section
from rapids_eks.spark_job.job import SparkJob

Count = Annotated[int, Field(ge=1, le=1000)]


@dataclass(frozen=True)
class Platform:
    """On what a job runs: the release, its image (which may be a CDK token), and the types of the nodes."""

    release: str
    image: str
    gpu_types: Sequence[str]
    driver_types: Sequence[str]
    gpus: int  # that the team may use at once
    python: str | None  # in the image; None is EMR's own


class Pipeline(Section):
    """One run of the loan pipeline for each content: what is set here, the code and the image."""

    team: Namespace | None = None
    """Whose run it is; null is the first of `teams`."""
    run_id: Annotated[str, Field(max_length=64)] = ""
    """Any text; another one means another run, where nothing else has changed but the input."""
    arguments: tuple[str, ...] = ()
    """More options of the pipeline's `run`, like ["--rounds", "500"]; its input, output and device are set."""
    executors: Count | None = None
    """Executors, each with a GPU; null is the fewest of 4 to 8 that hold `rows`, 8 where those are not known, and no
    more than the team may have."""
    rows: Annotated[int | None, Field(ge=1)] = None
    """Rows of the input, or more: the executors' memory is made for them. null leaves them out of the arithmetic."""
    executor_cores: Annotated[int, Field(ge=2, le=128)] = 4
    """Tasks at a time on each executor."""
    executor_heap_gib: Count = 15
    """Heap of an executor's JVM in GiB; what its GPU and Python need comes on top."""
    driver_cores: Annotated[int, Field(ge=1, le=128)] = 2
    """Cores of the driver."""
    driver_heap_gib: Count = 8
    """Heap of the driver's JVM in GiB."""
    gpu_tasks: Annotated[int, Field(ge=1, le=128)] = 1
    """How many of an executor's tasks compute on its GPU at once."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 2
    """How often the driver is started; the loss of an executor, to Spot for one, may end training. Each is paid."""
    conf: Mapping[str, str] = {}
    """More settings of Spark or RAPIDS; refused are those that follow from others."""
    wait: Literal["wait", "start", "state_machine"] = "wait"
    """Whether the deployment ends with the run, or after 40 minutes without it, or once it is started; a state machine
    starts it and watches it to its end, and cancels it when its execution is stopped."""
    timeout_hours: Annotated[int, Field(ge=1, le=720)] = 24
    """After how many hours the state machine gives a run up; other ways to wait take no notice."""
    on_failure: Literal["fail", "report"] = "fail"
    """Whether a run that fails fails the deployment, or is only reported in the stack's outputs."""

    def job(self, platform: Platform) -> SparkJob:
        """Return the job; raises ValueError where it could not run, with the arithmetic."""
        usual = self._job(platform, self.executors)
        if self.executors is None and usual.executor_count > platform.gpus > 0:
            return self._job(platform, platform.gpus)
        return usual

    def _job(self, platform: Platform, executors: int | None) -> SparkJob:
        return SparkJob(
            release=platform.release,
            image=platform.image,
            gpu_types=platform.gpu_types,
            driver_types=platform.driver_types,
            arguments=self.arguments,
            executors=executors,
            rows=self.rows,
            executor_cores=self.executor_cores,
            executor_heap_gib=self.executor_heap_gib,
            driver_cores=self.driver_cores,
            driver_heap_gib=self.driver_heap_gib,
            gpu_tasks=self.gpu_tasks,
            attempts=self.attempts,
            python=platform.python,
            conf=self.conf,
        )
