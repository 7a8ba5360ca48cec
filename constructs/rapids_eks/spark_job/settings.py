"""The settings of Spark and RAPIDS that a job has: all follow from its description."""

from rapids_eks.job_pools import GPU
from rapids_eks.scrape_targets import DRIVER_PATH, SPARK_NAMESPACE
from rapids_eks.spark_job import memory
from rapids_eks.spark_job.gpu_memory import POOL_SHARE, batch_bytes
from rapids_eks.spark_job.job import SparkJob

START_MINUTES = 45  # for nodes from none at all and an image of 25 GB
_BARRIER_SECONDS = 15  # between two looks whether all of XGBoost's workers have a place; Spark's default
_GPU_VENDOR, _GPU = GPU.split("/")
# Casts and sums whose last digit may differ from the CPU's. RAPIDS 25.04 has them on, an image might not:
# https://nvidia.github.io/spark-rapids/docs/additional-functionality/advanced_configs.html
_ON_GPU = ("castStringToFloat", "castFloatToIntegralTypes", "variableFloatAgg", "csv.read.float", "csv.read.double")


def settings(job: SparkJob, *, driver_template: str, executor_template: str) -> dict[str, str]:
    """Return the properties of spark-defaults; the templates are the URIs of the pods' templates."""
    return {
        "spark.kubernetes.container.image": job.image,
        "spark.kubernetes.driver.podTemplateFile": driver_template,
        "spark.kubernetes.executor.podTemplateFile": executor_template,
        **_sizes(job),
        **_sharing(job),
        **_rapids(job),
        **_waiting(),
        **_metrics(),
        **({"spark.pyspark.python": job.python, "spark.pyspark.driver.python": job.python} if job.python else {}),
        **job.conf,
    }


def task_share(cores: int) -> str:
    """Return the share of a GPU that a task takes so that as many run as there are cores.

    Spark counts how often the share goes into a GPU, so a share must not be rounded up.
    """
    return f"{10**6 // cores / 10**6:.6f}".rstrip("0")


def _sizes(job: SparkJob) -> dict[str, str]:
    return {
        "spark.driver.cores": str(job.driver_cores),
        "spark.driver.memory": f"{job.driver_heap_gib}g",
        "spark.driver.memoryOverhead": f"{memory.DRIVER}m",
        "spark.dynamicAllocation.enabled": "false",
        "spark.executor.instances": str(job.executor_count),
        "spark.executor.cores": str(job.executor_cores),
        "spark.executor.memory": f"{job.executor_heap_gib}g",
        "spark.executor.memoryOverhead": f"{job.overhead}m",
    }


def _sharing(job: SparkJob) -> dict[str, str]:
    """Return how tasks share a GPU; for its own stage XGBoost takes a whole one."""
    return {
        f"spark.executor.resource.{_GPU}.amount": "1",
        f"spark.executor.resource.{_GPU}.vendor": _GPU_VENDOR,
        "spark.task.cpus": "1",
        f"spark.task.resource.{_GPU}.amount": task_share(job.executor_cores),
        "spark.rapids.sql.concurrentGpuTasks": str(job.gpu_tasks),
    }


def _rapids(job: SparkJob) -> dict[str, str]:
    shuffle = {"spark.shuffle.manager": job.shuffle_manager, "spark.rapids.shuffle.mode": "MULTITHREADED"}
    return {
        "spark.plugins": "com.nvidia.spark.SQLPlugin",
        "spark.rapids.memory.pinnedPool.size": f"{memory.PINNED}m",
        "spark.rapids.memory.gpu.pool": "ASYNC",
        "spark.rapids.memory.gpu.allocFraction": str(POOL_SHARE),
        "spark.rapids.sql.batchSizeBytes": str(batch_bytes(job.gpu_mib, job.gpu_tasks)),
        **{f"spark.rapids.sql.{name}.enabled": "true" for name in _ON_GPU},
        # https://docs.nvidia.com/spark-rapids/user-guide/latest/tuning-guide.html
        "spark.sql.files.maxPartitionBytes": "512m",
        "spark.sql.shuffle.partitions": str(2 * job.executor_count * job.executor_cores),
        **{key: value for key, value in shuffle.items() if job.shuffle_manager and value},
    }


def _waiting() -> dict[str, str]:
    """Return for what to wait: for data's sake no task, for a lost executor's node as long as at the start."""
    looks = START_MINUTES * 60 // _BARRIER_SECONDS
    barrier = "spark.scheduler.barrier.maxConcurrentTasksCheck"
    return {
        "spark.locality.wait": "0s",
        f"{barrier}.interval": f"{_BARRIER_SECONDS}s",
        f"{barrier}.maxFailures": str(looks),
    }


def _metrics() -> dict[str, str]:
    """Return how the driver publishes its own metrics and its executors', on the port of its user interface.

    https://spark.apache.org/docs/3.5.6/monitoring.html#metrics
    """
    sink = "spark.metrics.conf.*.sink.prometheusServlet"
    return {
        "spark.ui.prometheus.enabled": "true",
        "spark.metrics.namespace": SPARK_NAMESPACE,
        f"{sink}.class": "org.apache.spark.metrics.sink.PrometheusServlet",
        f"{sink}.path": DRIVER_PATH,
    }
