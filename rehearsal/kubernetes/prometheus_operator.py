"""The Prometheus operator's part in the cluster: a StatefulSet for each Prometheus, or a new one."""

import hashlib
import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rehearsal.kubernetes import nodes
from rehearsal.kubernetes.api import Api, ApiError, Item
from rehearsal.kubernetes.loop import attempt, repeat

GROUP = "monitoring.coreos.com/v1"
CONTROLLER = (
    "app.kubernetes.io/name=kube-prometheus-stack-prometheus-operator"  # the pods without which nothing happens
)
INPUT = "prometheus-operator-input-hash"  # the annotation that says from what a StatefulSet was made
INVALID = 422  # what the API server answers where a field may not change
GOVERNING = "prometheus-operated"
PORT = 9090
# https://github.com/prometheus-operator/prometheus-operator/blob/v0.93.1/Documentation/platform/operator.md
_RELOADER = re.compile(r"--config-reloader-(cpu|memory)-(request|limit)=(.+)")
TICK = 0.3  # wall seconds
POD_KEYS = ("nodeSelector", "tolerations", "affinity", "topologySpreadConstraints", "priorityClassName")


@dataclass
class PrometheusOperator:
    """The operator of one cluster; it works while a pod of it runs."""

    api: Api
    stopped: threading.Event

    def start(self) -> None:
        """Work in the background until `stopped`."""
        repeat("prometheus-operator", TICK, self.stopped, self.turn)

    def turn(self) -> None:
        """Look at each Prometheus once."""
        running = self.api.items(f"{nodes.PODS}?labelSelector={CONTROLLER}&fieldSelector=status.phase%3DRunning")
        if not running:
            return
        reloader = reloader_resources(running[0]["spec"]["containers"][0].get("args", []))
        for each in self.api.items(f"/apis/{GROUP}/prometheuses"):
            if "deletionTimestamp" not in each["metadata"]:
                attempt("make a Prometheus what it should be", partial(self._reconcile, each, reloader))

    def _reconcile(self, wanted: Item, reloader: Item) -> None:
        """Make, or change, one Prometheus' objects.

        https://github.com/prometheus-operator/prometheus-operator/blob/v0.93.1/pkg/k8s/statefulset.go: where the change
        of a StatefulSet is refused it is deleted, with all that it owns, and made anew once it has gone.
        """
        made = stateful_set(wanted, reloader)
        about = made["metadata"]
        path = f"/apis/apps/v1/namespaces/{about['namespace']}/statefulsets"
        there = self.api.get(f"{path}/{about['name']}")
        if there is None:
            self.api.apply(f"/api/v1/namespaces/{about['namespace']}/services/{GOVERNING}", service(wanted))
            self.api.create(path, made)
        elif "deletionTimestamp" not in there["metadata"] and _input(there) != _input(made):
            try:
                self.api.call("PUT", f"{path}/{about['name']}", made)
            except ApiError as refused:
                if refused.status != INVALID:
                    raise
                self.api.delete(f"{path}/{about['name']}", propagationPolicy="Foreground")


def _input(made: Item) -> object:
    return made["metadata"].get("annotations", {}).get(INPUT)


def reloader_resources(args: Sequence[str]) -> Item:
    """Return what the operator's own arguments say that the reloader of the configuration requests, and may have."""
    made: Item = {}
    for found in filter(None, map(_RELOADER.fullmatch, args)):
        of, kind, amount = found.groups()
        made.setdefault(f"{kind}s", {})[of] = amount
    return made


def stateful_set(wanted: Item, reloader: Item | None = None) -> Item:
    """Return what the operator makes of a Prometheus, but for the container that first writes the configuration."""
    about, spec = wanted["metadata"], wanted["spec"]
    name, claimed = f"prometheus-{about['name']}", spec.get("storage", {}).get("volumeClaimTemplate", {})
    labels = _labels(about["name"])
    volume = claimed.get("metadata", {}).get("name", f"{name}-db")
    claims = [{"metadata": {"name": volume}, "spec": claimed["spec"]}] if claimed else []
    policy = spec.get("persistentVolumeClaimRetentionPolicy")
    inputs = hashlib.sha256(json.dumps([spec, reloader], sort_keys=True).encode()).hexdigest()
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {
            "name": name,
            "namespace": about["namespace"],
            "labels": labels,
            "annotations": {INPUT: inputs},
            "ownerReferences": [_owner(wanted)],
        },
        "spec": {
            "replicas": spec.get("replicas", 1),
            "podManagementPolicy": "Parallel",
            "serviceName": GOVERNING,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": _pod(spec, volume, reloader or {}, on_disk=bool(claims)),
            },
            **({"volumeClaimTemplates": claims} if claims else {}),
            **({"persistentVolumeClaimRetentionPolicy": policy} if policy else {}),
        },
    }


def _pod(spec: Mapping[str, Any], volume: str, reloader: Item, *, on_disk: bool) -> Item:
    container = {
        "name": "prometheus",
        "image": f"quay.io/prometheus/prometheus:{spec.get('version', 'v3')}",
        "args": [f"--storage.tsdb.retention.{kind}={spec[key]}" for kind, key in _RETENTION if key in spec],
        "ports": [{"name": spec.get("portName", "http-web"), "containerPort": PORT}],
        "resources": spec.get("resources", {}),
        "volumeMounts": [{"name": volume, "mountPath": "/prometheus"}],
    }
    beside = {
        "name": "config-reloader",
        "image": "quay.io/prometheus-operator/prometheus-config-reloader",
        "ports": [{"name": "reloader-web", "containerPort": 8080}],
        "resources": reloader,
    }
    return {
        "serviceAccountName": spec.get("serviceAccountName", "default"),
        **{key: spec[key] for key in POD_KEYS if spec.get(key)},
        "containers": [container, beside],
        **({} if on_disk else {"volumes": [{"name": volume, "emptyDir": {}}]}),
    }


_RETENTION = (("time", "retention"), ("size", "retentionSize"))


def _labels(name: str) -> dict[str, str]:
    own = {"name": "prometheus", "instance": name, "managed-by": "prometheus-operator"}
    operators = {"operator.prometheus.io/name": name, "operator.prometheus.io/shard": "0", "prometheus": name}
    return {**{f"app.kubernetes.io/{key}": value for key, value in own.items()}, **operators}


def _owner(wanted: Item) -> Item:
    about = wanted["metadata"]
    owner = {"apiVersion": GROUP, "kind": "Prometheus", "name": about["name"], "uid": about.get("uid", "")}
    return {**owner, "controller": True, "blockOwnerDeletion": True}


def service(wanted: Item) -> Item:
    """Return the headless Service that the operator gives each namespace with a Prometheus."""
    about = wanted["metadata"]
    port = {"name": "http-web", "port": PORT, "targetPort": PORT}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": GOVERNING, "namespace": about["namespace"], "ownerReferences": [_owner(wanted)]},
        "spec": {"clusterIP": "None", "selector": {"app.kubernetes.io/name": "prometheus"}, "ports": [port]},
    }
