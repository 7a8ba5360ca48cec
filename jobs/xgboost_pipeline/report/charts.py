"""Which charts a report has, and how each is drawn."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator, PercentFormatter

from xgboost_pipeline.report.figure import GRID, INK, LOGISTIC, MODEL, MUTED, OBSERVED, ROLL_RATE, SIZE, chart
from xgboost_pipeline.report.ladder import Rung
from xgboost_pipeline.report.text import decimal, percent

SCORES = (
    ("roll_rate", "roll-rate table", ROLL_RATE),
    ("logistic", "logistic", LOGISTIC),
    ("probability", "model", MODEL),
)
SHOWN_FEATURES = 18
Metrics = dict[str, Any]


def roc(metrics: Metrics) -> Markup:
    """Draw true against false positive rate of the model and both baselines."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=":")
        _scores(axes, metrics, "roc", ("false_positive_rate", "true_positive_rate"), "roc_auc")
        _labels(axes, "share of good loans flagged", "share of defaults caught")
        axes.legend(loc="lower right")

    return chart("roc", f"ROC curve, area {decimal(metrics['roc_auc'])}", draw)


def precision_recall(metrics: Metrics) -> Markup:
    """Draw precision against recall of the model and both baselines, with the base rate."""

    def draw(axes: Axes) -> None:
        axes.axhline(metrics["base_rate"], color=MUTED, linewidth=1, linestyle=":", label="base rate")
        _scores(axes, metrics, "pr", ("recall", "precision"), "pr_auc")
        _labels(axes, "share of defaults caught (recall)", "precision")
        axes.legend(loc="upper right")

    return chart("pr", f"Precision-recall curve, average precision {decimal(metrics['pr_auc'])}", draw)


def gains(metrics: Metrics) -> Markup:
    """Draw the share of defaults caught against the share of rows looked at, riskiest first."""

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=":")
        axes.axvline(0.1, color=MUTED, linewidth=1)
        _scores(axes, metrics, "gains", ("depth", "captured"), "top_decile_capture")
        _labels(axes, "share of loan months looked at, riskiest first", "share of defaults caught")
        axes.legend(loc="lower right", title="caught in the first 10 %", alignment="left")

    return chart("gains", f"Gains curve, {percent(metrics['top_decile_capture'])} caught in the first tenth", draw)


def ks(metrics: Metrics) -> Markup:
    """Draw the shares of defaults and of good loans found, and the widest gap between them."""
    curve = metrics["curves"]["probability"]["ks"]

    def draw(axes: Axes) -> None:
        if curve:
            _gap(axes, curve)
        _labels(axes, "share of loan months looked at, riskiest first", "share found")

    return chart("ks", f"Kolmogorov-Smirnov chart, widest gap {decimal(metrics['ks'])}", draw)


def calibration(metrics: Metrics) -> Markup:
    """Draw observed against predicted in tenths of the rows by predicted risk, on logarithmic axes."""
    tenths = [row for row in metrics["calibration"] if row["predicted"] and row["observed"]]

    def draw(axes: Axes) -> None:
        values = [row[name] for row in tenths for name in ("predicted", "observed")] or [0.01, 1.0]
        ends = [min(values) / 1.5, min(max(values) * 1.5, 1.0)]
        axes.plot(ends, ends, color=MUTED, linewidth=1, linestyle=":")
        axes.plot(
            [r["predicted"] for r in tenths], [r["observed"] for r in tenths], color=MODEL, marker="o", markersize=5
        )
        axes.set(xscale="log", yscale="log", xlabel="predicted", ylabel="observed")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
        axes.minorticks_off()

    return chart("calibration", "Observed against predicted default rate by tenth of predicted risk", draw)


def quarters(metrics: Metrics) -> Markup:
    """Draw predicted and observed default rates per quarter."""
    rows = metrics["quarters"]

    def draw(axes: Axes) -> None:
        places = list(range(len(rows)))
        axes.bar([p - 0.19 for p in places], [r["predicted"] for r in rows], 0.36, color=MODEL, label="predicted")
        axes.bar([p + 0.19 for p in places], [r["observed"] for r in rows], 0.36, color=OBSERVED, label="observed")
        axes.set_xticks(places, [r["quarter"] for r in rows])
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        axes.grid(visible=False, axis="x")
        axes.set_ylim(0, 1.28 * max(max(r["predicted"], r["observed"]) for r in rows) or 1)
        axes.legend(loc="upper right", ncols=2)

    return chart("quarters", "Predicted and observed default rate per quarter", draw)


def importance(gain: dict[str, float]) -> Markup:
    """Draw the features of highest gain as shares of all gain."""
    total = sum(gain.values()) or 1.0
    top = sorted(gain.items(), key=lambda item: (-item[1], item[0]))[:SHOWN_FEATURES][::-1]

    def draw(axes: Axes) -> None:
        axes.barh([_shortened(name) for name, _ in top], [value / total for _, value in top], color=MODEL, height=0.62)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("share of total gain")

    best = top[-1][0] if top else "none"
    return chart("importance", f"Feature importance by gain, highest: {best}", draw, (SIZE[0], 0.7 + 0.21 * len(top)))


def learning(history: dict[str, list[float]], best: int) -> Markup:
    """Draw log loss by round on training and validation loans, and the round that was kept."""

    def draw(axes: Axes) -> None:
        for name, colour in (("train", LOGISTIC), ("validation", MODEL)):
            losses = history.get(name, [])
            axes.plot(range(1, len(losses) + 1), losses, color=colour, label=name)
        axes.axvline(best + 1, color=INK, linewidth=1, linestyle=":", label=f"best round: {best + 1}")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="round (trees)", ylabel="log loss")
        axes.legend(loc="best")

    return chart("learning", f"Learning curve, best round {best + 1}", draw)


def ladder(rungs: Sequence[Rung]) -> Markup:
    """Draw ROC AUC with its interval on each rung that has a model, most flattering first."""
    given = [(rung, rung.model.metrics) for rung in rungs if rung.model and rung.model.metrics["roc_auc"] is not None]

    def draw(axes: Axes) -> None:
        for place, (rung, metrics) in enumerate(given):
            _rung(axes, place, metrics, MODEL if rung.main else MUTED)
        axes.plot([m["roc_auc"] for _, m in given], range(len(given)), color=GRID, zorder=1)
        axes.set_yticks(range(len(given)), [rung.name.replace(" label", "") for rung, _ in given])
        axes.set_ylim(max(len(given), 1) - 0.5, -0.5)
        axes.set_xlim(right=1.005)
        axes.margins(x=0.12)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("ROC AUC, with 95 % interval")

    said = "; ".join(f"{rung.name}: {decimal(metrics['roc_auc'])}" for rung, metrics in given)
    return chart("ladder", f"ROC AUC on each rung. {said}", draw, (SIZE[0], 0.8 + 0.55 * max(len(given), 1)))


def _rung(axes: Axes, place: int, metrics: Metrics, colour: str) -> None:
    low, high = metrics["intervals"]["roc_auc"]
    area = metrics["roc_auc"]
    if low is not None:
        axes.plot([low, high], [place, place], color=colour, linewidth=2.4, solid_capstyle="round", zorder=2)
    axes.plot([area], [place], color=colour, marker="o", markersize=7, zorder=3)
    axes.annotate(decimal(area), (area, place), (0, 8), textcoords="offset points", ha="center", color=INK)


def _gap(axes: Axes, curve: dict[str, list[float]]) -> None:
    axes.plot(curve["depth"], curve["positives"], color=MODEL, label="defaults")
    axes.plot(curve["depth"], curve["negatives"], color=OBSERVED, label="good loans")
    gaps = [found - lost for found, lost in zip(curve["positives"], curve["negatives"], strict=True)]
    widest = gaps.index(max(gaps))
    ends = [curve["negatives"][widest], curve["positives"][widest]]
    axes.plot([curve["depth"][widest]] * 2, ends, color=INK, linewidth=1.4, label=f"widest gap {gaps[widest]:.3f}")
    axes.legend(loc="lower right")


def _scores(axes: Axes, metrics: Metrics, curve: str, ends: tuple[str, str], measure: str) -> None:
    """Draw one curve of the baselines and of the model, each named with its measure."""
    for name, title, colour in SCORES:
        points = metrics["curves"][name][curve]
        value = (metrics if name == "probability" else metrics["baselines"][name])[measure]
        style = "steps-pre" if curve == "pr" else "default"  # between two cuts precision is not a straight line
        label = f"{title} {decimal(value)}"
        axes.plot(points.get(ends[0], []), points.get(ends[1], []), color=colour, label=label, drawstyle=style)


def _labels(axes: Axes, x: str, y: str) -> None:
    axes.set(xlabel=x, ylabel=y, xlim=(-0.01, 1.01), ylim=(0, 1.02))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _shortened(name: str, limit: int = 28) -> str:
    return name.replace("$", r"\$") if len(name) <= limit else name[: limit - 1].replace("$", r"\$") + "…"
