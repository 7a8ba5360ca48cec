"""Widgets of ours in a dashboard of theirs, one look at a time."""

import copy
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from rapids_eks.dashboard_widgets.handler.index import handler, key_of, looked, replaced
from rapids_eks.gpu_dashboard.widgets import Context, Metric, Widget, body

OWNER = "gpu0123"
THEIRS: list[dict[str, Any]] = [
    {"type": "text", "x": 0, "y": 0, "width": 24, "height": 2, "properties": {"markdown": "# Ours (not yours)"}},
    {"type": "metric", "properties": {"metrics": [["AWS/EC2", "CPUUtilization", {"id": "m1"}]], "region": "us-west-2"}},
    {"type": "log", "y": 8, "height": 4, "properties": {"query": "fields @message"}},
]


class ClientErrors:
    ClientError = ClientError


@dataclass
class FakeCloudWatch:
    """Dashboards by name; each writing may be undone by somebody else at once."""

    dashboards: dict[str, Any] = field(default_factory=dict)
    rival: dict[str, Any] | None = None
    refuses: str = ""
    writes: int = 0
    exceptions: type = ClientErrors

    def get_dashboard(self, DashboardName: str) -> dict[str, Any]:  # noqa: N803 - boto3's own
        code = self.refuses or ("" if DashboardName in self.dashboards else "ResourceNotFound")
        if code:
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetDashboard")
        return {"DashboardBody": json.dumps(self.dashboards[DashboardName])}

    def put_dashboard(self, DashboardName: str, DashboardBody: str) -> None:  # noqa: N803 - the same
        self.writes += 1
        self.dashboards[DashboardName], self.rival = self.rival or json.loads(DashboardBody), None


def ours(*titles: str) -> list[dict[str, Any]]:
    graphs = [Widget(title.lower(), 12, 6, title, metrics=[Metric(["S", "M"])]) for title in titles]
    return body([[Widget("about", 24, 3, text="About")], graphs], Context(OWNER, "us-west-2"))


def with_theirs(*, start: str = "-PT3H") -> FakeCloudWatch:
    return FakeCloudWatch({"ops": {"start": start, "widgets": copy.deepcopy(THEIRS)}})


def until_done(cloudwatch: FakeCloudWatch, wanted: list[dict[str, Any]]) -> None:
    for _ in range(5):
        if looked(cloudwatch, "ops", OWNER, wanted)["done"]:
            return
    raise AssertionError("it was never done")


def test_ours_come_below_theirs_which_stay_as_they_are() -> None:
    cloudwatch = with_theirs()
    until_done(cloudwatch, ours("One", "Two"))
    found = cloudwatch.dashboards["ops"]
    assert found["widgets"][:3] == THEIRS
    assert [each["y"] for each in found["widgets"][3:]] == [12, 15, 15]
    assert found["start"] == "-PT3H"
    assert cloudwatch.writes == 1


def test_ours_are_updated_where_they_have_been_moved_to() -> None:
    cloudwatch = with_theirs()
    until_done(cloudwatch, ours("One", "Two"))
    moved = cloudwatch.dashboards["ops"]["widgets"].pop()
    place = {"x": 5, "y": 40, "width": 9, "height": 9}
    cloudwatch.dashboards["ops"]["widgets"].insert(0, {**moved, **place})
    wanted = ours("One", "Two")
    wanted[2]["properties"]["title"] = "Renamed"
    until_done(cloudwatch, wanted)
    first = cloudwatch.dashboards["ops"]["widgets"][0]
    assert first["properties"]["title"] == "Renamed"
    assert {name: first[name] for name in place} == place


def test_what_is_no_longer_wanted_goes_and_what_is_new_comes_below() -> None:
    cloudwatch = with_theirs()
    until_done(cloudwatch, ours("One", "Two"))
    until_done(cloudwatch, ours("Two", "Three"))
    titles = [each["properties"].get("title") for each in cloudwatch.dashboards["ops"]["widgets"]]
    assert titles == [None, None, None, None, "Two", "Three"]


def test_deletion_leaves_theirs_alone_and_whole() -> None:
    cloudwatch = with_theirs()
    before = copy.deepcopy(cloudwatch.dashboards)
    until_done(cloudwatch, ours("One"))
    until_done(cloudwatch, [])
    assert cloudwatch.dashboards == before


def test_a_copy_that_somebody_has_made_of_ours_stays_as_it_is_when_ours_change_and_go() -> None:
    """The console copies a widget with the ids that ours are known by."""
    cloudwatch = with_theirs()
    until_done(cloudwatch, ours("One"))
    copies = copy.deepcopy(cloudwatch.dashboards["ops"]["widgets"][-2:])
    copies[1]["properties"]["metrics"].append([{"expression": f"{OWNER}_one_0 * 2", "id": "e1"}])
    cloudwatch.dashboards["ops"]["widgets"] += copies
    wanted = ours("One")
    wanted[1]["properties"]["title"] = "Renamed"
    until_done(cloudwatch, wanted)
    found = cloudwatch.dashboards["ops"]["widgets"]
    assert [each["properties"].get("title") for each in found[3:]] == [None, "Renamed", None, "One"]
    (of_metric, of_expression) = (line[-1] for line in found[-1]["properties"]["metrics"])
    assert of_expression["expression"] == f"{of_metric['id']} * 2", "within the copy all is as it was"
    until_done(cloudwatch, [])
    assert cloudwatch.dashboards["ops"]["widgets"] == [*THEIRS, *found[-2:]]


def test_a_copy_outlives_ours_where_nothing_was_changed_in_between() -> None:
    cloudwatch = with_theirs()
    until_done(cloudwatch, ours("One"))
    cloudwatch.dashboards["ops"]["widgets"].append(copy.deepcopy(cloudwatch.dashboards["ops"]["widgets"][-1]))
    until_done(cloudwatch, [])
    assert [each["properties"].get("title") for each in cloudwatch.dashboards["ops"]["widgets"]][3:] == ["One"]


def test_another_owner_s_widgets_are_theirs() -> None:
    cloudwatch = with_theirs()
    until_done(cloudwatch, ours("One"))
    other = body([[Widget("one", 12, 6, "One", metrics=[Metric(["S", "M"])])]], Context("gpu9", "us-west-2"))
    assert looked(cloudwatch, "ops", "gpu9", other)["done"] is False
    assert looked(cloudwatch, "ops", "gpu9", [])["done"] is False
    assert len(cloudwatch.dashboards["ops"]["widgets"]) == len(THEIRS) + 2


def test_what_a_rival_undoes_is_done_again() -> None:
    cloudwatch = with_theirs()
    cloudwatch.rival = {"widgets": THEIRS[:1]}
    until_done(cloudwatch, ours("One"))
    assert cloudwatch.writes == 2
    assert [key_of(each, OWNER) for each in cloudwatch.dashboards["ops"]["widgets"]] == ["", "about", "one"]


def test_nothing_is_written_where_all_is_as_wanted() -> None:
    cloudwatch = with_theirs()
    until_done(cloudwatch, ours("One"))
    until_done(cloudwatch, ours("One"))
    assert cloudwatch.writes == 1


def test_a_dashboard_that_is_not_there_is_told_but_no_obstacle_to_deletion() -> None:
    found = looked(FakeCloudWatch(), "ops", OWNER, ours("One"))
    assert "There is no dashboard ops" in found["failed"]
    assert looked(FakeCloudWatch(), "ops", OWNER, []) == {"done": True, "left": []}


def test_another_error_is_raised_to_be_tried_again() -> None:
    with pytest.raises(ClientError):
        looked(FakeCloudWatch(refuses="Throttling"), "ops", OWNER, [])


def test_too_many_widgets_are_told_before_anything_is_written() -> None:
    cloudwatch = FakeCloudWatch({"ops": {"widgets": THEIRS[:1] * 499}})
    assert "501 widgets" in looked(cloudwatch, "ops", OWNER, ours("One"))["failed"]
    assert cloudwatch.writes == 0


@pytest.mark.parametrize(("kind", "number"), [("Create", 5), ("Update", 5), ("Delete", 3)])
def test_a_request_is_done_as_its_type_says(kind: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    cloudwatch = with_theirs()
    monkeypatch.setattr("boto3.client", lambda _: cloudwatch)
    asked = {"Dashboard": "ops", "Owner": OWNER, "Widgets": json.dumps(ours("One"))}
    handler({"type": kind, "properties": asked}, None)
    assert len(cloudwatch.dashboards["ops"]["widgets"]) == number


PLACES = st.fixed_dictionaries(
    {}, optional={"x": st.integers(0, 12), "y": st.integers(0, 99), "height": st.integers(1, 9)}
)
FOREIGN = PLACES.map(lambda place: {"type": "text", **place, "properties": {"markdown": "theirs"}})


@given(st.lists(FOREIGN, max_size=6), st.lists(st.sampled_from(["One", "Two", "Three"]), unique=True))
def test_coming_and_going_changes_nothing_of_theirs(present: list[dict[str, Any]], titles: list[str]) -> None:
    merged = list(replaced(present, OWNER, ours(*titles)))
    assert [each for each in merged if not key_of(each, OWNER)] == present
    assert list(replaced(merged, OWNER, ours(*titles))) == merged
    assert list(replaced(merged, OWNER, [])) == present
