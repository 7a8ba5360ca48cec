"""From hosts to EC2 instance ids, as they were when a window was open."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from dcgm_cloudwatch.kubernetes import Api, KubernetesError
from dcgm_cloudwatch.prometheus import Prometheus
from dcgm_cloudwatch.series import Host

log = logging.getLogger(__name__)
ID = re.compile(r"\bi-[0-9a-f]{8,17}\b")
FRESH = 300.0  # seconds that the API is not asked again
REMEMBERED = 50_000  # nodes; the oldest are forgotten first


@dataclass
class Instances:
    """Finds instance ids: in a label, in the name, in kube_node_info of that moment, in the Kubernetes API, in memory.

    kube_node_info comes before the API, as it still knows nodes that are gone, and whose name it was at that moment:
    names of nodes are used again.
    """

    prometheus: Prometheus
    api: Api | None = None
    _known: dict[str, str] = field(default_factory=dict)
    _answers: dict[str, tuple[float, str]] = field(default_factory=dict)  # the API's, and until when they hold

    def resolve(self, hosts: Iterable[Host], at: float) -> dict[Host, str]:
        """Return the ids that are found. Raises PrometheusError, for a guess would be a metric for ever."""
        wanted = set(hosts)
        found = {host: self._by_itself(host) for host in wanted}
        nodes = {host for host in wanted if not found[host] and host.kind == "node"}
        info = self._node_info(at) if nodes else {}
        for host in nodes:
            found[host] = info.get(host.name) or self._asked(host.name, at) or self._known.get(host.name, "")
        self._remember({host.name: found[host] for host in nodes if found[host]})
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

    def _asked(self, node: str, at: float) -> str:
        if not self.api:
            return ""
        until, instance = self._answers.get(node, (0.0, ""))
        if time.monotonic() > until:
            try:
                instance = self.api.instance_id(node, at) or ""
            except KubernetesError as error:
                log.warning("the instance id of %s cannot be asked for: %s", node, error)
                return ""
            self._answers[node] = (time.monotonic() + FRESH, instance)
        return instance

    def _remember(self, found: Mapping[str, str]) -> None:
        for node, instance in found.items():
            self._known.pop(node, None)
            self._known[node] = instance
        while len(self._known) > REMEMBERED:
            forgotten = next(iter(self._known))
            del self._known[forgotten]
            self._answers.pop(forgotten, None)
