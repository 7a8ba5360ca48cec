"""The pod templates of a job: where its driver and executors run, and where they keep what they shuffle."""

from collections.abc import Mapping, Sequence
from typing import Any

from cdk8s_plus_35 import k8s

from rapids_eks.job_pools import DRIVER_LABELS, EXECUTOR_LABELS, GPU_TAINT
from rapids_eks.spark_job.request import DRIVER_TEMPLATE, EXECUTOR_TEMPLATE

Template = dict[str, Any]
# Names that EMR on EKS and Spark look for:
# https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/pod-templates.html
# https://spark.apache.org/docs/3.5.6/running-on-kubernetes.html#local-storage
_DRIVER, _EXECUTOR = "spark-kubernetes-driver", "spark-kubernetes-executor"
_SCRATCH = "spark-local-dir-1"


def pod_templates() -> dict[str, Template]:
    """Return the files of pod templates that `Place.scripts` must have, as objects; written as JSON they are YAML."""
    return {DRIVER_TEMPLATE: driver(), EXECUTOR_TEMPLATE: executor()}


def driver() -> Template:
    """Return the driver's: on nodes that are on-demand, as a job does not survive its loss."""
    return _pod(_DRIVER, DRIVER_LABELS)


def executor() -> Template:
    """Return the executors': on nodes with GPUs.

    What is shuffled and spilled goes to an emptyDir: it lies on the disks of the node itself where the type has some,
    as these are made one volume that holds the pods' files, and it goes with the pod.
    """
    taint = GPU_TAINT
    tolerated = k8s.Toleration(operator="Equal", key=taint["key"], value=taint["value"], effect=taint["effect"])
    return _pod(_EXECUTOR, EXECUTOR_LABELS, [tolerated])


def _pod(container: str, labels: Mapping[str, str], tolerations: Sequence[k8s.Toleration] = ()) -> Template:
    # The Cluster Autoscaler empties no node of a pod that says so; Karpenter is told by its node pools.
    annotations = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
    scratch = k8s.VolumeMount(name=_SCRATCH, mount_path=f"/{_SCRATCH}")
    spec = k8s.PodSpec(
        node_selector=labels,
        tolerations=tolerations or None,
        volumes=[k8s.Volume(name=_SCRATCH, empty_dir=k8s.EmptyDirVolumeSource())],
        containers=[k8s.Container(name=container, volume_mounts=[scratch])],
    )
    made: Template = k8s.KubePod.manifest(metadata=k8s.ObjectMeta(annotations=annotations), spec=spec)
    return made
