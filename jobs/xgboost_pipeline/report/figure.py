"""Charts as inline SVG whose colours are the page's own, so that they follow its light, dark and print styles."""

import io
import re
from collections.abc import Callable

from markupsafe import Markup, escape
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Matplotlib knows no CSS variables: each of these colours stands for one and is replaced by it in the SVG.
INK, MUTED, GRID = "#0a0b01", "#0a0b02", "#0a0b03"
MODEL, LOGISTIC, ROLL_RATE, OBSERVED = "#0a0b04", "#0a0b05", "#0a0b06", "#0a0b07"
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    MODEL: "--model",
    LOGISTIC: "--logistic",
    ROLL_RATE: "--roll-rate",
    OBSERVED: "--observed",
}
STYLE = {
    "svg.hashsalt": "report",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "legend.fontsize": 8,
}
SIZE = (4.7, 3.3)


def chart(name: str, description: str, draw: Callable[[Axes], None], size: tuple[float, float] = SIZE) -> Markup:
    """Return an SVG chart for a page; `description` is what a screen reader says. Same input, same bytes."""
    with rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.subplots())
        file = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    return Markup(_inline(file.getvalue(), name, description))  # noqa: S704 - Matplotlib escapes what it draws


def _inline(svg: str, name: str, description: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(xlink:href="|url\()#', rf"\g<1>#{name}-", svg)
    svg = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", svg)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var({variable})")
    head = f'<svg class="chart" role="img" aria-label="{escape(description)}"'
    return re.sub(
        r'<svg([^>]*?) width="[^"]*"',
        rf"{head}\1",
        re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1),
        count=1,
    )
