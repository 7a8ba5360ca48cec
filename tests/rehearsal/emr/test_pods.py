from dataclasses import replace
from typing import Any

import pytest

from rehearsal.emr import pod_templates, pods
from rehearsal.emr.job import Job, Monitoring
from rehearsal.emr.sizes import BadSetting

JOB = Job(
    *("0000000abcdefghi", "vc", "c", "team", "Train it!", "111122223333", "arn:aws:iam::111122223333:role/r"),
    release="emr-7.13.0-spark-rapids-latest",
    entry_point="s3://b/job.py",
    arguments=(),
    conf={"spark.executor.cores": "4", "spark.executor.memory": "8g", "spark.executor.memoryOverhead": "2g"},
)
OWNER = {"metadata": {"name": "spark-0000000abcdefghi-driver", "uid": "u"}}
TEMPLATE = """
apiVersion: v1
kind: Pod
metadata: {labels: {team: a}}
spec:
  nodeSelector: {pool: gpu}
  tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]
  volumes: [{name: scratch, emptyDir: {}}]
  containers:
  - name: spark-kubernetes-executor
    volumeMounts: [{name: scratch, mountPath: /scratch}]
  - {name: metrics, image: m}
"""


def containers(pod: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each for each in pod["spec"]["containers"]}


def test_the_submitter_is_as_small_as_emr_makes_it() -> None:
    spec = pods.submitter(JOB)["spec"]["template"]["spec"]
    asked = {each["name"]: each["resources"]["requests"] for each in spec["containers"]}
    assert asked == {
        "job-runner": {"cpu": "800m", "memory": "512Mi"},
        "emr-container-fluentd": {"cpu": "100m", "memory": "200Mi"},
    }
    assert "-client-" in spec["serviceAccountName"]
    assert (spec["nodeSelector"], spec["tolerations"]) == ({}, [])


def test_the_submitter_is_placed_by_its_classification() -> None:
    given = {
        "jobsubmitter.node.selector.pool": "system",
        "jobsubmitter.node.toleration.dedicated": "emr",
        "jobsubmitter.node.toleration.dedicated.effect": "NoExecute",
        "jobsubmitter.node.toleration.dedicated.tolerationSeconds": "60",
        "jobsubmitter.node.toleration.example.com/spot": "",
        "jobsubmitter.node.toleration.example.com/spot.effect": "NoSchedule",
        "jobsubmitter.node.toleration.noeffect": "x",
        "jobsubmitter.logging": "DISABLED",
    }
    spec = pods.submitter(replace(JOB, submitter=given))["spec"]["template"]["spec"]
    assert spec["nodeSelector"] == {"pool": "system"}
    assert spec["tolerations"] == [
        {"key": "dedicated", "effect": "NoExecute", "operator": "Equal", "value": "emr", "tolerationSeconds": 60},
        {"key": "example.com/spot", "effect": "NoSchedule", "operator": "Exists"},
    ]
    assert [each["name"] for each in spec["containers"]] == ["job-runner"]


def test_a_driver_has_a_sidecar_of_512_mib_even_without_logs() -> None:
    found = containers(pods.driver(JOB, "", {}))
    assert found["emr-container-fluentd"]["resources"]["requests"] == {"memory": "512Mi"}
    assert found["spark-kubernetes-driver"]["resources"]["requests"] == {"cpu": "1", "memory": "1433Mi"}


@pytest.mark.parametrize(
    ("monitoring", "defaults", "there"),
    [
        (Monitoring(), {}, False),
        (Monitoring(log_group="g"), {}, True),
        (Monitoring(log_uri="s3://b/logs"), {}, True),
        (Monitoring(log_group="g"), {"executor.logging": "DISABLED"}, False),
    ],
)
def test_an_executor_has_a_sidecar_where_logs_are_wanted(
    monitoring: Monitoring,
    defaults: dict[str, str],
    there: bool,
) -> None:
    pod = pods.executor(replace(JOB, monitoring=monitoring, defaults=defaults), 1, "", {}, OWNER)
    assert ("emr-container-fluentd" in containers(pod)) == there


def test_spark_fills_in_the_job_s_own_template() -> None:
    template = pod_templates.read(TEMPLATE, "spark-kubernetes-executor")
    pod = pods.executor(JOB, 3, "", template, OWNER)
    spec, found = pod["spec"], containers(pod)
    assert spec["tolerations"][0]["key"] == "nvidia.com/gpu"
    assert spec["nodeSelector"] == {"pool": "gpu"}
    assert pod["metadata"]["labels"]["team"] == "a"
    assert pod["metadata"]["labels"]["emr-containers.amazonaws.com/component"] == "executor"
    assert found["metrics"] == {"name": "metrics", "image": "m"}
    main = found["spark-kubernetes-executor"]
    assert [each["name"] for each in main["volumeMounts"]] == ["scratch", "temp-data-dir"]
    assert main["resources"]["limits"]["memory"] == "10240Mi"
    assert {"name": "scratch", "emptyDir": {}} in spec["volumes"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: Pod\nspec: {serviceAccountName: x}", "pod.spec.serviceAccountName is not allowed"),
        ("kind: Pod\nspec: {containers: [{name: spark-kubernetes-driver, image: x}]}", "container.image is not"),
        ("kind: Pod\nstatus: {}", "pod.status is not allowed"),
        ("kind: Deployment", "it is no Pod"),
        ("a: [", "load initial pod spec"),
    ],
)
def test_a_template_that_emr_does_not_allow_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadSetting, match=message):
        pod_templates.read(text, "spark-kubernetes-driver")


def test_names_are_legal_whatever_the_job_is_called() -> None:
    name = pods.executor(JOB, 1, "", {}, OWNER)["metadata"]["name"]
    assert name == "train-it-bcdefghi-exec-1"
