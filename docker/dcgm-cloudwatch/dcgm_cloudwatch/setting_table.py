"""Every setting by name: its default, what it means, and what it may be."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

MINUTE, HOUR = 60, 3600


@dataclass(frozen=True)
class Setting:
    """One setting: its default, what it means, and how its text is read; reading raises ValueError with the reason."""

    name: str
    default: str
    text: str
    read: Callable[[str], object] = str


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text) or not lowest <= int(text) <= highest:
            raise ValueError(f"give a whole number from {lowest} to {highest}")
        return int(text)

    return read


def _interval(text: str) -> int:
    seconds = _whole(10, HOUR)(text)
    if MINUTE % seconds and seconds % MINUTE:
        raise ValueError("give what divides a minute (10, 15, 20, 30) or whole minutes (60, 300, 3600)")
    return seconds


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("give an address such as http://localhost:9090")
    return text


def _rate(text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", text) or not 0 < float(text) <= 500:  # noqa: PLR2004 - CloudWatch's own limit
        raise ValueError("give requests a second, above 0 and at most 500")
    return float(text)


def _listen(text: str) -> tuple[str, int]:
    name, _, port = text.rpartition(":")
    return name, _whole(0, 65535)(port)


def _cluster(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text):
        raise ValueError("give the cluster's name: letters, digits, dots, hyphens, at most 100")
    return text


def _region(text: str) -> str:
    if not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-\d{1,2}", text):
        raise ValueError("give a region such as us-west-2")
    return text


def watermark(text: str) -> str:
    """Return where the watermark is kept; raises ValueError."""
    if not re.fullmatch(r"file:/.+|configmap:([a-z0-9-]+/)?[a-z0-9][a-z0-9.-]*", text):
        raise ValueError("give file:/an/absolute/path, or configmap:name, or configmap:namespace/name")
    return text


def _label(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*", text):
        raise ValueError("give the name of a label of Prometheus")
    return text


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part for part in re.split(r"[,\s]+", text) if part))


TABLE = (
    Setting("PRESET", "eks", "names and defaults: eks, or parallelcluster with the names of its dashboards"),
    Setting("CLUSTER_NAME", "", "name of the cluster; needed", _cluster),
    Setting("NAMESPACE", "", "CloudWatch namespace (default: by the preset)"),
    Setting("PROMETHEUS_URL", "", "Prometheus server (default: by the preset)", _url),
    Setting("AWS_REGION", "", "region (default: as the AWS SDK finds it)", _region),
    Setting("SCRAPE_INTERVAL", "60", "seconds of one datum: 10, 15, 20, 30, or whole minutes up to 3600", _interval),
    Setting("SETTLE", "45", "seconds that a window is left to Prometheus once it is over", _whole(5, 600)),
    Setting("AGGREGATION", "", "levels of gpu, node, team, cluster (default: by the preset)", _listed),
    Setting("METRICS", "", "names of metrics (default: by the preset)", _listed),
    Setting("WATERMARK", "", "where what is done is kept: file:/path or configmap:name (default: by the preset)"),
    Setting("LISTEN", "127.0.0.1:9410", "address of /healthz and /metrics; port 0 is any", _listen),
    Setting("BACKLOG_REQUESTS", "20", "requests a second that old windows may take", _rate),
    Setting("FIRST_BACKFILL", "3600", "seconds back that the very first start begins", _whole(0, 13 * 24 * HOUR)),
    Setting("TEAM_LABEL", "exported_namespace", "label with the namespace of a GPU's pod", _label),
    Setting("INSTANCE_ID_LABELS", "InstanceId,instance_id", "labels that may hold the instance's id", _listed),
    Setting("KUBERNETES_URL", "", "Kubernetes API, as of `kubectl proxy` (default: the pod's own)"),
)
