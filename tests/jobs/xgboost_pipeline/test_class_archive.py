"""The archive of Spark's classes: made by `make setup`, and really mapped by the JVM."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from pyspark.sql import SparkSession

import xgboost_pipeline
from xgboost_pipeline.session import CLASS_ARCHIVE


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has mapped is read from /proc")
def test_the_jvm_of_the_tests_has_mapped_the_archive_that_setup_made(spark: SparkSession) -> None:
    assert spark.range(1).count() == 1
    (java,) = (child for child in psutil.Process().children(recursive=True) if child.name() == "java")
    assert str(CLASS_ARCHIVE) in {region.path for region in java.memory_maps()}


def test_spark_starts_in_a_folder_with_a_space_in_its_name(tmp_path: Path) -> None:
    (tmp_path / "a folder").symlink_to(Path(xgboost_pipeline.__path__[0]).parent)
    program = "from xgboost_pipeline.session import spark_session; print(spark_session('x').range(3).count())"
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "a folder"), "XGBOOST_PIPELINE_MASTER": "local[1]"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout == "3\n", done.stderr
