"""Metrics, dashboards and alerts."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from config.errors import Problem
from config.section import RetentionDays, Section, Shape

Subscriber = Annotated[
    str,
    Shape(
        r"[\w.+%-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|https://[\w.-]+(?::\d{1,5})?(?:/[\w./?=&%-]*)?",
        "an e-mail address, or a URL that begins with https://",
    ),
]

RUNBOOKS = Shape(r"https://[\w.-]+(?::\d{1,5})?/[\w./%~-]+", "a URL that begins with https:// and has no # or ?")


class Observability(Section):
    """Prometheus in the cluster, its long-term store with rules and alerts, and Grafana."""

    alert_subscribers: Annotated[tuple[Subscriber, ...], Field(max_length=20)] = ()
    """E-mail addresses and https URLs that get alerts; AWS asks each to confirm. Without any nobody is told."""
    runbooks: Annotated[str, RUNBOOKS] | None = None
    """URL of this project's docs/gpu-alerts.md as you publish it, without a #: alerts link to what it says of them.
    With null they name the file and its heading."""
    retention_days: Annotated[int, Field(ge=15, le=365)] = 15
    """Days for which Prometheus in the cluster keeps everything; what goes to Amazon Managed Service for Prometheus
    is kept for 150. After an outage CloudWatch is filled up from here, for which 15 days are needed."""
    volume_gib: Annotated[int, Field(ge=20, le=16384)] = 50
    """Size of Prometheus' volume in GiB; when it is full the oldest days go first. It can grow, four times in 24
    hours, and keeps what is stored, but never shrink."""
    memory_gib: Annotated[int, Field(ge=1, le=256)] = 2
    """Memory of Prometheus in GiB: about 1 for each 200,000 series. A node has some 1,500 series, a GPU some 25."""
    log_retention_days: RetentionDays = 30
    """Days for which it is kept what the alert manager and the rules log."""

    def problems(self) -> Iterator[Problem]:
        """Yield subscribers that are given twice."""
        for index, each in enumerate(self.alert_subscribers):
            if each in self.alert_subscribers[:index]:
                yield Problem(("alert_subscribers", index), f"{each} is given twice: keep one of them")
