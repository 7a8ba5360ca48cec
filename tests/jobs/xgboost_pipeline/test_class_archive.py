"""The archive of Spark's classes: made by `make setup`, and really mapped by the JVM."""

import sys

import psutil
import pytest
from pyspark.sql import SparkSession

from xgboost_pipeline.session import CLASS_ARCHIVE


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has mapped is read from /proc")
def test_the_jvm_of_the_tests_has_mapped_the_archive_that_setup_made(spark: SparkSession) -> None:
    assert spark.range(1).count() == 1
    (java,) = (child for child in psutil.Process().children(recursive=True) if child.name() == "java")
    assert str(CLASS_ARCHIVE) in {region.path for region in java.memory_maps()}
