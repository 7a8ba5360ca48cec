"""The recording rules make the same of either exporter's text, of whole GPUs, slices and time slices."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dcgm_text
import pytest
import yaml
from dcgm_text import BLANK, NOT_SUPPORTED, Gpu, MigInstance, Workload

from rapids_eks.gpu_metrics.rules import rules
from rapids_eks.gpu_operator import NAMESPACE
from rehearsal.prometheus import gpu_operator
from rehearsal.prometheus.scrape_config import Target, scrape_configs
from rehearsal.prometheus.server import Prometheus
from tests.rehearsal.prometheus.conftest import Exporter

MONITOR = {
    "enabled": True,
    "interval": "1s",
    "honorLabels": False,
    "relabelings": [{"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"}],
}
ANALYST, SCIENTIST = Workload("exec-1", "analytics", "spark"), Workload("exec-2", "science", "spark")
FLEET = [
    Gpu(0, workloads=[ANALYST], values={"DCGM_FI_DEV_GPU_UTIL": 90, "DCGM_FI_DEV_GPU_TEMP": 88}),
    Gpu(1, workloads=[ANALYST, SCIENTIST], values={"DCGM_FI_DEV_GPU_UTIL": 30, "DCGM_FI_DEV_POWER_USAGE": 100.5}),
    Gpu(2, values={"DCGM_FI_DEV_GPU_UTIL": 0, "DCGM_FI_DEV_CLOCKS_EVENT_REASONS": 0x1, "DCGM_FI_DEV_POWER_USAGE": 20}),
    Gpu(
        3,
        values={"DCGM_FI_DEV_CLOCKS_EVENT_REASONS": 0x4 | 0x40, "DCGM_FI_DEV_POWER_USAGE": 300},
        instances=[
            MigInstance(7, workload=SCIENTIST, values={"DCGM_FI_PROF_GR_ENGINE_ACTIVE": 0.5}),
            MigInstance(8, values={"DCGM_FI_PROF_GR_ENGINE_ACTIVE": 0}),
        ],
    ),
    Gpu(
        4,
        values={"DCGM_FI_DEV_GPU_TEMP": NOT_SUPPORTED, "DCGM_FI_DEV_GPU_UTIL": BLANK},
        without=["DCGM_FI_DEV_FB_USED"],
    ),
]
EXPECTED = {
    "gpu:utilization:percent": {"0": 90, "1": 30, "2": 0, "3/7": 50, "3/8": 0},
    "gpu:temperature:celsius": {"0": 88, "1": 54, "2": 54, "3": 54},
    "gpu:power:watts": {"0": 212.5, "1": 100.5, "2": 20, "3": 300, "4": 212.5},
    "gpu:memory_used:bytes": dict.fromkeys(("0", "1", "2", "3/7", "3/8"), 18432 * 1048576),
    "gpu:power_capped:bool": {"0": 0, "1": 0, "2": 0, "3": 1, "4": 0},
    "gpu:slowed_down:bool": {"0": 0, "1": 0, "2": 0, "3": 1, "4": 0},
    "gpu:allocated:bool": {"0": 1, "1": 1, "2": 0, "3/7": 1, "3/8": 0},
    "gpu:allocation:info": {"0 analytics": 1, "1 analytics": 1, "1 science": 1, "3/7 science": 1},
    "gpu:allocated_utilization:percent": {"0 analytics": 90, "1 analytics": 30, "1 science": 30, "3/7 science": 50},
    "team:gpus_allocated:count": {" analytics": 2, " science": 2},
    "team:utilization:percent": {" analytics": 60, " science": 40},
    "cluster:gpus:count": {"": 5},
    "cluster:utilization:percent": {"": 34},
    "cluster:power:watts": {"": 845.5},
    "cluster:slices_unallocated:count": {"": 2},
}


@pytest.fixture
def recorded(
    start: Callable[..., Prometheus], exporter: Exporter, tmp_path: Path
) -> Callable[[str], dict[str, dict[str, float]]]:
    """Return what the rules make of a text."""

    def run(text: str) -> dict[str, dict[str, float]]:
        exporter.text = text
        monitor = gpu_operator.service_monitor(MONITOR, NAMESPACE)
        pod = gpu_operator.pod(NAMESPACE, Gpu().node)
        target = Target(exporter.address, gpu_operator.service(NAMESPACE), pod, gpu_operator.PORT_NAME)
        prometheus = start(_config(tmp_path, scrape_configs(monitor, [target])))
        prometheus.wait(lambda: prometheus.query("cluster:slices_unallocated:count"))
        return {name: _values(prometheus, name) for name in EXPECTED}

    return run


def _config(folder: Path, scraped: list[dict[str, Any]]) -> dict[str, Any]:
    quick = rules()
    quick["groups"][0]["interval"] = "1s"
    (folder / "rules.yaml").write_text(yaml.safe_dump(quick))
    return {
        "global": {"scrape_timeout": "1s", "scrape_interval": "1s"},
        "rule_files": [str(folder / "rules.yaml")],
        "scrape_configs": scraped,
    }


def _values(prometheus: Prometheus, name: str) -> dict[str, float]:
    """Return each series by its GPU, slice and team."""
    found = {}
    for each in prometheus.query(name):
        labels = each.labels
        gpu = "/".join(filter(None, [labels.get("gpu", ""), labels.get("GPU_I_ID", "")]))
        found[f"{gpu} {labels['team']}" if "team" in labels else gpu] = each.value
    return found


@pytest.mark.parametrize("form", ["4.8", "4.9"])
def test_either_form_is_recorded_under_one_name_and_unit(
    recorded: Callable[[str], dict[str, dict[str, float]]], form: dcgm_text.Form
) -> None:
    found = recorded(dcgm_text.text(FLEET, form=form, virtual_gpus=True))
    assert found == {name: pytest.approx(values) for name, values in EXPECTED.items()}
