"""Whether Karpenter, which alone ends what is left, runs at all."""

from collections.abc import Iterator

from .kubernetes import Item, Objects

PODS = "/api/v1/namespaces/kube-system/pods?labelSelector=app.kubernetes.io%2Fname%3Dkarpenter"


def absence(api: Objects) -> Iterator[str]:
    """Yield that Karpenter does not run, why as far as its pods tell it, and what to do; nothing where it runs."""
    pods = api.items(PODS) or []
    if any(_is_ready(pod) for pod in pods):
        return
    told = "; ".join(f"{pod['metadata']['name']}: {_state(pod)}" for pod in pods) or "it has no pods"
    yield (
        f"Karpenter does not run, and only it ends what is left: no pod in kube-system is ready ({told}). Give it "
        'core nodes and a way to its image, then delete again; see "Destroy" in docs/operations.md'
    )


def _is_ready(pod: Item) -> bool:
    going = "deletionTimestamp" in pod["metadata"]
    return not going and any(each["type"] == "Ready" and each["status"] == "True" for each in _conditions(pod))


def _state(pod: Item) -> str:
    """Return why a pod is not ready: what its containers wait for, or why no node takes it."""
    containers = pod["status"].get("containerStatuses", [])
    waits = [each["state"]["waiting"]["reason"] for each in containers if "waiting" in each.get("state", {})]
    refused = [each["message"] for each in _conditions(pod) if each["status"] != "True" and each.get("message")]
    return next(iter([*waits, *refused]), pod["status"].get("phase", "Unknown"))


def _conditions(pod: Item) -> list[Item]:
    return list(pod["status"].get("conditions", []))
