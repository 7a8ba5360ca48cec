"""Workers are checked against what Spark can run at once, before anything waits for them."""

import os
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest
from feature_tables import spark
from pyspark.sql import SparkSession

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.train.settings import BoosterSettings
from xgboost_pipeline.train.workers import Workers, capacity_of, plan_workers

CLUSTER = {"spark.executor.instances": "4", "spark.executor.cores": "8", "spark.task.cpus": "2"}


def session(master: str, conf: dict[str, str] | None = None) -> SparkSession:
    context = SimpleNamespace(master=master, getConf=lambda: conf or {})
    return cast("SparkSession", SimpleNamespace(sparkContext=context))


def plan(master: str, conf: dict[str, str] | None = None, **options: Any) -> Workers:  # noqa: ANN401 - any setting
    return plan_workers(session(master, conf), BoosterSettings(**options))


def test_more_workers_than_slots_are_refused_before_training() -> None:
    with pytest.raises(PipelineError, match="--workers is 3, but Spark runs 2 tasks at the same time"):
        plan_workers(spark(), BoosterSettings(workers=3))


def test_one_machine_gets_one_worker_with_all_cores() -> None:
    assert plan("local[6]") == Workers(1, 6)


def test_workers_on_one_machine_share_its_cores() -> None:
    assert plan("local[6]", workers=3) == Workers(3, 2)


def test_a_cluster_gets_a_worker_per_executor() -> None:
    assert plan("k8s://https://cluster", CLUSTER) == Workers(4, 8)


def test_threads_that_wait_leave_their_core_to_others() -> None:
    def policy(frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for _ in frames:
            yield pd.DataFrame({"policy": [os.environ.get("OMP_WAIT_POLICY", "")]})

    found = spark().range(1).mapInPandas(policy, "policy string").collect()
    assert [row["policy"] for row in found] == ["PASSIVE"]


def test_slots_of_a_cluster_are_cores_by_task_cores() -> None:
    assert capacity_of(session("yarn", CLUSTER)).slots == 16


def test_more_workers_than_cluster_slots_are_refused() -> None:
    with pytest.raises(PipelineError, match="17, but Spark runs 16 tasks"):
        plan("yarn", CLUSTER, workers=17)


def test_no_workers_are_refused() -> None:
    with pytest.raises(PipelineError, match="--workers is 0"):
        plan("local[2]", workers=0)


def test_no_threads_are_refused() -> None:
    with pytest.raises(PipelineError, match="--threads is 0"):
        plan("local[2]", threads=0)


def test_dynamic_allocation_is_refused() -> None:
    with pytest.raises(PipelineError, match="spark.dynamicAllocation.enabled"):
        plan("yarn", CLUSTER | {"spark.dynamicAllocation.enabled": "true"})


def test_cuda_without_a_cuda_build_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xgboost.build_info", lambda: {"USE_CUDA": False})
    with pytest.raises(PipelineError, match="built without CUDA"):
        plan("yarn", CLUSTER, device="cuda")


def test_cuda_gets_a_worker_per_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xgboost.build_info", lambda: {"USE_CUDA": True})
    gpus = CLUSTER | {"spark.executor.resource.gpu.amount": "1"}
    assert plan("yarn", gpus, device="cuda") == Workers(4, 8)


def test_more_workers_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xgboost.build_info", lambda: {"USE_CUDA": True})
    gpus = CLUSTER | {"spark.executor.resource.gpu.amount": "1"}
    with pytest.raises(PipelineError, match="--workers is 5, but there are 4 GPUs"):
        plan("yarn", gpus, device="cuda", workers=5)
