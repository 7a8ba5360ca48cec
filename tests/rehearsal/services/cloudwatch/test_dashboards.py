"""Dashboards that the emulator would keep, whatever is in them."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.world import World

GRAPH = {"metrics": [["S", "M", "A", "a"]], "region": "us-west-2"}


def put(world: World, body: str) -> Any:  # noqa: ANN401 - boto3's answer
    return world.client("cloudwatch").put_dashboard(DashboardName="ops", DashboardBody=body)


def test_a_dashboard_is_kept_as_it_was_given(world: World) -> None:
    body = json.dumps({"widgets": [{"type": "metric", "properties": GRAPH}]})
    put(world, body)
    assert world.client("cloudwatch").get_dashboard(DashboardName="ops")["DashboardBody"] == body


@pytest.mark.parametrize(
    "body",
    ["no JSON", json.dumps({"widgets": [{"type": "metric", "properties": {**GRAPH, "metrics": [["S", "M", "A"]]}}]})],
)
def test_what_is_no_dashboard_is_refused(body: str, world: World) -> None:
    with pytest.raises(ClientError, match="DashboardBody must be a valid JSON object"):
        put(world, body)
