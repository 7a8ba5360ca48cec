"""The settings, as Spark, RAPIDS, XGBoost and the pipeline read them."""

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyspark
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark import SparkConf
from xgboost.spark import SparkXGBClassifier

from rapids_eks.spark_job.settings import task_share
from tests.constructs.rapids_eks.spark_job.samples import REFERENCE_ROWS, defaults, job
from xgboost_pipeline.features.columns import forward_columns, reference_columns
from xgboost_pipeline.train.workers import capacity_of

MANAGER = "com.nvidia.spark.rapids.spark352.RapidsShuffleManager"
MANAGED = "emr-7.5.0-spark-rapids-latest"  # a release that has it
RECORDED = Path(__file__).parent / "rapids-25.04.0.txt"
JARS = Path(pyspark.__file__).parent / "jars"
DECLARED = re.compile(r"internal/config/|SQLConf\$|deploy/k8s/Config\$")  # classes of Spark that name its settings
RESOURCE = re.compile(r"spark\.(?:driver|executor|task)\.resource\.\w+\.(?:amount|vendor)")  # names made at run time
SINK = "spark.metrics.conf.*.sink.prometheusServlet."  # of each sink by its own name


@pytest.fixture(scope="module")
def known() -> set[str]:
    """Return the settings that Spark 3.5.6 and RAPIDS 25.04.0 have."""
    names = set(RECORDED.read_text().split("\n"))
    for part in ("core", "catalyst", "kubernetes"):
        with zipfile.ZipFile(JARS / f"spark-{part}_2.12-{pyspark.__version__}.jar") as jar:
            for each in jar.namelist():
                if DECLARED.search(each):
                    names |= {text.decode() for text in re.findall(rb"spark\.[A-Za-z0-9.]*[A-Za-z0-9]", jar.read(each))}
    return names


def test_every_setting_is_one_of_spark_s_or_rapids_own(known: set[str]) -> None:
    """Guards against names that nobody reads, of which the reference had some."""
    used = {key for key in defaults(job(shuffle_manager=MANAGER, release=MANAGED)) if not RESOURCE.fullmatch(key)}
    used -= {key for key in used if key.startswith(SINK)}
    assert len(used) > 25
    assert used - known == set()
    assert "spark.rapids.memory.gpu.pooling.enabled" not in known  # RAPIDS has forgotten it
    assert "spark.executor.memoryOverheads" not in known


def test_the_sink_of_metrics_is_a_class_that_spark_has() -> None:
    settings = defaults(job())
    with zipfile.ZipFile(JARS / f"spark-core_2.12-{pyspark.__version__}.jar") as jar:
        assert f"{settings[f'{SINK}class'].replace('.', '/')}.class" in jar.namelist()


def conf(settings: Mapping[str, str]) -> SparkConf:
    return SparkConf(loadDefaults=False).setAll(list(settings.items()))


def test_the_pipeline_plans_a_worker_for_each_executor() -> None:
    settings = {**defaults(job(executors=6, executor_cores=3)), "spark.master": "k8s://x"}
    context = SimpleNamespace(getConf=lambda: conf(settings), master="k8s://x")
    session: Any = SimpleNamespace(sparkContext=context)
    found = capacity_of(session)
    assert (found.executors, found.gpus, found.cores, found.slots) == (6, 6, 18, 18)


@pytest.mark.parametrize("cores", [2, 3, 4, 7])
def test_xgboost_takes_a_whole_gpu_for_its_own_stage(cores: int) -> None:
    found = conf(defaults(job(executor_cores=cores)))
    skipped: Any = SparkXGBClassifier(device="cuda")._skip_stage_level_scheduling  # noqa: SLF001 - there is no other door
    assert not skipped("3.5.6-amzn-2", found)
    assert skipped("3.5.0-amzn-0", found)
    assert skipped("3.5.6-amzn-2", found.set("spark.task.resource.gpu.amount", "1"))


@given(st.integers(2, 1000))
def test_so_many_tasks_share_a_gpu_as_there_are_cores(cores: int) -> None:
    """As Spark counts: https://github.com/apache/spark/blob/v3.5.6/core/src/main/scala/org/apache/spark/resource/."""
    share = float(task_share(cores))
    assert share <= 0.5
    assert int(1 / share) == cores


def test_driver_and_executors_run_the_python_that_is_named() -> None:
    named = defaults(job(python="/opt/python"))
    assert (named["spark.pyspark.python"], named["spark.pyspark.driver.python"]) == ("/opt/python", "/opt/python")
    assert not any("pyspark" in key for key in defaults(job()))


def test_the_shuffle_s_mode_comes_with_its_manager_only() -> None:
    without, found = defaults(job()), defaults(job(shuffle_manager=MANAGER, release=MANAGED))
    assert found.items() - without.items() == {
        ("spark.shuffle.manager", MANAGER),
        ("spark.rapids.shuffle.mode", "MULTITHREADED"),
    }


def test_executors_are_fixed_in_number() -> None:
    found = defaults(job(executors=5))
    assert found["spark.dynamicAllocation.enabled"] == "false"
    assert found["spark.executor.instances"] == "5"


def test_what_is_derived_follows_the_description() -> None:
    found = defaults(
        job(rows=REFERENCE_ROWS, executor_heap_gib=12, gpu_tasks=2, gpu_types=["g6.4xlarge", "g4dn.4xlarge"])
    )
    assert found["spark.executor.memory"] == "12g"
    assert found["spark.rapids.sql.concurrentGpuTasks"] == "2"
    assert found["spark.rapids.sql.batchSizeBytes"] == str(int(16384 * 2**20 * 0.6 / 2 / 4))
    assert found["spark.sql.shuffle.partitions"] == str(2 * 4 * int(found["spark.executor.instances"]))


def test_a_lost_executor_is_waited_for_as_long_as_a_start_takes() -> None:
    check = "spark.scheduler.barrier.maxConcurrentTasksCheck"
    found = defaults(job())
    assert int(found[f"{check}.interval"].removesuffix("s")) * int(found[f"{check}.maxFailures"]) == 45 * 60


def test_the_pipeline_s_tables_have_no_more_columns_than_are_reckoned_with() -> None:
    keys = ("loan_id", "month", "label", "is_validation", "weight")
    assert len(keys) + max(len(forward_columns()), len(reference_columns())) <= job().columns
