from pathlib import Path

from gpu_archive import Fleet

from tests.stacks.gpu_dashboard_picture import drawn
from tests.stacks.gpu_dashboard_stack import dashboards, synthesized


def test_the_picture_of_the_documentation_shows_every_widget(tmp_path: Path) -> None:
    widgets = dashboards(synthesized(tmp_path))["demo-gpu"]["widgets"]
    figure = drawn(widgets, Fleet(16).archive())
    titles = {axis.get_title(loc="left") for axis in figure.axes}
    assert {each["properties"].get("title", "") for each in widgets} <= titles
