"""The Kubernetes objects of a job run, as EMR on EKS and its spark-submit make them.

Names, containers, requests and volumes were read from a run's own objects:
https://github.com/ssup2/blog-software (docs/theory-analysis/spark-on-aws-eks) and
https://github.com/apache/airflow/pull/64817 (kubectl describe of a submitter pod).
"""

import re
from typing import Any

from rehearsal.emr import pod_templates
from rehearsal.emr.job import Job
from rehearsal.emr.service_accounts import COMPONENTS, Component, service_account
from rehearsal.emr.sizes import Role, resources
from rehearsal.kubernetes.pod_status import HOLD

Item = dict[str, Any]
MAIN: dict[Role, str] = {"driver": "spark-kubernetes-driver", "executor": "spark-kubernetes-executor"}
SIDECAR = "emr-container-fluentd"
RUNNER = "job-runner"
# https://github.com/apache/spark/blob/v3.5.6/resource-managers/kubernetes/core/src/main/scala/org/apache/spark/deploy/k8s/features/BasicDriverFeatureStep.scala
DRIVER_PORTS = {"driver-rpc-port": 7078, "blockmanager": 7079, "spark-ui": 4040}
SUBMITTER_SIZE = {"requests": {"cpu": "800m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
SCRATCH = (
    *("emr-container-communicate", "emr-container-application-log-dir", "emr-container-event-log-dir"),
    *("temp-data-dir", "mnt-dir", "home-dir"),
)
LOCKED = {
    "runAsNonRoot": True,
    "runAsUser": 999,
    "runAsGroup": 1000,
    "privileged": False,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def labels(job: Job, component: str) -> dict[str, str]:
    """Return the labels that EMR puts on everything of a run."""
    prefix = "emr-containers.amazonaws.com"
    return {
        f"{prefix}/job.id": job.run_id,
        f"{prefix}/virtual-cluster-id": job.virtual_cluster_id,
        f"{prefix}/resource.type": "job.run",
        f"{prefix}/component": component,
        "eks-subscription.amazonaws.com/emr.internal.id": job.virtual_cluster_id,
    }


def accounts(job: Job) -> list[Item]:
    """Return the three service accounts."""
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": _account(job, component)}}
        for component in COMPONENTS
    ]


def config_maps(job: Job) -> list[Item]:
    """Return the ConfigMaps that the submitter and the sidecars read."""
    lines = [f"{key} {value}" for key, value in sorted(job.conf.items())]
    contents = {
        f"{job.run_id}-spark-defaults": {"spark-defaults.conf": "\n".join(lines)},
        f"podtemplate-{job.run_id}": {role: MAIN[role] for role in MAIN},
        f"fluentd-{job.virtual_cluster_id}-{job.run_id}": {"fluent.conf": "# stands for EMR's log shipping"},
    }
    meta = {"labels": labels(job, "job.configuration")}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **meta}, "data": data}
        for name, data in contents.items()
    ]


def submitter(job: Job) -> Item:
    """Return the Job whose pod runs spark-submit, as the classification emr-job-submitter has it."""
    given = job.submitter
    runner = {
        "name": RUNNER,
        "image": given.get("jobsubmitter.container.image") or _image(job, "driver"),
        "resources": SUBMITTER_SIZE,
        "securityContext": LOCKED,
    }
    asked = {
        "cpu": given.get("jobsubmitter.logging.request.cores", "100m"),
        "memory": given.get("jobsubmitter.logging.request.memory", "200Mi"),
    }
    sidecars = [] if given.get("jobsubmitter.logging") == "DISABLED" else [_sidecar(job, asked, given)]
    spec = {
        "serviceAccountName": _account(job, "client"),
        "restartPolicy": "Never",
        "containers": [runner, *sidecars],
        "nodeSelector": _with_prefix(given, "jobsubmitter.node.selector."),
        "tolerations": tolerations(given),
        "securityContext": {"fsGroup": 65534},
        "volumes": _volumes(job),
    }
    if scheduler := given.get("jobsubmitter.scheduler.name"):
        spec["schedulerName"] = scheduler
    meta = {
        "labels": {**_with_prefix(given, "jobsubmitter.label."), **labels(job, "job.submitter")},
        "annotations": {**_with_prefix(given, "jobsubmitter.annotation."), HOLD: "true"},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": job.run_id, "labels": labels(job, "job.submitter")},
        "spec": {"backoffLimit": 0, "template": {"metadata": meta, "spec": spec}},
    }


def tolerations(given: dict[str, str] | Any) -> list[Item]:  # noqa: ANN401 - any mapping
    """Return the submitter's tolerations; one without an effect is none, for EMR requires it.

    https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/emr-eks-job-submitter.html
    """
    settings = _with_prefix(given, "jobsubmitter.node.toleration.")
    made = []
    for key, effect in settings.items():
        if not key.endswith(".effect"):
            continue
        name = key.removesuffix(".effect")
        value = settings.get(name, "")
        each: Item = {"key": name, "effect": effect, "operator": "Equal" if value else "Exists"}
        each |= {"value": value} if value else {}
        if seconds := settings.get(f"{name}.tolerationSeconds"):
            each["tolerationSeconds"] = int(seconds)
        made.append(each)
    return made


def driver(job: Job, suffix: str, template: Item) -> Item:
    """Return the driver's pod; `suffix` tells attempts apart and is empty without a retry policy."""
    return _spark_pod(job, "driver", f"spark-{job.run_id}-driver{suffix}", template)


def executor(job: Job, number: int, suffix: str, template: Item, owner: Item) -> Item:
    """Return one executor's pod, which belongs to the driver's."""
    pod = _spark_pod(job, "executor", f"{_app_name(job)}{suffix}-exec-{number}", template)
    meta = owner["metadata"]
    reference = {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"], "controller": True}
    pod["metadata"] |= {"ownerReferences": [reference]}
    pod["metadata"]["labels"]["spark-exec-id"] = str(number)
    return pod


def application_id(job: Job, suffix: str) -> str:
    """Return Spark's id of the application."""
    return f"spark-{job.run_id}{suffix}"


def _spark_pod(job: Job, role: Role, name: str, template: Item) -> Item:
    prefix = f"spark.kubernetes.{role}."
    everywhere = _with_prefix(job.conf, "spark.kubernetes.node.selector.")
    main = {
        "name": MAIN[role],
        "image": _image(job, role),
        "resources": resources(job.conf, role, python=job.python),
        "securityContext": LOCKED,
        "volumeMounts": [{"name": "temp-data-dir", "mountPath": "/tmp"}],  # noqa: S108 - in a pod that runs nothing
    }
    if role == "driver":
        main["ports"] = [{"name": port, "containerPort": number} for port, number in DRIVER_PORTS.items()]
    meta = {
        "name": name,
        "labels": {
            **_with_prefix(job.conf, f"{prefix}label."),
            **labels(job, role),
            "spark-role": role,
            "spark-app-name": _app_name(job),
            "spark-app-selector": application_id(job, ""),
        },
        "annotations": {**_with_prefix(job.conf, f"{prefix}annotation."), HOLD: "true"},
    }
    spec = {
        "serviceAccountName": _account(job, role),
        "restartPolicy": "Never",
        "nodeSelector": {**everywhere, **_with_prefix(job.conf, f"{prefix}node.selector.")},
        "securityContext": {"fsGroup": 65534},
        "volumes": _volumes(job),
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
    return pod_templates.fill(template, pod, main, _sidecars(job, role))


def _sidecars(job: Job, role: Role) -> list[Item]:
    """Return the log shipper: a driver always has it, an executor where logs were asked for and not turned off."""
    given = job.defaults
    monitored = bool(job.monitoring.log_group or job.monitoring.log_uri)
    if role == "executor" and (not monitored or given.get("executor.logging") == "DISABLED"):
        return []
    asked = {"memory": given.get("logging.request.memory", "512Mi")}
    if cores := given.get("logging.request.cores"):
        asked["cpu"] = cores
    return [_sidecar(job, asked, {"jobsubmitter.logging.image": given.get("logging.image", "")})]


def _sidecar(job: Job, asked: dict[str, str], given: Any) -> Item:  # noqa: ANN401 - any mapping
    image = given.get("jobsubmitter.logging.image") or f"public.ecr.aws/emr-on-eks/fluentd/{job.release}"
    limits = {"memory": max("512Mi", asked["memory"], key=_bytes)}
    requests = {"requests": asked, "limits": limits}
    return {"name": SIDECAR, "image": image, "resources": requests, "securityContext": LOCKED}


def _bytes(size: str) -> int:
    number, unit = re.match(r"(\d+)(.*)", size).groups()  # type: ignore[union-attr]
    return int(number) * {"": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "K": 10**3, "M": 10**6, "G": 10**9}[unit]


def _volumes(job: Job) -> list[Item]:
    scratch: list[Item] = [{"name": name, "emptyDir": {}} for name in SCRATCH]
    defaults = f"{job.run_id}-spark-defaults"
    return [*scratch, {"name": "spark-defaults", "configMap": {"name": defaults}}]


def _image(job: Job, role: Role) -> str:
    own = job.conf.get(f"spark.kubernetes.{role}.container.image") or job.conf.get("spark.kubernetes.container.image")
    return own or f"public.ecr.aws/emr-on-eks/spark/{job.release}"


def _app_name(job: Job) -> str:
    name = re.sub(r"[^a-z0-9-]+", "-", job.conf.get("spark.app.name", job.name).lower()).strip("-")
    return f"{name[:40] or 'spark'}-{job.run_id[-8:]}"


def _account(job: Job, component: Component) -> str:
    return service_account(component, job.account, job.role_name)


def _with_prefix(settings: Any, prefix: str) -> dict[str, str]:  # noqa: ANN401 - any mapping
    return {key.removeprefix(prefix): value for key, value in settings.items() if key.startswith(prefix)}
