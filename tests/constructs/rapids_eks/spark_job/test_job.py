"""What can be described, and what is refused with its arithmetic."""

import re
from typing import Any

import pytest

from config.instance_types import GPUS
from rapids_eks.spark_job.job import SparkJob
from rapids_eks.system_pods import DRIVER, EXECUTOR
from tests.constructs.rapids_eks.spark_job.samples import REFERENCE_ROWS, job


def refusal(**given: Any) -> str:  # noqa: ANN401 - the fields of SparkJob
    with pytest.raises(ValueError, match=".") as told:
        job(**given)
    return str(told.value)


def test_its_pods_are_those_that_the_settings_are_checked_with() -> None:
    assert (job().driver, job().executor) == (DRIVER, EXECUTOR)


@pytest.mark.parametrize(
    ("given", "executors"),
    [
        ({}, 8),
        ({"rows": 1000}, 4),
        ({"rows": REFERENCE_ROWS}, 5),
        ({"rows": REFERENCE_ROWS, "gpu_types": ["g6e.2xlarge"]}, 4),
        ({"rows": REFERENCE_ROWS, "executors": 12}, 12),
        ({"executors": 1}, 1),
    ],
)
def test_as_few_of_four_to_eight_executors_as_hold_the_rows_or_any_number_by_choice(
    given: dict[str, Any], executors: int
) -> None:
    assert job(**given).executor_count == executors


def test_too_few_executors_are_refused_with_the_sum_and_the_number_that_would_do() -> None:
    told = refusal(rows=REFERENCE_ROWS, executors=4)
    assert "executor (4000m CPU, 30236 MiB, 1 GPU) cannot be placed on a gpu node of type g5.2xlarge" in told
    assert "15360 MiB of heap, 2048 MiB of pinned pool, 9244 MiB of XGBoost's matrix" in told
    assert "(4 bytes x 215386024 rows x 45 columns / 4 executors) and 3072 MiB of Python" in told
    assert "5 executors or more" in told


@pytest.mark.parametrize("rows", [10**9, 3_170_000_000])
@pytest.mark.parametrize("types", [["g5.2xlarge"], ["g6e.2xlarge", "g5.12xlarge"]])
def test_the_number_that_would_do_does_and_one_less_does_not(rows: int, types: list[str]) -> None:
    found = re.search(r"(\d+) executors or more", refusal(rows=rows, executors=2, gpu_types=types))
    assert found
    least = int(found[1])
    assert job(rows=rows, executors=least, gpu_types=types).executor_count == least
    assert refusal(rows=rows, executors=least - 1, gpu_types=types)


def test_no_number_is_said_to_do_where_none_does() -> None:
    told = refusal(rows=REFERENCE_ROWS, executors=4, gpu_types=["g5.xlarge"])
    assert "g5.xlarge" in told
    assert "or more hold" not in told


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"executors": 0}, "executors is 0: give 1 or more"),
        ({"rows": 0}, "rows is 0"),
        ({"columns": 0}, "columns is 0"),
        ({"attempts": 0}, "attempts is 0"),
        ({"executor_heap_gib": 0}, "executor_heap_gib is 0"),
        ({"driver_cores": 0}, "driver_cores is 0"),
        ({"driver_heap_gib": -1}, "driver_heap_gib is -1"),
        ({"executor_cores": 1}, "executor_cores is 1: give 2 or more"),
        ({"gpu_tasks": 0}, "gpu_tasks is 0: give 1 to 4"),
        ({"gpu_tasks": 5}, "gpu_tasks is 5: give 1 to 4"),
        ({"name": "a b"}, 'name is "a b"'),
        ({"name": "a" * 65}, "use 1 to 64"),
        ({"gpu_types": []}, "gpu_types is empty"),
        ({"driver_types": []}, "driver_types is empty"),
        ({"gpu_types": ["m5.xlarge"]}, "m5.xlarge"),
        ({"executor_cores": 8}, "lacks 445m CPU"),
        ({"driver_heap_gib": 14}, "driver (2000m CPU, 16896 MiB) cannot be placed on a driver node of type m5.xlarge"),
        ({"driver_types": ["m5.large"]}, "m5.large"),
        ({"gpu_types": ["g5.2xlarge", "g6.xlarge"]}, "of type g6.xlarge"),
    ],
)
def test_what_could_not_run_is_refused(given: dict[str, Any], words: str) -> None:
    assert words in refusal(**given)


def test_all_that_is_wrong_is_told_at_once() -> None:
    told = refusal(release="emr-6.9.0-spark-rapids-latest", conf={"spark.executor.cores": "8"}, driver_heap_gib=14)
    assert len(told.splitlines()) == 4  # the driver fits on neither of its types


def test_on_which_of_the_types_that_the_settings_allow_the_usual_executor_fits() -> None:
    refused = {name for name in GPUS if isinstance(tried(name), str)}
    assert refused == {"g4dn.xlarge", "g5.xlarge", "g6.xlarge", "g6e.xlarge"}


def tried(name: str) -> SparkJob | str:
    try:
        return job(gpu_types=[name])
    except ValueError as error:
        return str(error)
