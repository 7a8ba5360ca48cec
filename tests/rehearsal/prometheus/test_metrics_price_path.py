"""How many series and samples a real Prometheus counts, beside those that the price told at synth is reckoned with."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dcgm_text
import pytest
import yaml
from dcgm_text import Gpu, MigInstance, Workload

from rapids_eks import kept_series, metrics_price
from rapids_eks.gpu_metrics import scraping
from rapids_eks.gpu_metrics.alerts import alerts
from rapids_eks.gpu_metrics.counters import COUNTERS
from rapids_eks.gpu_metrics.recordings import recordings
from rapids_eks.gpu_metrics.rules import rules
from rapids_eks.gpu_operator import NAMESPACE
from rapids_eks.kept_series import Fleet
from rapids_eks.prometheus import remote_write
from rehearsal.prometheus import gpu_operator, scrape_config
from rehearsal.prometheus.remote_write import Receiver
from tests.rehearsal.prometheus.conftest import Exporter
from tests.rehearsal.prometheus.test_gpu_path import Start, config

ALSO = {"DCGM_FI_DEV_MEMORY_TEMP": 61.0}  # of GPUs with HBM; all fields that there are, and an error
MADE = '{__name__=~"(gpu|team|cluster):.+"}'
END = 1_790_000_040.0
# What rules select these by; of errors there is one of the program's and one of the hardware
SELECTED_BY = {
    "DCGM_FI_DEV_FB_USED": [',exported_pod="p"'],
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": [',GPU_I_ID="1"'],
    "DCGM_EXP_XID_ERRORS_TOTAL": [',xid="79"'],
    "gpu:xid_errors:total": [',xid="31"', ',xid="79"'],
}


def fleet(count: int) -> list[Gpu]:
    """Return GPUs that have everything there is, all on a node, in one team's hands."""
    return [replace(each, values=ALSO, xids={79: 1}) for each in dcgm_text.fleet(count, workload=Workload())]


def sliced(count: int) -> list[Gpu]:
    """Return the same GPUs, each cut up into seven slices, of which each has a pod."""
    pods = [Workload(f"rapids-exec-{number}") for number in range(7)]
    instances = [MigInstance(number, workload=pod) for number, pod in enumerate(pods)]
    return [replace(each, workloads=(), instances=instances) for each in fleet(count)]


@pytest.mark.parametrize(
    ("count", "slices", "form"),
    [(0, 1, "4.8"), (1, 1, "4.8"), (1, 1, "4.9"), (8, 1, "4.8"), (8, 1, "4.9"), (2, 7, "4.8"), (2, 7, "4.9")],
)
def test_as_many_series_are_sent_and_made_as_are_paid_for(
    start: Start,
    exporter: Exporter,
    receiver: Receiver,
    tmp_path: Path,
    count: int,
    slices: int,
    form: dcgm_text.Form,
) -> None:
    gpus = fleet(count) if slices == 1 else sliced(count)
    exporter.text = dcgm_text.text(gpus, form=form) + "go_goroutines 5\nkube_node_labels 1\n"
    monitor = gpu_operator.service_monitor(scraping.service_monitor() | {"interval": "1s"}, NAMESPACE)
    write = scrape_config.remote_write(remote_write(receiver.url, "us-west-2", []))
    settings = config(monitor, exporter, [write]) | {"rule_files": [_rules(tmp_path)]}
    settings["global"]["evaluation_interval"] = "1s"
    prometheus = start(settings, environment=receiver.workspace.environment)
    prometheus.wait(lambda: "kube_node_labels" in {name for name, _ in sent(receiver)})
    if count:
        prometheus.wait(lambda: prometheus.query("cluster:slices_unallocated:count"))
    measured = Fleet(gpus=count, nodes=0, applications=min(count, 1), types=0, slices=slices)
    assert len(prometheus.query(MADE)) == metrics_price.recorded(measured)
    expected = kept_series.series(replace(measured, applications=0)) - kept_series.series(Fleet(0, 0, 0, 0))
    prometheus.wait(lambda: len([name for name, _ in sent(receiver) if name.startswith("DCGM_")]) >= expected)
    assert len([name for name, _ in sent(receiver) if name != "kube_node_labels"]) == expected


def _rules(folder: Path) -> str:
    """Write the rules, evaluated each second; what they make is made in the workspace, and is not sent."""
    quick = rules()
    quick["groups"][0]["interval"] = "1s"
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump(quick))
    return str(path)


def sent(receiver: Receiver) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    """Return the series that have arrived, each by its name and labels."""
    arrived = list(receiver.workspace.samples)
    return {(each.labels["__name__"], frozenset(each.labels.items())) for each in arrived}


@pytest.mark.parametrize("count", [1, 8])
def test_as_many_samples_are_read_as_are_paid_for(start: Start, count: int) -> None:
    """As Prometheus tells of each query, over more than the hour that the longest range goes back."""
    prometheus = start({}, history=history(count))
    asked = [*(each.expression for each in recordings()), *(each.expression for each in alerts())]
    told = [prometheus.api("query", {"query": each, "time": str(END), "stats": "all"})["stats"] for each in asked]
    read = sum(each["samples"]["totalQueryableSamples"] for each in told)
    assert read == metrics_price.read(Fleet(gpus=count, nodes=1, applications=1, types=0))


def history(count: int) -> str:
    """Return a series of everything for each GPU, or once, with a sample a minute, oldest first."""
    return "".join(f"{each}\n" for each in _samples(count)) + "# EOF\n"


def _samples(count: int) -> Iterator[str]:
    gpus = [f'cluster="c",node="n",gpu="{number}"' for number in range(count)]
    fields = [each.field for each in COUNTERS if each.kind != "label"]
    made = [each.name for each in recordings()]
    series = dict.fromkeys([*fields, *(name for name in made if name.startswith("gpu:"))], gpus)
    series |= {name: ['cluster="c"'] for name in made if not name.startswith("gpu:")}
    series["kube_node_status_capacity"] = [f'node="n",resource="{each}"' for each in ("cpu", "nvidia_com_gpu")]
    for name, labels in sorted(series.items()):
        for each in (f"{label}{more}" for label in labels for more in SELECTED_BY.get(name, [""])):
            yield from (f"{name}{{{each}}} 1 {END - 60 * ago:.0f}" for ago in range(65, -1, -1))
