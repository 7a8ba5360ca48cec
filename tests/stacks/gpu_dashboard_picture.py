"""Draws the dashboard of docs/gpu-dashboard.md: the template's widgets, with what the evaluator finds for them.

PYTHONPATH=tests/support .venv/bin/python -m tests.stacks.gpu_dashboard_picture docs/gpu-dashboard.png
"""

import io
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib as mpl
from gpu_archive import NOW, Fleet
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from rehearsal.services.cloudwatch.queries.samples import Archive, Line, Span
from rehearsal.services.cloudwatch.queries.widgets import lines
from tests.stacks.gpu_dashboard_stack import dashboards, synthesized

COLUMNS, UNIT = 24, 0.5  # inches of a column; a row is as high
SHOWN = 6  # labels of a legend
RANGE = Span(NOW - 3600, NOW)


def drawn(widgets: list[dict[str, Any]], archive: Archive) -> Figure:
    """Return a figure with an axis for each widget."""
    rows = max(each["y"] + each["height"] for each in widgets)
    figure = Figure(figsize=(COLUMNS * UNIT, rows * UNIT), facecolor="#f4f5f6")
    for each in widgets:
        left, top = each["x"] / COLUMNS, 1 - each["y"] / rows
        width, height = each["width"] / COLUMNS, each["height"] / rows
        border = (0.4 / COLUMNS, 0.5 / rows)
        place = (left + border[0] * 2, top - height + border[1], width - border[0] * 3, height - border[1] * 2.2)
        _draw(figure.add_axes(place), each, archive)
    return figure


def _draw(axis: Axes, widget: dict[str, Any], archive: Archive) -> None:
    properties = widget["properties"]
    axis.set_title(properties.get("title", ""), loc="left", fontsize=8, fontweight="bold")
    if widget["type"] != "metric":
        _words(axis, properties)
    elif properties["view"] == "singleValue":
        _numbers(axis, lines(widget, archive, RANGE))
    else:
        _lines(axis, lines(widget, archive, RANGE), properties)


def _words(axis: Axes, properties: dict[str, Any]) -> None:
    axis.axis("off")
    text = properties.get("markdown") or "OK  " * len(properties["alarms"])
    plain = re.sub(r"\n*\[//\].*|^[*#] |\*", "", text, flags=re.MULTILINE)
    axis.text(0, 0.95, plain, va="top", fontsize=7, transform=axis.transAxes)


def _numbers(axis: Axes, found: list[Line]) -> None:
    axis.axis("off")
    for at, each in enumerate(found):
        place = (at + 0.1) / len(found)
        axis.text(place, 0.5, f"{list(each.values.values())[-1]:,.0f}", fontsize=16, transform=axis.transAxes)
        axis.text(place, 0.15, each.label, fontsize=7, color="#555", transform=axis.transAxes)


def _lines(axis: Axes, found: list[Line], properties: dict[str, Any]) -> None:
    for number, each in enumerate(found):
        minutes = [(second - RANGE.start) / 60 for second in each.values]
        label = re.sub(r"0{8,}", "..", each.label)
        side = axis.twinx() if label.endswith("(right)") else axis
        (line,) = side.plot(minutes, list(each.values.values()), linewidth=0.9, color=f"C{number}", label=label)
        if side is not axis:
            side.tick_params(labelsize=6, length=2)
            side.set_ylim(bottom=0)
            axis.add_line(Line2D([], [], color=line.get_color(), label=label))
    for across in properties.get("annotations", {}).get("horizontal", []):
        axis.axhline(across["value"], color="#c0392b", linewidth=0.8, linestyle="--", label=across["label"])
    highest = properties["yAxis"]["left"].get("max")
    axis.set_ylim(bottom=0, top=highest and highest * 1.05)  # a line at the very top would lie on the frame
    axis.set_ylabel(properties["yAxis"]["left"].get("label", ""), fontsize=6, labelpad=1)
    axis.tick_params(labelsize=6, length=2)
    handles, labels = axis.get_legend_handles_labels()
    axis.legend(handles[:SHOWN], labels[:SHOWN], fontsize=5, loc="lower left", ncols=2, framealpha=0.7)


def main(target: Path) -> None:
    """Write the picture of a fleet of 64 GPUs."""
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    mpl.use("agg")
    with tempfile.TemporaryDirectory() as folder:
        widgets = dashboards(synthesized(Path(folder)))["demo-gpu"]["widgets"]
    whole = io.BytesIO()
    drawn(widgets, Fleet(64, minutes=60, gone_nodes=4).archive()).savefig(whole, dpi=80)
    Image.open(whole).convert("RGB").quantize(48).save(target, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
