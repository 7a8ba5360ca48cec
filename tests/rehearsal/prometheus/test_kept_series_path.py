"""A real Prometheus sends on what is kept, and nothing else, by the remote write that its chart is given."""

import dcgm_text
from dcgm_text import Gpu

from rapids_eks.gpu_metrics import scraping
from rapids_eks.gpu_operator import NAMESPACE
from rapids_eks.kept_series import kept
from rapids_eks.prometheus import remote_write
from rehearsal.prometheus import gpu_operator, scrape_config
from rehearsal.prometheus.remote_write import Receiver
from tests.rehearsal.prometheus.conftest import Exporter
from tests.rehearsal.prometheus.test_gpu_path import Start, config

OTHERS = """\
go_goroutines 5
node_cpu_seconds_total{cpu="0",mode="user"} 1
kube_node_labels{node="a"} 1
kube_node_labels_more 1
karpenter_cloudprovider_instance_type_offering_price_estimate{instance_type="g5.2xlarge"} 1.2
karpenter_cloudprovider_instance_type_offering_price_estimate{instance_type="g5.24xlarge"} 8
karpenter_interruption_received_messages_total{message_type="no_op"} 1
metrics_executor_activeTasks 1
"""


def test_what_is_kept_arrives_and_nothing_else(start: Start, exporter: Exporter, receiver: Receiver) -> None:
    """As the operator writes it into Prometheus' own file."""
    monitor = gpu_operator.service_monitor(scraping.service_monitor() | {"interval": "1s"}, NAMESPACE)
    exporter.text = dcgm_text.text([Gpu()]) + OTHERS
    write = scrape_config.remote_write(remote_write(receiver.url, "us-west-2", ["g5.2xlarge", "m5.xlarge"]))
    prometheus = start(config(monitor, exporter, [write]), environment=receiver.workspace.environment)
    prometheus.wait(lambda: "metrics_executor_activeTasks" in {name for name, _ in names(receiver)})
    assert {(name, kind) for name, kind in names(receiver) if not name.startswith("DCGM_")} == {
        ("kube_node_labels", None),
        ("karpenter_cloudprovider_instance_type_offering_price_estimate", "g5.2xlarge"),
        ("karpenter_interruption_received_messages_total", None),
        ("metrics_executor_activeTasks", None),
    }
    assert {name for name, _ in names(receiver) if name.startswith("DCGM_")} == dcgm_text.BUSY.keys() & kept()
    queue = prometheus.api("status/config")["yaml"]
    assert all(line in queue for line in ("max_samples_per_send: 1000", "max_shards: 200", "capacity: 2500"))


def names(receiver: Receiver) -> set[tuple[str, str | None]]:
    """Return what has arrived, by name and instance type."""
    return {(each.labels["__name__"], each.labels.get("instance_type")) for each in receiver.workspace.samples}
