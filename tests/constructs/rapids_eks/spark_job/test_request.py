"""The request, as AWS's own description of it and EMR's stand-in read it."""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.model import Shape
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from kubernetes.utils.quantity import parse_quantity

from config.instance_types import GPUS
from rapids_eks.placement import Size, total
from rapids_eks.spark_job.job import SparkJob
from rapids_eks.spark_job.request import ENTRY_POINT, PACKAGE, request
from rapids_eks.system_pods import OBSERVED_GPU_NODES, OBSERVED_NODES, SUBMITTER
from rehearsal.emr import pods
from rehearsal.emr.job import CLASSIFICATIONS, configurations
from rehearsal.emr.sizes import check
from rehearsal.kubernetes.instance_types import instance_type
from tests.constructs.rapids_eks.spark_job.samples import BUCKET, PLACE, REFERENCE_ROWS, job, submitted
from xgboost_pipeline import run
from xgboost_pipeline.settings import add_options, from_arguments

ROOT = Path(__file__).parents[4]
DRIVERS = ["m5.xlarge", "r5.2xlarge", "c5.large", "m5.4xlarge"]
OWNER = {"metadata": {"name": "driver", "uid": "u"}}


@pytest.fixture(scope="module")
def shape() -> Shape:
    model = botocore.session.get_session().get_service_model("emr-containers")
    return model.operation_model("StartJobRun").input_shape


def texts(value: Any, shape: Shape) -> Iterator[tuple[str, Shape]]:  # noqa: ANN401 - JSON
    """Yield each text of a request, the keys of maps too, with what AWS says of it."""
    children: list[tuple[Any, Shape]] = []
    if shape.type_name == "structure":
        children = [(each, shape.members[name]) for name, each in value.items()]
    elif shape.type_name == "list":
        children = [(each, shape.member) for each in value]
    elif shape.type_name == "map":
        assert len(value) <= shape.metadata["max"]
        children = [(name, shape.key) for name in value] + [(each, shape.value) for each in value.values()]
    elif shape.type_name == "string":
        yield value, shape
    for each, its_shape in children:
        yield from texts(each, its_shape)


def broken(request: Mapping[str, Any], shape: Shape) -> list[str]:
    """Return the texts that are too long or of another form, which botocore leaves to the service to refuse."""
    found = texts(request, shape)
    return [text for text, its_shape in found if not _has_form(text, its_shape.metadata)]


def _has_form(text: str, told: Mapping[str, Any]) -> bool:
    return len(text) <= told.get("max", len(text)) and bool(re.fullmatch(told.get("pattern", ".*"), text, re.DOTALL))


@pytest.mark.parametrize("given_fields", [{}, {"rows": REFERENCE_ROWS, "conf": {"spark.log.level": "INFO"}}])
def test_aws_s_own_model_accepts_it(given_fields: dict[str, Any], shape: Shape) -> None:
    made = request(job(**given_fields), PLACE) | {"clientToken": "token"}
    assert ParamValidator().validate(made, shape).generate_report() == ""
    assert broken(made, shape) == []


def test_the_model_would_refuse_what_is_misspelt_or_malformed(shape: Shape) -> None:
    """A control: the two looks above do see mistakes."""
    made = request(job(), PLACE) | {"clientToken": "token"}
    assert "retries" in ParamValidator().validate(made | {"retries": 1}, shape).generate_report()
    assert broken(made | {"name": "a b"}, shape) == ["a b"]


def test_every_classification_is_one_of_emr_s() -> None:
    assert {name for name, _ in configurations(request(job(), PLACE))} <= CLASSIFICATIONS


def test_what_only_a_deployment_knows_is_passed_on_as_it_is() -> None:
    """Guards against reading names that are CDK tokens."""
    described = submitted(job())
    assert described.entry_point == f"{BUCKET}/scripts/0a1b/__main__.py"
    assert described.conf["spark.submit.pyFiles"] == f"{BUCKET}/scripts/0a1b/xgboost_pipeline.zip"
    assert described.conf["spark.kubernetes.container.image"] == "${Token[Image.9]}"
    assert described.monitoring.log_group == PLACE.log_group
    assert described.monitoring.log_uri == f"{BUCKET}/logs"


def test_a_run_has_45_minutes_to_start_and_its_driver_two_attempts() -> None:
    described = submitted(job())
    assert (described.start_timeout, described.attempts) == (45 * 60, 2)


def test_the_pod_that_submits_is_on_core_nodes_and_as_large_as_is_reckoned_with() -> None:
    template = pods.submitter(submitted(job()))["spec"]["template"]
    assert template["spec"]["nodeSelector"] == {"NodeGroupType": "core"}
    assert requested(template) == SUBMITTER.size


JOBS = st.fixed_dictionaries(
    {
        "gpu_types": st.lists(st.sampled_from(sorted(GPUS)), min_size=1, max_size=3, unique=True),
        "driver_types": st.lists(st.sampled_from(DRIVERS), min_size=1, max_size=2, unique=True),
        "executor_cores": st.integers(2, 12),
        "executor_heap_gib": st.integers(1, 48),
        "driver_cores": st.integers(1, 8),
        "driver_heap_gib": st.integers(1, 32),
        "rows": st.none() | st.integers(1, 4 * 10**9),
        "executors": st.none() | st.integers(1, 64),
    }
)


@examples(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(JOBS)
def test_its_pods_fit_on_every_type_or_it_is_refused(fields: Mapping[str, Any]) -> None:
    """As EMR's stand-in makes the pods and the rehearsal's nodes have room for them: both know nothing of this code."""
    try:
        described = job(**fields)
    except ValueError as refused:
        assert "cannot be placed" in str(refused)  # noqa: PT017 - what was drawn decides
        return
    made = submitted(described)
    check(made.conf)
    driver, executor = pods.driver(made, "", {}), pods.executor(made, 1, "", {}, OWNER)
    assert requested(driver) == described.driver.size
    assert requested(executor) == described.executor.size
    for name in described.driver_types:
        assert has_room(name, requested(driver), total(OBSERVED_NODES))
    for name in described.gpu_types:
        assert has_room(name, requested(executor).times(GPUS[name]), total(OBSERVED_GPU_NODES))
    assert_memory(described)


@examples(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(JOBS)
def test_nothing_is_refused_that_would_fit(fields: Mapping[str, Any]) -> None:
    """The other half: with the sizes of what was refused there is a type without room."""
    try:
        job(**fields)
    except ValueError as refused:
        for text in str(refused).splitlines():
            found = re.search(r"\((\d+)m CPU, (\d+) MiB.*? of type (\S+): it lacks", text)
            assert found, text
            cpu, memory, name = int(found[1]), int(found[2]), found[3]
            gpus = GPUS.get(name, 0)
            daemons = total(OBSERVED_GPU_NODES if gpus else OBSERVED_NODES)
            assert not has_room(name, Size(cpu, memory, min(1, gpus)).times(max(1, gpus)), daemons)


def assert_memory(described: SparkJob) -> None:
    """XGBoost's workers have what they hold, beside the pinned pool and 3 GiB."""
    rows = described.rows or 0
    held = 4 * rows * described.columns / described.executor_count
    assert described.overhead * 2**20 >= 2 * 2**30 + held + 3 * 2**30


def has_room(name: str, size: Size, daemons: Size) -> bool:
    node = instance_type(name).allocatable()
    gpus, places = int(node.get("nvidia.com/gpu", 0)), int(node["pods"])
    free = Size(int(1000 * parse_quantity(node["cpu"])), int(parse_quantity(node["memory"])) // 2**20, gpus, places)
    left = free - daemons - size
    return min(left.cpu, left.memory, left.gpus, left.pods) >= 0


def requested(pod: dict[str, Any]) -> Size:
    """Return what a pod's containers request together."""
    each = [container["resources"] for container in pod["spec"]["containers"]]
    amounts = [{**given.get("limits", {}), **given["requests"]} for given in each]
    cpu, memory, gpus = (
        sum(parse_quantity(amount.get(name, 0)) for amount in amounts) for name in ("cpu", "memory", "nvidia.com/gpu")
    )
    return Size(int(1000 * cpu), int(memory / 2**20), int(gpus))


def test_the_pipeline_s_command_line_accepts_the_arguments() -> None:
    """A driver that is started again, or another run, must replace what a lost one has left."""
    verb, *given = submitted(job(attempts=1, arguments=["--rounds", "7"])).arguments
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_options(parser, run.Settings)
    read = from_arguments(run.Settings, parser.parse_args(given))
    assert verb == "run"
    assert (read.device, read.input, read.output, read.rounds) == ("cuda", PLACE.input, PLACE.output, 7)
    assert read.overwrite


def test_the_code_is_laid_out_as_readme_tells() -> None:
    told = (ROOT / "README.md").read_text()
    package = PACKAGE.removesuffix(".zip")
    assert f"python -m zipfile -c {PACKAGE} jobs/{package}" in told
    assert f"--py-files {PACKAGE} jobs/{package}/{ENTRY_POINT} run" in told
    assert (ROOT / "jobs" / package / ENTRY_POINT).is_file()


def test_describing_a_job_needs_neither_cdk_nor_aws() -> None:
    program = (
        "import sys, rapids_eks.spark_job.request; "
        "print(sorted({'aws_cdk', 'jsii', 'boto3', 'botocore', 'constructs'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT / "constructs"
    )
    assert ran.stdout.strip() == "[]"
