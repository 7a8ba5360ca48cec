"""GPU metrics as the exporter stores them in CloudWatch, for a fleet of any size, with nodes that are gone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rehearsal.services.cloudwatch.queries.samples import MINUTE, Archive, Series

CLUSTER, NAMESPACE = "demo", "EKS/demo/GPU"
NOW = 1_800_000_000 // 3600 * 3600  # any full hour
DAY = 86_400
GIB = 1024**3
Key = tuple[str, tuple[tuple[str, str], ...]]  # name, dimensions
Values = Mapping[str, float]
OF_EXPORTER = {
    "LagSeconds": 61.0,
    "DatumsSent": 1_000.0,
    "DatumsQuarantined": 0.0,
    "Retries": 0.0,
    "ThrottledRequests": 0.0,
    "UnresolvedInstanceIds": 0.0,
    "ScrapeGapMinutes": 0.0,
}


@dataclass(frozen=True)
class Fleet:
    """So many GPUs, eight to a node, shared by two teams; and nodes that were there for a minute, days ago."""

    gpus: int
    minutes: int = 15
    gone_nodes: int = 0
    mig: bool = False
    of_one: int = 8

    def archive(self) -> Archive:
        """Return all that is stored."""
        stored: dict[Key, dict[int, dict[float, float]]] = {}
        for minute in range(NOW - self.minutes * MINUTE, NOW, MINUTE):
            for place, name, value in self._minute(minute):
                counts = stored.setdefault((name, place), {}).setdefault(minute, {})
                counts[value] = counts.get(value, 0.0) + 1.0
        alive = [Series(NAMESPACE, name, dict(place), points) for (name, place), points in stored.items()]
        return Archive((*alive, *self._gone()))

    def _minute(self, minute: int) -> Iterator[tuple[tuple[tuple[str, str], ...], str, float]]:
        root = ("ClusterName", CLUSTER)
        for gpu in range(self.gpus):
            node, team = ("InstanceId", instance(gpu // self.of_one)), ("Team", team_of(gpu, minute))
            whole = (root, node, ("GPU", str(gpu % self.of_one)))
            for name, value in (parts(gpu, minute) if self.mig else values(gpu, minute)).items():
                own = (*whole, ("MIG", "7")) if self.mig and name in SLICED else whole
                yield from ((place, name, value) for place in (own, (root, node), (root, team), (root,)))
        for place, count in self._counts(root, minute).items():
            yield place, "GPUCount", float(count)
        for name, value in OF_EXPORTER.items():
            yield (root,), name, value

    def _counts(self, root: tuple[str, str], minute: int) -> dict[tuple[tuple[str, str], ...], int]:
        found: dict[tuple[tuple[str, str], ...], int] = {}
        for gpu in range(self.gpus):
            for part in ((("InstanceId", instance(gpu // self.of_one)),), (("Team", team_of(gpu, minute)),), ()):
                found[root, *part] = found.get((root, *part), 0) + 1
        return found

    def _gone(self) -> Iterator[Series]:
        at = NOW - 3 * DAY
        for number in range(self.gone_nodes):
            node = {"ClusterName": CLUSTER, "InstanceId": f"i-gone{number:05}"}
            for gpu in range(self.of_one):
                for name, value in values(gpu, at).items():
                    yield Series(NAMESPACE, name, node | {"GPU": str(gpu)}, {at: {value: 1.0}})


SLICED = {
    *("GPUUtilization", "GPUMemoryUsed", "GPUMemoryFree", "GPUMemoryUsedPercent"),
    *("GPUAllocated", "GPUAllocatedIdle"),
}


def instance(number: int) -> str:
    return f"i-{number:017x}"


def team_of(gpu: int, minute: int) -> str:
    """Return whose a GPU is: every 5 minutes the other team's."""
    return ("team-a", "team-b")[(gpu + minute // (5 * MINUTE)) % 2]


def values(gpu: int, minute: int) -> Values:
    """Return what is measured of one GPU in one minute: all different, and by hand to be reckoned with."""
    beat = minute // MINUTE % 7
    used = float((8 + gpu % 4) * GIB)
    return {
        "GPUUtilization": float(40 + gpu % 50 + beat),
        "GPUMemoryUtilization": float(20 + gpu % 30),
        "GPUTemperature": float(50 + gpu % 20),
        "GPUPowerUsage": float(100 + gpu % 100),
        "GPUMemoryUsed": used,
        "GPUMemoryFree": 24.0 * GIB - used,
        "GPUMemoryUsedPercent": 100.0 * used / (24.0 * GIB),
        "GPUXidErrors": 0.0,
        "GPUEccErrors": 0.0,
        "GPUThrottled": float(gpu % 10 == 3),
        "GPUAllocated": 1.0,
        "GPUAllocatedIdle": float(gpu % 4 == 0),
    }


def parts(gpu: int, minute: int) -> Values:
    """Return the same of a GPU that MIG has cut up, of whose memory DCGM measures no utilization."""
    return {name: value for name, value in values(gpu, minute).items() if name != "GPUMemoryUtilization"}
