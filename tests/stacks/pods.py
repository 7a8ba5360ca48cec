"""Pods of a rehearsed cluster."""

from typing import Any

from rapids_eks.placement import Size
from rehearsal.kubernetes.api import Api
from tests.rehearsal.live.account import Account

PODS = "/api/v1/namespaces/default/pods"


def requests(size: Size) -> dict[str, str]:
    """Return a size as Kubernetes writes it."""
    return {"cpu": f"{size.cpu}m", "memory": f"{size.memory}Mi"}


def pod(name: str, requests: dict[str, str], **spec: object) -> dict[str, Any]:
    """Return a pod of one container that may use what it requests and no more."""
    container = {"name": "main", "image": "example.com/main", "resources": {"requests": requests, "limits": requests}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container], **spec}}


def run(account: Account, kubernetes: Api, *pods: dict[str, Any]) -> None:
    """Make pods, and wait until they all run, and no others."""
    for each in pods:
        kubernetes.create(PODS, each)
    account.waits(lambda: [each["status"]["phase"] for each in kubernetes.items(PODS)] == ["Running"] * len(pods))
