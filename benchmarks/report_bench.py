"""The bench's result as text: a table of medians with their range, ratios, and why the input is read how often."""

from typing import Any

COLUMNS = {
    "ETL CPU-s": ("etl_cpu", 1.0, "{:.1f}"),
    "train CPU-s": ("train_cpu", 1.0, "{:.1f}"),
    "total CPU-s": ("total_cpu", 1.0, "{:.1f}"),
    "ETL wall s": ("etl_wall", 1.0, "{:.1f}"),
    "total wall s": ("total_wall", 1.0, "{:.1f}"),
    "peak RSS GB": ("peak_rss", 1e9, "{:.2f}"),
}
RATIOS = {"ETL CPU": "etl_cpu", "total CPU": "total_cpu", "total wall": "total_wall", "peak RSS": "peak_rss"}
WHY = (
    "Ours parses the csv once: that pass types and checks every row and writes them as narrow parquet (the staged "
    "rows), which the counts, code books, label and table read in its place, a few columns at a time.\n"
    "The straightforward ETL parses the csv once too, and writes every field of it as parquet. On that it is evaluated "
    "twice, once to count the categories and once for the table, and each time it reads the parquet for the months, "
    "when loans were first late, the label, and what describes the loan."
)


def text(result: dict[str, Any]) -> str:
    """Return the report of a result as bench.json holds it."""
    options = result["options"]
    head = (
        f"{options['rows']:,} rows, {result['input_bytes'] / 1e9:.2f} GB of csv, {options['rounds']} trees, heap "
        f"{options['heap']}, {result['machine']['cpus']} CPUs; medians of {options['runs']} alternating runs "
        "(lowest-highest)"
    )
    return "\n".join([head, *_table(result), "", *_ratios(result["medians"]), "", *_passes(result), WHY])


def _table(result: dict[str, Any]) -> list[str]:
    rows = [["", *COLUMNS]]
    rows += [[name, *(_cell(runs, *column) for column in COLUMNS.values())] for name, runs in result["runs"].items()]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _cell(runs: list[dict[str, float]], key: str, unit: float, form: str) -> str:
    values = sorted(run[key] / unit for run in runs)
    middle = (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2
    return form.format(middle) + (f" ({form.format(values[0])}-{form.format(values[-1])})" if len(values) > 1 else "")


def _ratios(medians: dict[str, dict[str, float]]) -> list[str]:
    theirs, ours, forward = (medians[name] for name in ("straightforward", "ours reference", "ours forward"))
    less = ", ".join(f"{name} {theirs[key] / ours[key]:.1f}x" for name, key in RATIOS.items())
    more = ", ".join(f"{name} {forward[key] / ours[key]:.2f}x" for name, key in RATIOS.items())
    return [
        f"straightforward / ours on the same work: {less}",
        f"forward with payment history / ours on the reference: {more}",
    ]


def _passes(result: dict[str, Any]) -> list[str]:
    times = {name: taken["csv_bytes"] / result["input_bytes"] for name, taken in result["medians"].items()}
    return ["passes over the csv (bytes read / bytes): " + ", ".join(f"{n} {count:.2f}" for n, count in times.items())]
