"""All kubelets of a cluster in one loop: nodes become ready, pods start, end and go, as the clock says."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import count

from rehearsal.clock import Clock
from rehearsal.kubernetes import gpu_features, nodes, pod_status
from rehearsal.kubernetes.api import STRATEGIC, Api, Item
from rehearsal.kubernetes.instance_types import GPU, instance_type
from rehearsal.kubernetes.loop import attempt, repeat
from rehearsal.kubernetes.pod_status import STARTS_IN, Trouble

TICK = 0.1  # wall seconds
STOPS_IN = 2.0  # AWS's seconds that a container takes to end when it is asked to
RETRY = 30.0  # AWS's seconds between two looks for a missing Secret or image
READY_IN = 10.0  # AWS's seconds from registration to a ready node
DEVICE_PLUGIN = "nvidia-device-plugin"  # in the name of the pods that announce a node's GPUs
NETWORK_PLUGIN = "aws-node"  # the DaemonSet of the vpc-cni add-on

Pull = Callable[[Item, str], Trouble | None]  # what keeps this image from being pulled, or run, for this pod


@dataclass
class _Seen:
    """One pod as it was last seen, and what has been reported of it."""

    pod: Item
    bound: float
    reported: tuple[object, ...] = ()
    deleting: float | None = None
    looked: float = float("-inf")
    trouble: Trouble | None = None


def any_image(_: Item, __: str) -> Trouble | None:
    """Let every image be pulled."""
    return None


@dataclass
class Kubelets:
    """The kubelets of every node of one cluster.

    With `network_plugin` a node stays NotReady until a pod of that name runs on it, as one does without its CNI.
    `pull` says why an image cannot be had, or its program gives up at its start; without it every image runs.
    """

    api: Api
    clock: Clock
    stopped: threading.Event
    network_plugin: str | None = NETWORK_PLUGIN
    pull: Pull = any_image
    _pods: dict[str, _Seen] = field(default_factory=dict)
    _nodes: dict[str, Item] = field(default_factory=dict)
    _joined: dict[str, float] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Work in the background until `stopped`."""
        follow = self.api.follow
        for name, work in (
            ("pods", lambda: follow(nodes.PODS, self.stopped, self._see_pod)),
            ("nodes", lambda: follow(nodes.NODES, self.stopped, self._see_node)),
        ):
            threading.Thread(target=work, name=f"kubelets-{name}", daemon=True).start()
        repeat("kubelets", TICK, self.stopped, self._turn)

    def _see_pod(self, event: str, pod: Item) -> None:
        uid = pod["metadata"]["uid"]
        with self._lock:
            if event == "DELETED":
                self._pods.pop(uid, None)
            elif uid in self._pods:
                self._pods[uid].pod = pod
            elif pod["spec"].get("nodeName"):
                self._pods[uid] = _Seen(pod, self.clock.time())

    def _see_node(self, event: str, node: Item) -> None:
        name = node["metadata"]["name"]
        with self._lock:
            if event == "DELETED":
                self._nodes.pop(name, None)
                self._joined.pop(name, None)
            else:
                self._nodes[name] = node
                self._joined.setdefault(name, self.clock.time())

    def _turn(self) -> None:
        with self._lock:
            pods, known = list(self._pods.values()), list(self._nodes.values())
        running = _running(pods)
        everywhere = set().union(*running.values())
        for node in known:
            name = node["metadata"]["name"]
            attempt(f"node {name}", partial(self._tend_node, node, running.get(name, set()), everywhere))
        for seen in pods:
            attempt(f"pod {seen.pod['metadata']['name']}", partial(self._tend_pod, seen))

    def _tend_node(self, node: Item, names: set[str], everywhere: set[str]) -> None:
        """Do what is due on a node, given the names of the pods that run on it, and in the whole cluster."""
        if not nodes.is_ready(node) and self._network_is_up(node, names):
            ready = {"conditions": [nodes.condition(ready=True, message="kubelet is posting ready status")]}
            self._write_node(node, ready)
        self._count_gpus(node, announced=any(DEVICE_PLUGIN in name for name in names))
        if found := gpu_features.missing_labels(node, names, everywhere):
            self.api.patch(f"{nodes.NODES}/{node['metadata']['name']}", {"metadata": {"labels": found}})

    def _network_is_up(self, node: Item, names: set[str]) -> bool:
        age = self.clock.time() - self._joined.get(node["metadata"]["name"], self.clock.time())
        plugin = self.network_plugin
        return age >= READY_IN and (plugin is None or any(name.startswith(plugin) for name in names))

    def _count_gpus(self, node: Item, *, announced: bool) -> None:
        """Have a node offer its GPUs for as long as a device plugin announces them; its capacity stays."""
        offered = node["status"]["allocatable"].get(GPU, "0")
        if not announced and offered != "0":
            self._write_node(node, {"allocatable": {GPU: "0"}})
        if announced and offered == "0":
            gpus = instance_type(node["metadata"]["labels"]["node.kubernetes.io/instance-type"]).gpus
            if gpus:
                self._write_node(node, {"capacity": {GPU: str(gpus)}, "allocatable": {GPU: str(gpus)}})

    def _write_node(self, node: Item, status: Item) -> None:
        path = f"{nodes.NODES}/{node['metadata']['name']}/status"
        if (written := self.api.patch(path, {"status": status}, STRATEGIC)) is not None:
            self._see_node("MODIFIED", written)

    def _tend_pod(self, seen: _Seen) -> None:
        node = self._nodes.get(seen.pod["spec"]["nodeName"])
        if seen.pod["metadata"].get("deletionTimestamp"):
            self._end(seen)
        elif node and (nodes.is_ready(node) or _needs_no_network(seen.pod)):
            self._report(seen)

    def _end(self, seen: _Seen) -> None:
        now = self.clock.time()
        seen.deleting = now if seen.deleting is None else seen.deleting
        grace = seen.pod["metadata"].get("deletionGracePeriodSeconds") or 0
        if now - seen.deleting >= min(STOPS_IN, grace):
            meta = seen.pod["metadata"]
            self.api.delete(_path(seen.pod), gracePeriodSeconds=0, preconditions={"uid": meta["uid"]})

    def _report(self, seen: _Seen) -> None:
        if seen.pod["status"]["phase"] in ("Succeeded", "Failed"):
            return
        age = self.clock.time() - seen.bound
        trouble = self._trouble(seen, age)
        news = (trouble, age >= STARTS_IN, pod_status.exit_code(seen.pod, age))
        if news == seen.reported:
            return
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        status = pod_status.status(seen.pod, age=age, now=now, ip=self._address(seen.pod), trouble=trouble)
        written = self.api.patch(f"{_path(seen.pod)}/status", {"status": status}, STRATEGIC)
        seen.reported = news
        if written is not None:
            seen.pod = written

    def _trouble(self, seen: _Seen, age: float) -> Trouble | None:
        """Return what keeps the pod from starting; a pod that has started has none."""
        if age < STARTS_IN or seen.pod["status"]["phase"] == "Running":
            return None
        now = self.clock.time()
        if now - seen.looked >= RETRY:
            seen.looked = now
            seen.trouble = self._refused_image(seen.pod) or pod_status.missing_reference(
                seen.pod, self._exists(seen.pod)
            )
        return seen.trouble

    def _refused_image(self, pod: Item) -> Trouble | None:
        images = [each["image"] for part in ("initContainers", "containers") for each in pod["spec"].get(part, [])]
        return next((trouble for image in images if (trouble := self.pull(pod, image))), None)

    def _exists(self, pod: Item) -> Callable[[str, str], bool]:
        place = f"/api/v1/namespaces/{pod['metadata']['namespace']}"
        return lambda kind, name: self.api.get(f"{place}/{kind}s/{name}") is not None

    def _address(self, pod: Item) -> str:
        if pod["status"].get("podIP"):
            return str(pod["status"]["podIP"])
        if pod["spec"].get("hostNetwork"):
            return str(self._nodes[pod["spec"]["nodeName"]]["status"]["addresses"][0]["address"])
        number = next(self._numbers)
        return f"10.1.{number // 250 % 250}.{number % 250 + 4}"


def _running(pods: Iterable[_Seen]) -> Mapping[str, set[str]]:
    """Return the names of the pods that run, by their node's."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for pod in [each.pod for each in pods if each.pod["status"]["phase"] == "Running"]:
        found[pod["spec"]["nodeName"]].add(pod["metadata"]["name"])
    return found


def _needs_no_network(pod: Item) -> bool:
    """Return whether a pod may start before the node's network: it uses the host's, or is a part of the node."""
    critical = pod["spec"].get("priorityClassName") == "system-node-critical"
    return bool(pod["spec"].get("hostNetwork")) or (critical and nodes.of_daemon_set(pod))


def _path(pod: Item) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
