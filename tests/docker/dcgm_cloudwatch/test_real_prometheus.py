"""What the exporter asks, a real Prometheus answers as the stand-in does: the same of the same hours."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
import real_prometheus
from dcgm_text import Gpu, Workload

from dcgm_cloudwatch import scrape
from dcgm_cloudwatch.exporter import Exporter as Delivering
from dcgm_cloudwatch.run import step
from rehearsal.prometheus.server import Prometheus
from tests.docker.dcgm_cloudwatch.clock import HOUR
from tests.docker.dcgm_cloudwatch.cloudwatch_port import CloudWatchPort
from tests.docker.dcgm_cloudwatch.fleet import Series, history, node_info, up
from tests.docker.dcgm_cloudwatch.prometheus_port import PrometheusPort

Stored = Mapping[tuple[str, str], Mapping[int, tuple[float, float]]]
END = int(time.time()) // 300 * 300 - 300
GAP = range(END - 3 * HOUR, END - 1200)  # in which Prometheus saw nothing
IDS = {f"node-{number}": f"i-{number:017x}" for number in range(3)}


def gpus(moment: float) -> list[Gpu]:
    """Return GPUs that had errors in the gap, changed hands, and are at 1."""
    late = moment > GAP.stop
    values = {"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": 9 if late else 5, "DCGM_FI_DEV_GPU_UTIL": 100}
    pods = [Workload("a" if late else "b", "research" if late else "analytics")]
    return [
        Gpu(0, "node-0", pods, values=values, xids={31: 5, 48: 2} if late else {31: 2}),
        Gpu(0, "node-1", values={"DCGM_FI_DEV_GPU_UTIL": 1 if moment > END - 600 else 50}),
        *([Gpu(0, "node-2", values={"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": 3}, xids={31: 1})] if late else []),
    ]


def series() -> list[Series]:
    found: list[Series] = []
    for begin, end in ((GAP.start - 600, GAP.start), (GAP.stop, END)):
        for labels, samples in history(begin, end, gpus, "4.9"):
            percent = labels["__name__"] == "DCGM_FI_DEV_GPU_UTIL_RATIO" and labels["hostname"] == "node-1"
            shown = [(moment, f"{100 * float(value):g}") for moment, value in samples] if percent else samples
            found.append((labels, shown))
        found += [*up(begin, end), *node_info(begin, end, IDS)]
    return found


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus whose history is that of the stand-in."""
    real_prometheus.required()
    server = Prometheus.start(tmp_path_factory.mktemp("real"), {}, history=open_metrics(series()))
    yield server
    server.stop()


def open_metrics(some: Sequence[Series]) -> str:
    lines = []
    for labels, samples in sorted(some, key=lambda each: sorted(each[0].items())):
        shown = ",".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
        lines += [(labels["__name__"], f"{labels['__name__']}{{{shown}}} {value} {at}") for at, value in samples]
    return "\n".join(line for _, line in sorted(lines, key=lambda each: each[0])) + "\n# EOF\n"


@pytest.fixture
def both(
    real: Prometheus, prometheus: PrometheusPort, within: Callable[..., Delivering], tmp_path: Path
) -> Callable[[str, str], tuple[Stored, float]]:
    """Deliver the same by both, and return what is then stored, and minutes of gaps, if they agree."""

    def same(interval: str, backfill: str) -> tuple[Stored, float]:
        prometheus.series, prometheus.clock = series(), lambda: END + 50.0
        found = []
        for number, url in enumerate((real.url, prometheus.url)):
            with CloudWatchPort() as cloudwatch:
                made = within(
                    PROMETHEUS_URL=url,
                    AWS_ENDPOINT_URL=cloudwatch.url,
                    SCRAPE_INTERVAL=interval,
                    FIRST_BACKFILL=backfill,
                    WATERMARK=f"file:{tmp_path}/{number}",
                )
                made.clock = lambda: END + 50.0
                while step(made):
                    pass
                found.append((cloudwatch.data(), made.counters.counts["ScrapeGapMinutes"]))
        assert found[0] == found[1]
        return found[0]

    return same


@pytest.mark.parametrize("interval", ["60", "300"])
def test_the_same_hours_are_the_same_metrics(
    interval: str, both: Callable[[str, str], tuple[Stored, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scrape, "MOST_SAMPLES", 200)  # so that windows of 300 seconds are delivered in parts
    table, _ = both(interval, "1800")
    errors = {of: max(total for total, _ in rows.values()) for of, rows in table.items() if of[0].endswith("Errors")}
    assert errors["GPUXidErrors", "ClusterName=c,Team=research"] == 3 + 2
    assert errors["GPUEccErrors", "ClusterName=c,Team=research"] == 4
    of_node = table["GPUUtilization", f"ClusterName=c,InstanceId={IDS['node-1']}"]
    assert {total / count for total, count in of_node.values()} == {50, 1}, "percent, as it was before"


def test_windows_between_two_scrapes_are_no_gaps(both: Callable[[str, str], tuple[Stored, float]]) -> None:
    table, gaps = both("10", "170")
    assert gaps == 0
    assert sum(count for _, count in table["GPUTemperature", f"ClusterName=c,InstanceId={IDS['node-1']}"].values()) == 4
