"""The counters file is one that the exporter reads, and has every field that anything of ours asks for."""

import csv
import io
import re

import dcgm_text
import pytest

from dcgm_cloudwatch import measures
from rapids_eks import kept_series
from rapids_eks.gpu_metrics import counters, scraping
from rapids_eks.gpu_metrics.recordings import recordings
from rapids_eks.gpu_metrics.rules import KUBERNETES_SERIES, data
from rapids_eks.gpu_operator import values
from rapids_eks.grafana_dashboards.dashboards import dashboards
from rapids_eks.grafana_dashboards.dashboards import metrics as shown_by

FIELDS = re.compile(r"DCGM_(?:FI|EXP)_[A-Z0-9_]+")
PUBLISHED = {each.field for each in counters.COUNTERS if each.kind != "label"}
OLDER = {"DCGM_FI_DEV_CLOCK_THROTTLE_REASONS"}  # DCGM 3's name, which head nodes may still have
KNOWN = PUBLISHED | OLDER | {each.field for each in counters.RENAMED.values()}
USERS = {
    "rules": set(FIELDS.findall(data())),
    "dashboards": {name for name in shown_by(dashboards()) if name.startswith("DCGM_")},
    "exporter": {
        spelling.field
        for measure in vars(measures).values()
        if isinstance(measure, measures.Measure)
        for spelling in measure.spellings
    },
}


@pytest.mark.parametrize("user", USERS)
def test_every_field_that_is_asked_for_is_published(user: str) -> None:
    assert USERS[user], "what asks for nothing proves nothing"
    assert USERS[user] <= KNOWN


@pytest.mark.parametrize("user", USERS)
def test_whoever_asks_for_a_renamed_field_asks_for_both_names(user: str) -> None:
    half = {old for old, new in counters.RENAMED.items() if (old in USERS[user]) != (new.field in USERS[user])}
    assert not half


def test_the_file_has_three_columns_as_the_exporter_demands() -> None:
    rows = list(csv.reader(io.StringIO(counters.csv()), skipinitialspace=False))
    assert all(len(row) == 3 for row in rows)
    assert [row[0] for row in rows] == [each.field for each in counters.COUNTERS]
    assert {row[1].strip() for row in rows} == {"gauge", "counter", "label"}
    assert not re.search(r'["#\t]', counters.csv())  # quotes after a blank are an error, and # begins a comment
    assert len(PUBLISHED) == len(counters.COUNTERS) - 1


def test_what_only_grows_is_a_counter_and_nothing_else() -> None:
    kinds = {each.field: each.kind for each in counters.COUNTERS if each.kind != "label"}
    grows = ("_TOTAL", "_CONSUMPTION", "_VIOLATION", "_ROWS")
    assert {name for name, kind in kinds.items() if kind == "counter"} == {n for n in kinds if n.endswith(grows)}


def test_the_fixtures_are_of_what_is_published() -> None:
    assert dcgm_text.BUSY.keys() <= PUBLISHED
    # A10Gs have no thermometer in their memory, and no XID has come
    assert PUBLISHED - dcgm_text.BUSY.keys() == {"DCGM_FI_DEV_MEMORY_TEMP", "DCGM_EXP_XID_ERRORS_TOTAL"}
    assert dcgm_text.RENAMED.keys() == counters.RENAMED.keys()
    for old, (name, factor) in dcgm_text.RENAMED.items():
        assert counters.RENAMED[old].field == name
        assert counters.RENAMED[old].factor * factor == pytest.approx(1)


def test_a_change_of_the_file_is_a_new_object_for_the_exporter(monkeypatch: pytest.MonkeyPatch) -> None:
    def config() -> dict[str, str]:
        found: dict[str, str] = values({"a": "b"}, {}, "none", driver_on_nodes=True)["dcgmExporter"]["config"]
        return found

    before = config()
    assert before["data"] == counters.csv()
    monkeypatch.setattr(counters, "COUNTERS", counters.COUNTERS[:-1])
    assert config()["name"] != before["name"]


def test_what_the_rules_read_reaches_the_workspace() -> None:
    keep = next(each for each in kept_series.relabelings([]) if each["action"] == "keep")
    names = USERS["rules"] | set(KUBERNETES_SERIES)
    assert {name for name in names if not re.fullmatch(str(keep["regex"]), f"{name};")} == set()
    recorded = {each.name for each in recordings()}
    read = set(re.findall(r"\b(?:gpu|team|cluster):[a-z_]+:[a-z]+", data()))
    assert read <= recorded
    assert all(each in data() for each in KUBERNETES_SERIES)
    assert f"{kept_series.INTERVAL}s" == scraping.INTERVAL  # what the price is reckoned with
