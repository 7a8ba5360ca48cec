"""What a job may set by itself, and what not."""

import pytest

from rapids_eks.spark_job.job import SparkJob
from rapids_eks.spark_job.owned import problems
from rapids_eks.spark_job.settings import settings
from tests.constructs.rapids_eks.spark_job.samples import job, submitted

MANAGER = "com.nvidia.spark.rapids.spark352.RapidsShuffleManager"
MANAGED = "emr-7.5.0-spark-rapids-latest"  # a release that has it
# Derived, but no harm comes from another value.
FREE = {
    "spark.sql.files.maxPartitionBytes",
    "spark.sql.shuffle.partitions",
    "spark.locality.wait",
    "spark.scheduler.barrier.maxConcurrentTasksCheck.interval",
    "spark.scheduler.barrier.maxConcurrentTasksCheck.maxFailures",
    "spark.rapids.sql.castStringToFloat.enabled",
    "spark.rapids.sql.castFloatToIntegralTypes.enabled",
    "spark.rapids.sql.variableFloatAgg.enabled",
    "spark.rapids.sql.csv.read.float.enabled",
    "spark.rapids.sql.csv.read.double.enabled",
}


def derived(described: SparkJob) -> dict[str, str]:
    return settings(described, driver_template="d", executor_template="e")


@pytest.mark.parametrize("key", sorted(derived(job(shuffle_manager=MANAGER, release=MANAGED)).keys() - FREE))
def test_what_is_derived_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=f"conf has {key}, which follows from"):
        job(conf={key: "1"})


@pytest.mark.parametrize(
    "key",
    [
        "spark.executor.pyspark.memory",  # would also limit what Python may address, and CUDA addresses terabytes
        "spark.executor.memoryOverheadFactor",
        "spark.kubernetes.memoryOverheadFactor",
        "spark.memory.offHeap.size",
        "spark.dynamicAllocation.maxExecutors",
        "spark.kubernetes.executor.request.cores",
        "spark.kubernetes.executor.limit.cores",
        "spark.kubernetes.node.selector.zone",
        "spark.kubernetes.driver.node.selector.zone",
        "spark.kubernetes.executor.container.image",
        "spark.kubernetes.executor.podTemplateContainerName",
        "spark.driver.resource.gpu.amount",
        "spark.rapids.memory.gpu.maxAllocFraction",
        "spark.rapids.sql.enabled",
    ],
)
def test_what_would_undo_the_arithmetic_is_refused(key: str) -> None:
    assert len(list(problems([key], []))) == 1


@pytest.mark.parametrize(
    "key",
    [
        *sorted(FREE),
        "spark.executor.resource.gpu.discoveryScript",
        "spark.executor.extraJavaOptions",
        "spark.log.level",
        "spark.rapids.sql.explain",
        "spark.kubernetes.executor.annotation.a",
    ],
)
def test_what_is_free_takes_effect(key: str) -> None:
    assert submitted(job(conf={key: "mine"})).conf[key] == "mine"


def test_a_name_that_spark_passes_over_is_refused() -> None:
    (told,) = problems(["sparc.log.level"], [])
    assert "sparc.log.level" in told


@pytest.mark.parametrize("word", ["--input", "--input=s3://b", "--in", "--o", "--output", "--device=cpu", "--dev"])
def test_an_argument_that_every_run_has_is_refused_however_it_is_shortened(word: str) -> None:
    with pytest.raises(ValueError, match=f"arguments has {word}"):
        job(arguments=[word, "x"])


def test_other_arguments_come_after_those_that_every_run_has() -> None:
    given = ("--rounds", "500", "--without-ladder", "--overwrite")
    assert submitted(job(arguments=given)).arguments[-4:] == given
