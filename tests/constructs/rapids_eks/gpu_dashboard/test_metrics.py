"""That the dashboard calls things as the exporter does: neither imports the other."""

from dcgm_cloudwatch.catalogue import DOCUMENTED, LEVELS, PRESETS
from dcgm_cloudwatch.counters import SELF
from rapids_eks.gpu_dashboard import metrics
from rapids_eks.gpu_dashboard.metrics import of_cluster, of_parallel_cluster


def test_the_metrics_are_the_exporter_s() -> None:
    published = PRESETS["eks"].metrics
    assert {*metrics.METRICS} == {each.name for each in published}
    assert {*metrics.OF_ROLL_UPS} == {each.name for each in published if "gpu" not in each.levels}
    assert {*metrics.OF_EXPORTER} == {*SELF}
    sliced = {each.name for each in published if each.slices} - {*metrics.OF_ROLL_UPS}
    assert {*metrics.OF_PARTS} == sliced


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
