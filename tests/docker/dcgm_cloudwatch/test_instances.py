"""Whose a node's name was at a moment: names are used again, and Kubernetes knows the newest bearer only."""

import time
from collections.abc import Callable

import pytest

from dcgm_cloudwatch.instances import FRESH_NONE, InstanceError, Instances
from dcgm_cloudwatch.kubernetes import Api
from dcgm_cloudwatch.prometheus import Prometheus
from dcgm_cloudwatch.series import Host
from tests.docker.dcgm_cloudwatch.clock import HOUR, Clock
from tests.docker.dcgm_cloudwatch.cloudwatch_port import CloudWatchPort
from tests.docker.dcgm_cloudwatch.fleet import delivered, fleet_at, history, ids, node_info, utilization
from tests.docker.dcgm_cloudwatch.kubernetes_port import KubernetesPort
from tests.docker.dcgm_cloudwatch.process import Exporter, wait_until
from tests.docker.dcgm_cloudwatch.prometheus_port import PrometheusPort

NODE = Host("node", "node-0")
OLD, NEW = "i-0aaaaaaaaaaaaaaa1", "i-0bbbbbbbbbbbbbbb2"


@pytest.fixture
def instances(prometheus: PrometheusPort, kubernetes: KubernetesPort) -> Instances:
    """Instances without kube_node_info."""
    return Instances(Prometheus(prometheus.url), Api(kubernetes.url))


def stamp(second: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


def test_a_new_bearer_of_a_name_has_nothing_of_the_hour_before_it(
    instances: Instances, kubernetes: KubernetesPort, clock: Clock
) -> None:
    kubernetes.node("node-0", NEW, stamp(clock.start))
    assert instances.resolve([NODE], clock.start + 60) == {NODE: NEW}
    assert instances.resolve([NODE], clock.start - HOUR) == {}


def test_an_old_window_does_not_keep_the_live_one_from_its_instance(
    instances: Instances, kubernetes: KubernetesPort, clock: Clock
) -> None:
    kubernetes.node("node-0", NEW, stamp(clock.start))
    assert instances.resolve([NODE], clock.start - HOUR) == {}
    assert instances.resolve([NODE], clock.start + 60) == {NODE: NEW}
    assert len(kubernetes.calls) == 1, "its one answer serves any moment"


def test_each_bearer_of_a_name_has_its_own_time(
    instances: Instances, prometheus: PrometheusPort, kubernetes: KubernetesPort, clock: Clock
) -> None:
    prometheus.series = node_info(clock.start - HOUR, clock.start - HOUR + 60, {"node-0": OLD})
    assert instances.resolve([NODE], clock.start - HOUR + 50) == {NODE: OLD}
    kubernetes.node("node-0", NEW, stamp(clock.start))
    assert instances.resolve([NODE], clock.start + 60) == {NODE: NEW}
    assert instances.resolve([NODE], clock.start - 1200) == {NODE: OLD}


def test_a_name_that_kubernetes_does_not_know_yet_is_asked_for_again_soon(
    instances: Instances, kubernetes: KubernetesPort, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert instances.resolve([NODE], clock.start) == {}
    kubernetes.node("node-0", NEW, stamp(clock.start - 60))
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + FRESH_NONE + 1)
    assert instances.resolve([NODE], clock.start) == {NODE: NEW}


def test_an_instance_that_is_gone_is_remembered(
    instances: Instances, kubernetes: KubernetesPort, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubernetes.node("node-0", OLD, stamp(clock.start - HOUR))
    assert instances.resolve([NODE], clock.start) == {NODE: OLD}
    kubernetes.objects.clear()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + HOUR)
    assert instances.resolve([NODE], clock.start) == {NODE: OLD}


def test_an_api_that_is_down_is_no_node_without_an_instance(
    instances: Instances, kubernetes: KubernetesPort, clock: Clock
) -> None:
    kubernetes.down = True
    with pytest.raises(InstanceError, match=r"node-0 cannot be asked for.*503"):
        instances.resolve([NODE], clock.start)


def test_what_cannot_be_asked_for_is_held_and_then_published_under_its_instance_once(
    prometheus: PrometheusPort,
    cloudwatch: CloudWatchPort,
    kubernetes: KubernetesPort,
    exporter: Callable[..., Exporter],
    clock: Clock,
) -> None:
    """Guards against a metric under a node's name, and against its minute twice once the id is known."""
    prometheus.series = history(clock.start, clock.start + 120, fleet_at(1))
    kubernetes.node("node-0", ids(1)["node-0"], stamp(clock.start - HOUR))
    clock.now, kubernetes.down = clock.start + 120 + 50, True
    settings = {"METRICS": "GPUUtilization", "AGGREGATION": "node", "FIRST_BACKFILL": "170"}
    made = exporter(**settings, KUBERNETES_URL=kubernetes.url)
    made.start()
    wait_until(lambda: made.log.exists() and "cannot be asked for" in made.log.read_text(), "the outage")
    assert {name for name, _ in cloudwatch.data() if name.startswith("GPU")} == set()
    kubernetes.down = False
    minutes = range(clock.start, clock.start + 120, 60)
    wait_until(lambda: len(delivered(cloudwatch)) == 2, "both minutes")
    assert delivered(cloudwatch) == utilization(minutes)
    assert {where for name, where in cloudwatch.data() if name == "GPUUtilization"} == {
        f"ClusterName=c,InstanceId={ids(1)['node-0']}"
    }
