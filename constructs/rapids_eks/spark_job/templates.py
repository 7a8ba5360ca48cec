"""The pod templates of a job: where its driver and executors run, and where they keep what they shuffle."""

from collections.abc import Mapping
from typing import Any

from rapids_eks.job_pools import DRIVER_LABELS, EXECUTOR_LABELS, GPU_TAINT

Template = dict[str, Any]
# Names that EMR on EKS and Spark look for:
# https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/pod-templates.html
# https://spark.apache.org/docs/3.5.6/running-on-kubernetes.html#local-storage
_DRIVER, _EXECUTOR = "spark-kubernetes-driver", "spark-kubernetes-executor"
_SCRATCH = "spark-local-dir-1"


def driver() -> Template:
    """Return the driver's: on nodes that are on-demand, as a job does not survive its loss."""
    return _pod(_DRIVER, DRIVER_LABELS, {})


def executor() -> Template:
    """Return the executors': on nodes with GPUs.

    What is shuffled and spilled goes to an emptyDir: it lies on the disks of the node itself where the type has some,
    as these are made one volume that holds the pods' files, and it goes with the pod.
    """
    return _pod(_EXECUTOR, EXECUTOR_LABELS, {"tolerations": [{"operator": "Equal", **GPU_TAINT}]})


def _pod(container: str, labels: Mapping[str, str], more: Mapping[str, object]) -> Template:
    # The Cluster Autoscaler empties no node of a pod that says so; Karpenter is told by its node pools.
    annotations = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
    scratch = {"name": _SCRATCH, "mountPath": f"/{_SCRATCH}"}
    spec = {
        "nodeSelector": dict(labels),
        **more,
        "volumes": [{"name": _SCRATCH, "emptyDir": {}}],
        "containers": [{"name": container, "volumeMounts": [scratch]}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"annotations": annotations}, "spec": spec}
