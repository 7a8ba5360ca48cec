"""Series as Prometheus answers them, and whose they are: host, GPU, MIG instance, team."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

NODE_LABELS = ("node", "kubernetes_node", "Hostname", "hostname")


class Host(NamedTuple):
    """Who holds a GPU: `kind` is `id` (an instance id), `node` (a name) or `address` (of the scraped target)."""

    kind: str
    name: str


class Slot(NamedTuple):
    """A GPU of a host by its index, or a MIG instance of it."""

    host: Host
    gpu: str
    mig: str = ""

    @property
    def whole(self) -> Slot:
        """The GPU that a MIG instance is a part of."""
        return Slot(self.host, self.gpu)


class Series(NamedTuple):
    """One series: labels with its name, and samples as (seconds since the epoch, number)."""

    labels: Mapping[str, str]
    samples: Sequence[tuple[float, float]]

    @property
    def name(self) -> str:
        """The metric's name."""
        return self.labels.get("__name__", "")


def read(result: Any) -> Iterator[Series]:  # noqa: ANN401 - whatever came
    """Yield the series of an answer; what is not a series or not a number is passed over."""
    for each in result if isinstance(result, list) else ():
        labels = each.get("metric") if isinstance(each, dict) else None
        if isinstance(labels, dict):
            pairs = each.get("values") or [each.get("value")]
            found = [number for number in map(_sample, pairs if isinstance(pairs, list) else ()) if number]
            yield Series({str(name): str(value) for name, value in labels.items()}, found)


def _sample(pair: Any) -> tuple[float, float] | None:  # noqa: ANN401 - whatever came
    try:
        moment, number = float(pair[0]), float(pair[1])
    except (TypeError, ValueError, IndexError, KeyError, OverflowError):
        return None
    return (moment, number) if math.isfinite(moment) and math.isfinite(number) else None


def host(labels: Mapping[str, str], id_labels: Sequence[str]) -> Host | None:
    """Return whose GPU a series is about; None where no label tells."""
    for kind, names in (("id", id_labels), ("node", NODE_LABELS), ("address", ("instance",))):
        found = next((labels[name] for name in names if labels.get(name)), None)
        if found:
            return Host(kind, found)
    return None


def shared(found: Iterable[Series], id_labels: Sequence[str]) -> set[Host]:
    """Return the names that several hosts go by: two GPUs, of two targets, are one and the same slot at a time.

    Where one comes after the other, a node was replaced.
    """
    claims: dict[Slot, list[_Claim]] = {}
    for series in found:
        about, uuid = slot(series.labels, id_labels, of_slices=False), series.labels.get("UUID")
        if about and uuid and series.samples:
            claim = _Claim(uuid, series.labels.get("instance", ""), series.samples[0][0], series.samples[-1][0])
            claims.setdefault(about, []).append(claim)
    return {
        about.host
        for about, of in claims.items()
        if len({each.uuid for each in of}) > 1 and any(one.against(other) for one, other in combinations(of, 2))
    }


class _Claim(NamedTuple):
    """Which GPU of which target says from when to when that it is a slot."""

    uuid: str
    target: str
    first: float
    last: float

    def against(self, other: _Claim) -> bool:
        """Return whether both cannot be true."""
        together = self.first <= other.last and other.first <= self.last
        return together and self.uuid != other.uuid and self.target != other.target


def slot(labels: Mapping[str, str], id_labels: Sequence[str], *, of_slices: bool) -> Slot | None:
    """Return what a series is about; None where its labels do not tell, for a guess would merge two GPUs."""
    holder = host(labels, id_labels)
    gpu = labels.get("gpu") or labels.get("UUID") or labels.get("device")
    if not holder or not gpu:
        return None
    return Slot(holder, gpu, labels.get("GPU_I_ID", "") if of_slices else "")
