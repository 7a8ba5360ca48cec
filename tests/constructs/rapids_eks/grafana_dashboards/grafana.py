"""What Grafana does with a dashboard: fills in the variables, asks for each panel, and names the series."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rehearsal.prometheus.server import Prometheus, Series

STEP, SCRAPED = 60, 30  # seconds: between two points of a panel, and between two samples
HOUR = 3600.0
Json = Mapping[str, Any]
ALL = "$__all"


@dataclass(frozen=True)
class View:
    """A dashboard that shows the hour up to `end`, with what is chosen of each variable; by default all."""

    prometheus: Prometheus
    dashboard: Json
    end: float
    chosen: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def options(self, name: str) -> list[str]:
        """Return what a variable's own query offers."""
        variable = self._variable(name)
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
        assert found, variable["query"]
        window = {"match[]": self.substituted(found[1]), "start": str(self.end - HOUR), "end": str(self.end)}
        return [str(each) for each in self.prometheus.api(f"label/{found[2]}/values", window)]

    def substituted(self, text: str) -> str:
        """Return the text with variables as Grafana fills them in: a choice of some is a regular expression."""
        intervals = {"$__rate_interval": f"{max(STEP + SCRAPED, 4 * SCRAPED)}s", "$__interval": f"{STEP}s"}
        for name, value in intervals.items():
            text = text.replace(name, value)
        names = [each["name"] for each in self.dashboard["templating"]["list"] if each["type"] == "query"]
        return re.sub(rf"\$({'|'.join(names)})\b", lambda found: self._filled_in(found[1]), text) if names else text

    def asked(self, panel: Json) -> dict[str, Series]:
        """Return what a panel shows, by the series' names; two of one name cannot be told apart, and are refused."""
        shown: dict[str, Series] = {}
        for target in panel["targets"]:
            for series in self._answer(target):
                name = legend(target["legendFormat"], series.labels)
                assert name not in shown, f"{panel['title']}: two series are called {name!r}"
                shown[name] = series
        return shown

    def rows(self, panel: Json) -> list[dict[str, str | float]]:
        """Return the rows of a table, under its columns' titles and in their order, after its transformations.

        A field that is neither hidden nor placed is a column under its own name after the others, as Grafana has it.
        """
        merge, organize = panel["transformations"]
        assert (merge["id"], organize["id"]) == ("merge", "organize")
        options = organize["options"]
        hidden, titles, order = options["excludeByName"], options["renameByName"], options["indexByName"]
        rows: dict[tuple[tuple[str, str], ...], dict[str, str | float]] = {}
        for target in panel["targets"]:
            assert target["format"] == "table"
            value = f"Value #{target['refId']}" if len(panel["targets"]) > 1 else "Value"
            for series in self._answer(target):
                row = rows.setdefault(tuple(sorted(series.labels.items())), {"Time": self.end, **series.labels})
                row[value] = series.value
        shown = [
            sorted(set(row) - {name for name in hidden if hidden[name]}, key=_place(order)) for row in rows.values()
        ]
        return [
            {titles.get(name, name): row[name] for name in names}
            for names, row in zip(shown, rows.values(), strict=True)
        ]

    def _answer(self, target: Json) -> list[Series]:
        assert target["instant"] != target["range"]
        expression = self.substituted(target["expr"])
        if target["instant"]:
            return self.prometheus.query(expression, self.end)
        return self.prometheus.query_range(expression, self.end - HOUR, self.end, STEP)

    def _variable(self, name: str) -> Json:
        return next(each for each in self.dashboard["templating"]["list"] if each["name"] == name)

    def _filled_in(self, name: str) -> str:
        values = self.chosen.get(name, [ALL])
        if list(values) == [ALL]:
            return str(self._variable(name)["allValue"])
        escaped = [re.sub(r"([.*+?^${}()|\[\]\\])", r"\\\\\1", each) for each in values]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _place(order: Mapping[str, int]) -> Callable[[str], tuple[int, str]]:
    return lambda name: (order.get(name, len(order)), name)


def columns(panel: Json) -> dict[str, dict[str, Any]]:
    """Return the columns of a table in their order, each with its unit and the address of its link, if it has them."""
    options = panel["transformations"][1]["options"]
    titles = [options["renameByName"][name] for name in sorted(options["indexByName"], key=options["indexByName"].get)]
    found: dict[str, dict[str, Any]] = {title: {} for title in titles}
    for each in panel["fieldConfig"]["overrides"]:
        assert each["matcher"]["id"] == "byName"
        found[each["matcher"]["options"]] |= {one["id"]: one["value"] for one in each["properties"]}
    return found


def legend(template: str, labels: Mapping[str, str]) -> str:
    """Return a series' name: https://github.com/grafana/grafana/blob/main/pkg/promlib/querydata/response.go."""
    return re.sub(r"\{\{(.*?)\}\}", lambda found: labels.get(found[1].strip(), ""), template)


def panels(dashboard: Json) -> dict[str, Json]:
    """Return the panels that show something, by their titles."""
    found = {each["title"]: each for each in dashboard["panels"] if each["type"] != "row"}
    assert len(found) == sum(each["type"] != "row" for each in dashboard["panels"]), "two panels have one title"
    return found
