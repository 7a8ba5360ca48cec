from typing import Any

import pytest

from rehearsal.emr.job import Job, read
from rehearsal.emr.sizes import BadSetting


def job(parameters: str = "--conf a=b", overrides: dict[str, Any] | None = None) -> Job:
    request = {
        "virtualClusterId": "v",
        "executionRoleArn": "arn:aws:iam::111122223333:role/path/r",
        "releaseLabel": "emr-7.13.0-latest",
        "jobDriver": {"sparkSubmitJobDriver": {"entryPoint": "s3://b/job.py", "sparkSubmitParameters": parameters}},
        "configurationOverrides": overrides or {},
    }
    return read("0000000abc", request, ("c", "team"), "111122223333")


def classified(name: str, **properties: str) -> dict[str, Any]:
    return {"classification": name, "properties": properties}


def test_what_is_given_to_spark_submit_wins_over_the_defaults() -> None:
    defaults = classified("spark-defaults", **{"spark.executor.memory": "1g", "spark.app.name": "d"})
    read_job = job("--executor-memory 4g --conf spark.x='a b'", {"applicationConfiguration": [defaults]})
    assert read_job.conf == {"spark.executor.memory": "4g", "spark.app.name": "d", "spark.x": "a b"}


def test_options_with_and_without_an_equals_sign_are_the_same() -> None:
    assert job("--py-files=s3://b/x.zip").conf == job("--py-files s3://b/x.zip").conf


@pytest.mark.parametrize("parameters", ["--no-such-option x", "--conf", "stray", "--conf 'a=b"])
def test_what_spark_submit_refuses_is_refused(parameters: str) -> None:
    with pytest.raises(BadSetting):
        job(parameters)


def test_a_run_may_wait_15_minutes_unless_it_says_otherwise() -> None:
    assert job().start_timeout == 900
    longer = classified("emr-containers-defaults", **{"job-start-timeout": "2700"})
    assert job(overrides={"applicationConfiguration": [longer]}).start_timeout == 2700


def test_the_role_s_name_is_without_its_path() -> None:
    assert job().role_name == "r"
