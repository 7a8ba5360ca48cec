"""From hosts to EC2 instance ids, as they were when a window was open."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from dcgm_cloudwatch.kubernetes import Api, KubernetesError, Node
from dcgm_cloudwatch.prometheus import Prometheus
from dcgm_cloudwatch.series import Host

ID = re.compile(r"\bi-[0-9a-f]{8,17}\b")
FRESH, FRESH_NONE = 300.0, 30.0  # seconds that the API is not asked again for a node, and for one it does not know
REMEMBERED = 50_000  # names of nodes; the oldest are forgotten first


class InstanceError(Exception):
    """Kubernetes could not be asked whose a name is; to be asked again, for a guess would be a metric for ever."""


@dataclass
class Instances:
    """Finds instance ids: in a label, in the name, in kube_node_info of that moment, in the Kubernetes API, in memory.

    kube_node_info comes before the API, as it still knows nodes that are gone, and whose name it was at that moment:
    names of nodes are used again.
    """

    prometheus: Prometheus
    api: Api | None = None
    _known: dict[str, list[Node]] = field(default_factory=dict)  # who has borne a name, in order
    _fresh: dict[str, float] = field(default_factory=dict)  # until when the API need not be asked for a name

    def resolve(self, hosts: Iterable[Host], at: float) -> dict[Host, str]:
        """Return the ids, as they were at a moment, that are found. Raises PrometheusError and InstanceError."""
        wanted = set(hosts)
        found = {host: self._by_itself(host) for host in wanted}
        nodes = {host for host in wanted if not found[host] and host.kind == "node"}
        info = self._node_info(at) if nodes else {}
        for host in nodes:
            if instance := info.get(host.name):
                self._remember(host.name, Node(at, instance))
            else:
                self._ask(host.name)
            found[host] = info.get(host.name) or self._borne(host.name, at)
        return {host: instance for host, instance in found.items() if instance}

    @staticmethod
    def _by_itself(host: Host) -> str:
        if host.kind == "id":
            return host.name
        named = ID.search(host.name)
        return named[0] if named else ""

    def _node_info(self, at: float) -> dict[str, str]:
        found: dict[str, tuple[float, str]] = {}
        # by the moment of the sample, for within the look-back of a replaced node there are two
        for series in self.prometheus.vector("kube_node_info[5m]", at):
            node, instance = series.labels.get("node", ""), ID.search(series.labels.get("provider_id", ""))
            if node and instance and series.samples:
                found[node] = max(found.get(node, (0.0, "")), (series.samples[-1][0], instance[0]))
        return {node: instance for node, (_, instance) in found.items()}

    def _borne(self, name: str, at: float) -> str:
        """Return the last instance that is known to have got a name by then."""
        return next((each.instance for each in reversed(self._known.get(name, [])) if each.since <= at), "")

    def _ask(self, name: str) -> None:
        """Ask the API who bears a name now; since when it tells, too, so that the answer serves any moment."""
        if self.api is None or time.monotonic() < self._fresh.get(name, 0.0):
            return
        try:
            node = self.api.node(name)
        except KubernetesError as error:
            raise InstanceError(f"the instance id of {name} cannot be asked for: {error}") from error
        if len(self._fresh) >= REMEMBERED:
            self._fresh.clear()
        self._fresh[name] = time.monotonic() + (FRESH if node else FRESH_NONE)
        if node:
            self._remember(name, node)

    def _remember(self, name: str, node: Node) -> None:
        """Keep who bore a name; of the same instance the earlier moment."""
        known = self._known.pop(name, [])  # and put back as the newest
        same = [each for each in known if each.instance == node.instance]
        others = [each for each in known if each.instance != node.instance]
        self._known[name] = sorted([*others, min([*same, node])])
        while len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
