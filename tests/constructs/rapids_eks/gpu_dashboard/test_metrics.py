"""That the dashboard calls things as the exporter does: neither imports the other."""

from collections.abc import Iterator

from dcgm_text import Gpu, MigInstance, Workload
from gpu_archive import SLICED, parts, values

from dcgm_cloudwatch.catalogue import DOCUMENTED, LEVELS, PRESETS
from dcgm_cloudwatch.counters import SELF
from dcgm_cloudwatch.prometheus import Prometheus
from dcgm_cloudwatch.readings import Labels, Window
from dcgm_cloudwatch.scrape import scrape
from dcgm_cloudwatch.translate import Shape, translate
from rapids_eks.gpu_dashboard import metrics
from rapids_eks.gpu_dashboard.metrics import of_cluster, of_parallel_cluster
from tests.docker.dcgm_cloudwatch.clock import Clock
from tests.docker.dcgm_cloudwatch.fleet import history
from tests.docker.dcgm_cloudwatch.prometheus_port import PrometheusPort

PARTS = [MigInstance(1, workload=Workload(namespace="analytics")), MigInstance(2)]
CUT_UP, WHOLE = Gpu(0, "node-0", instances=PARTS), Gpu(0, "node-0")


def measured(gpu: Gpu) -> Iterator[tuple[str, bool]]:
    """Yield what the exporter makes of DCGM's text of a GPU: names, and whether it is a part's own."""
    preset, clock = PRESETS["eks"], Clock()
    with PrometheusPort(clock) as port:
        port.series = history(clock.start, clock.start + 60, lambda _: [gpu])
        read = scrape(Prometheus(port.url), Window(clock.start, 60), preset.metrics, Labels(), lambda: None)
    for datum in translate(read, {}, Shape(preset.metrics, ("gpu",), "demo")):
        yield datum.name, "MIG" in dict(datum.dimensions)


def test_what_the_archive_has_of_a_gpu_is_what_dcgm_measures_of_it() -> None:
    """Guards against test data that no GPU has ever given: memory utilization of parts."""
    found = {*measured(CUT_UP)}
    assert {name for name, of_part in found if of_part} == SLICED == {*metrics.OF_PARTS}
    assert {name for name, _ in found} == {*parts(0, 0)}
    assert {name for name, _ in measured(WHOLE)} == {*values(0, 0)}


def test_parts_of_gpus_are_told_by_what_dcgm_measures_of_them() -> None:
    whole = metrics.published(metrics.METRICS, mig=False)
    assert whole == metrics.METRICS
    of_parts = {*metrics.published(metrics.METRICS, mig=True)}
    assert of_parts == {name for name, _ in measured(CUT_UP)} | {*metrics.OF_ROLL_UPS}


def test_the_metrics_are_the_exporter_s() -> None:
    known = PRESETS["eks"].metrics
    assert {*metrics.METRICS} == {each.name for each in known} == {*PRESETS["eks"].chosen}
    assert {*metrics.OF_ROLL_UPS} == {each.name for each in known if "gpu" not in each.levels}
    assert {*metrics.OF_EXPORTER} == {*SELF}


def test_the_levels_and_namespaces_are_the_exporter_s() -> None:
    assert metrics.LEVELS == LEVELS
    for name, source in (("eks", of_cluster("demo")), ("parallelcluster", of_parallel_cluster("demo"))):
        preset = PRESETS[name]
        assert source.namespace == preset.namespace.format(cluster="demo")
        assert {*source.dimensions} == {*preset.levels}
        assert bool(source.known) == preset.cluster_dimension


def test_a_parallel_cluster_publishes_what_its_dashboard_shows() -> None:
    assert {*DOCUMENTED} <= {*PRESETS["parallelcluster"].chosen}


def test_only_some_metrics_are_of_the_parts_of_a_gpu() -> None:
    source = of_cluster("demo", mig=True)
    assert source.dimensions_of("gpu", "GPUUtilization") == ["ClusterName", "InstanceId", "GPU", "MIG"]
    assert source.dimensions_of("gpu", "GPUTemperature") == ["ClusterName", "InstanceId", "GPU"]
    assert source.dimensions_of("node", "GPUUtilization") == ["ClusterName", "InstanceId"]
