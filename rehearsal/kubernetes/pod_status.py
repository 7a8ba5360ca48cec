"""What a kubelet would report of a pod, from the pod itself and how long it has been on its node."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rehearsal.kubernetes.api import Item

# Annotations by which a pod's fate is decided from outside; nothing else ends a container of the rehearsal.
EXIT_CODE = "rehearsal/exit-code"  # ends the containers of a pod, with this status
HOLD = "rehearsal/hold"  # `true`: a pod that would end by itself runs until EXIT_CODE is set
SECONDS = "rehearsal/seconds"  # how long a pod that ends by itself runs, in AWS's seconds

RUNS_FOR = 10.0  # AWS's seconds that a pod with restartPolicy Never or OnFailure takes
STARTS_IN = 5.0  # AWS's seconds from binding to running: pull, sandbox, start


@dataclass(frozen=True)
class Trouble:
    """Why a container waits, in kubelet's own words."""

    reason: str  # ErrImagePull, CreateContainerConfigError, ContainerCreating
    message: str


def ends_by_itself(pod: Item) -> bool:
    """Return whether the pod's containers are expected to end."""
    return bool(pod["spec"].get("restartPolicy", "Always") != "Always")


def exit_code(pod: Item, age: float) -> int | None:
    """Return the status its containers have ended with `age` seconds after it was bound, None while they run."""
    notes = pod["metadata"].get("annotations", {})
    if EXIT_CODE in notes:
        return int(notes[EXIT_CODE])
    runs = float(notes.get(SECONDS, RUNS_FOR))
    over = ends_by_itself(pod) and notes.get(HOLD) != "true" and age >= STARTS_IN + runs
    return 0 if over else None


def status(pod: Item, *, age: float, now: str, ip: str, trouble: Trouble | None = None) -> Item:
    """Return the pod's status `age` of AWS's seconds after it was bound.

    `now` is the time to write, `ip` the pod's address; with `trouble` no container has started.
    """
    if trouble is None and age >= STARTS_IN:
        code = exit_code(pod, age)
        return _running(pod, now, ip) if code is None else _ended(pod, code, now, ip)
    waiting = trouble or Trouble("ContainerCreating", "")
    state = {"waiting": {"reason": waiting.reason} | ({"message": waiting.message} if waiting.message else {})}
    containers = [_container(each, state, ready=False) for each in pod["spec"]["containers"]]
    first = [_container(each, {"waiting": {"reason": "PodInitializing"}}, ready=False) for each in _init(pod)]
    return _whole("Pending", containers, first, ready=False, now=now)


def _init(pod: Item) -> list[Item]:
    return list(pod["spec"].get("initContainers", []))


def _running(pod: Item, now: str, ip: str) -> Item:
    state = {"running": {"startedAt": now}}
    containers = [_container(each, state, ready=True) for each in pod["spec"]["containers"]]
    return _whole("Running", containers, _initialised(pod, now), ready=True, now=now) | _addresses(ip)


def _ended(pod: Item, code: int, now: str, ip: str) -> Item:
    reason = "Error" if code else "Completed"
    state = {"terminated": {"exitCode": code, "reason": reason, "startedAt": now, "finishedAt": now}}
    containers = [_container(each, state, ready=False) for each in pod["spec"]["containers"]]
    if not ends_by_itself(pod):
        waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": f"back-off restarting, last status {code}"}}
        containers = [each | {"state": waiting, "lastState": state, "restartCount": 1} for each in containers]
        return _whole("Running", containers, _initialised(pod, now), ready=False, now=now) | _addresses(ip)
    phase = "Failed" if code else "Succeeded"
    return _whole(phase, containers, _initialised(pod, now), ready=False, now=now) | _addresses(ip)


def _initialised(pod: Item, now: str) -> list[Item]:
    done = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}}
    stays = {"running": {"startedAt": now}}
    return [
        _container(each, stays if each.get("restartPolicy") == "Always" else done, ready=True) for each in _init(pod)
    ]


def _container(container: Item, state: Item, *, ready: bool) -> Item:
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "state": state,
        "ready": ready,
        "started": "running" in state,
        "restartCount": 0,
    }


def _addresses(ip: str) -> Item:
    return {"podIP": ip, "podIPs": [{"ip": ip}]}


def _whole(phase: str, containers: list[Item], first: list[Item], *, ready: bool, now: str) -> Item:
    conditions = {
        "PodReadyToStartContainers": phase != "Pending",
        "Initialized": phase != "Pending" or not first,
        "ContainersReady": ready,
        "Ready": ready,
    }
    reason = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}.get(phase, "ContainersNotReady")
    whole: Item = {
        "phase": phase,
        "conditions": [_condition(kind, holds=holds, reason=reason, now=now) for kind, holds in conditions.items()],
        "containerStatuses": containers,
        "startTime": now,
    }
    return whole | ({"initContainerStatuses": first} if first else {})


def _condition(kind: str, *, holds: bool, reason: str, now: str) -> dict[str, Any]:
    written = {"type": kind, "status": str(holds), "lastTransitionTime": now}
    return written if holds else written | {"reason": reason}


def missing_reference(pod: Item, exists: Callable[[str, str], bool]) -> Trouble | None:
    """Return the trouble that a pod has with a ConfigMap or Secret that is not there, by `exists(kind, name)`.

    A kubelet starts no container whose environment names one, and leaves a pod in ContainerCreating for a volume.
    """
    for kind, name in _in_volumes(pod["spec"]):
        if not exists(kind, name):
            return Trouble("ContainerCreating", f'MountVolume.SetUp failed : {kind} "{name}" not found')
    for kind, name in _in_environments([*pod["spec"]["containers"], *_init(pod)]):
        if not exists(kind, name):
            return Trouble("CreateContainerConfigError", f'{kind} "{name}" not found')
    return None


def _in_volumes(spec: Item) -> Iterator[tuple[str, str]]:
    for volume in spec.get("volumes", []):
        for source in (volume, *volume.get("projected", {}).get("sources", [])):
            for kind, key, name in (("configmap", "configMap", "name"), ("secret", "secret", "secretName")):
                reference = source.get(key)
                if reference and not reference.get("optional"):
                    yield kind, reference.get(name) or reference.get("name", "")


def _in_environments(containers: Iterable[Item]) -> Iterator[tuple[str, str]]:
    for container in containers:
        whole = [(each.get("configMapRef"), each.get("secretRef")) for each in container.get("envFrom", [])]
        values = [each.get("valueFrom", {}) for each in container.get("env", [])]
        single = [(each.get("configMapKeyRef"), each.get("secretKeyRef")) for each in values]
        for config, secret in whole + single:
            for kind, reference in (("configmap", config), ("secret", secret)):
                if reference and not reference.get("optional"):
                    yield kind, reference["name"]
