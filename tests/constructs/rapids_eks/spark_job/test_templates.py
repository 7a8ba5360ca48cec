"""The pods' templates, as EMR, Spark and Kubernetes read them."""

import json

import pytest

from rapids_eks.job_pools import Pool, driver_pool, gpu_pool
from rapids_eks.spark_job.request import DRIVER_TEMPLATE, EXECUTOR_TEMPLATE
from rapids_eks.spark_job.templates import pod_templates
from rehearsal.emr import pod_templates as emr
from rehearsal.emr import pods
from rehearsal.emr.sizes import Role
from tests.constructs.rapids_eks.spark_job.samples import job, submitted

DRIVERS = driver_pool(["m5.xlarge"], max_vcpus=4, root_volume_gib=100)
GPUS = gpu_pool(["g5.2xlarge"], max_gpus=1, root_volume_gib=100, spot=True)


def read(role: Role) -> pods.Item:
    """Return a template as it comes back from its file."""
    name = {"driver": DRIVER_TEMPLATE, "executor": EXECUTOR_TEMPLATE}[role]
    return emr.read(json.dumps(pod_templates()[name]), pods.MAIN[role])


def made(role: Role) -> pods.Item:
    described = submitted(job())
    if role == "driver":
        return pods.driver(described, "", read("driver"))
    return pods.executor(described, 1, "", read("executor"), {"metadata": {"name": "driver", "uid": "u"}})


@pytest.mark.parametrize(("role", "pool"), [("driver", DRIVERS), ("executor", GPUS)])
def test_pods_go_to_the_nodes_that_are_made_for_them(role: Role, pool: Pool) -> None:
    assert made(role)["spec"]["nodeSelector"] == pool.labels


def test_executors_tolerate_the_taint_of_gpu_nodes_and_drivers_none() -> None:
    (tolerated,) = made("executor")["spec"]["tolerations"]
    assert [{**GPUS.taints[0], "operator": "Equal"}] == [tolerated]
    assert "tolerations" not in made("driver")["spec"]


@pytest.mark.parametrize("role", ["driver", "executor"])
def test_what_is_shuffled_lies_where_spark_looks_for_it(role: Role) -> None:
    spec = made(role)["spec"]
    main = next(each for each in spec["containers"] if each["name"] == pods.MAIN[role])
    (mount,) = [each for each in main["volumeMounts"] if each["name"].startswith("spark-local-dir-")]
    (volume,) = [each for each in spec["volumes"] if each["name"] == mount["name"]]
    assert volume["emptyDir"] == {}
    assert not mount.get("readOnly")


@pytest.mark.parametrize("role", ["driver", "executor"])
def test_the_cluster_autoscaler_empties_no_node_of_a_job(role: Role) -> None:
    assert made(role)["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
