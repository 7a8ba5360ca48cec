"""Which releases and which shuffle managers are let through."""

import pytest

from rapids_eks.spark_job.release import FIRST, SPARK, problems
from tests.constructs.rapids_eks.spark_job.samples import RELEASE


def manager(spark: str) -> str:
    return f"com.nvidia.spark.rapids.{spark}.RapidsShuffleManager"


@pytest.mark.parametrize("release", [RELEASE, "emr-7.4.0-spark-rapids-latest", "emr-10.0.0-spark-rapids-20281231"])
def test_a_release_with_rapids_and_a_spark_that_schedules_by_stage_is_let_through(release: str) -> None:
    assert list(problems(release, None)) == []


@pytest.mark.parametrize(
    ("release", "words"),
    [
        ("emr-7.13.0-20260410", "none with RAPIDS"),
        ("emr-7.13.0-latest", "none with RAPIDS"),
        ("emr-spark-8.0.0", "none with RAPIDS"),
        ("emr-7.13.0-spark-rapids", "none with RAPIDS"),
        ("emr-7.3.0-spark-rapids-latest", "needs Spark 3.5.1"),
        ("emr-6.15.0-spark-rapids-latest", "needs Spark 3.5.1"),
    ],
)
def test_another_release_is_refused_with_one_that_would_do(release: str, words: str) -> None:
    (told,) = problems(release, None)
    assert release in told
    assert words in told
    assert "use" in told


@pytest.mark.parametrize("release", ["emr-7.4.0-spark-rapids-latest", "emr-7.5.0-spark-rapids-latest"])
def test_a_shuffle_manager_for_the_release_s_spark_is_let_through(release: str) -> None:
    assert list(problems(release, manager("spark352"))) == []


@pytest.mark.parametrize(
    ("release", "given", "words"),
    [
        ("emr-7.5.0-spark-rapids-latest", manager("spark353"), "for Spark 3.5.3, but emr-7.5.0 carries 3.5.2"),
        (RELEASE, manager("spark356"), "for Spark 3.5.6, which emr-7.13.0 carries, RAPIDS is not known to have one"),
        ("emr-7.9.0-spark-rapids-latest", manager("spark355"), "which Spark emr-7.9.0 carries is not known"),
        (RELEASE, "org.apache.spark.shuffle.sort.SortShuffleManager", "use com.nvidia.spark.rapids.sparkNNN"),
        (RELEASE, "", "use com.nvidia.spark.rapids.sparkNNN"),
    ],
)
def test_any_other_shuffle_manager_is_refused(release: str, given: str, words: str) -> None:
    (told,) = problems(release, given)
    assert words in told
    assert "leave it out" in told


def test_every_release_whose_spark_is_known_schedules_by_stage() -> None:
    for release, spark in SPARK.items():
        assert tuple(map(int, release.split("."))) >= FIRST
        assert tuple(map(int, spark.split("."))) >= (3, 5, 1)
