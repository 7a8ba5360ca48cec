"""All dashboards, as the files that Grafana loads."""

import re
from collections.abc import Iterator, Mapping

from rapids_eks.grafana_dashboards.cluster import Prices, cluster
from rapids_eks.grafana_dashboards.gpu import gpus
from rapids_eks.grafana_dashboards.panels import Json
from rapids_eks.grafana_dashboards.spark import spark

# How the names of all metrics that are shown begin
_METRIC = re.compile(r"\b(?:DCGM|kube|karpenter|metrics|node|spark)_\w+")


def dashboards(prices: Prices | None = None) -> Mapping[str, Json]:
    """Return each dashboard by its file's name; without `prices` costs are those alone that Karpenter estimates."""
    made = {"gpus": gpus(), "cluster": cluster(prices or Prices()), "spark": spark()}
    return {f"{name}.json": each for name, each in made.items()}


def metrics(shown: Mapping[str, Json]) -> frozenset[str]:
    """Return the names of the metrics that dashboards ask for: what is stored must have them all."""
    return frozenset(name for each in shown.values() for text in _questions(each) for name in _METRIC.findall(text))


def _questions(shown: Json) -> Iterator[str]:
    yield from (variable["query"]["query"] for variable in shown["templating"]["list"] if variable["type"] == "query")
    yield from (target["expr"] for panel in shown["panels"] for target in panel.get("targets", []))
