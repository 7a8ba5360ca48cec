"""What every test shares: one Spark session for the whole run."""

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from xgboost_pipeline.session import spark_session


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Local Spark as users of this machine have it, with few partitions since test data is small."""
    session = spark_session("tests", {"spark.sql.shuffle.partitions": "2"})
    yield session
    session.stop()
