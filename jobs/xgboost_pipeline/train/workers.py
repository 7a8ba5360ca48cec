"""How many XGBoost workers run, with how many threads: checked first, since too many wait without a message."""

import re
import shutil
import subprocess
from dataclasses import dataclass

from pyspark.sql import SparkSession

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.model import require_cuda
from xgboost_pipeline.train.settings import GrowthSettings


@dataclass(frozen=True)
class Workers:
    """XGBoost workers: how many at the same time, and the threads of each."""

    count: int
    threads: int


@dataclass(frozen=True)
class Capacity:
    """What Spark can run at the same time: executors, and task slots, cores and GPUs over all of them."""

    executors: int
    slots: int
    cores: int
    gpus: int


def plan_workers(spark: SparkSession, settings: GrowthSettings) -> Workers:
    """Return the workers to use; raise PipelineError for more than there are task slots or, on cuda, GPUs."""
    capacity = capacity_of(spark)
    wanted = settings.workers
    count = wanted if wanted is not None else max(capacity.gpus if settings.device == "cuda" else capacity.executors, 1)
    _check(count, capacity, settings.device)
    threads = settings.threads if settings.threads is not None else max(1, capacity.cores // count)
    if threads < 1:
        raise PipelineError(f"--threads is {threads}: give 1 or more")
    return Workers(count, threads)


def capacity_of(spark: SparkSession) -> Capacity:
    """Return what this machine (local master) or the cluster's configuration offers."""
    conf = spark.sparkContext.getConf()
    task_cores = int(conf.get("spark.task.cpus", "1") or 1)
    local = re.fullmatch(r"local(?:\[(\d+|\*)(?:,.*)?\])?", str(spark.sparkContext.master))
    if local:
        cores = spark.sparkContext.defaultParallelism if local[1] == "*" else int(local[1] or 1)
        return Capacity(1, cores // task_cores, cores, _gpus_here())
    if conf.get("spark.dynamicAllocation.enabled", "false") == "true":
        raise PipelineError(
            "spark.dynamicAllocation.enabled is true, but XGBoost needs all its workers at once: "
            "set it to false and give spark.executor.instances"
        )
    executors = int(conf.get("spark.executor.instances", "1") or 1)
    cores = int(conf.get("spark.executor.cores", "1") or 1)
    gpus = int(conf.get("spark.executor.resource.gpu.amount", "0") or 0)
    return Capacity(executors, executors * (cores // task_cores), executors * cores, executors * gpus)


def _check(count: int, capacity: Capacity, device: str) -> None:
    if count < 1:
        raise PipelineError(f"--workers is {count}: give 1 or more")
    if count > capacity.slots:
        raise PipelineError(
            f"--workers is {count}, but Spark runs {capacity.slots} tasks at the same time "
            f"({capacity.executors} executors, {capacity.cores} cores): give at most {capacity.slots} or add executors"
        )
    require_cuda(device)
    if device == "cuda" and count > capacity.gpus:
        raise PipelineError(
            f"--workers is {count}, but there are {capacity.gpus} GPUs and each worker takes one: "
            f"give at most {capacity.gpus}, or use --device cpu"
        )


def _gpus_here() -> int:
    if not shutil.which("nvidia-smi"):
        return 0
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)  # noqa: S607 - the driver's own tool, wherever it is
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
