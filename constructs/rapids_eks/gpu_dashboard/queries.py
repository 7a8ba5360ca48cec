"""What a dashboard asks CloudWatch for.

A search finds the metrics of the last two weeks, live or not, and shows 500 of them, so that nodes that are gone crowd
out those that are there. A query of Metrics Insights shows what has data, by rank:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-limits.html
"""

from typing import Literal

from rapids_eks.gpu_dashboard.metrics import Level, Source

Function = Literal["AVG", "MAX", "MIN", "SUM"]
SHOWN = 20  # lines that a graph can be read with


def ranked(
    source: Source,
    level: Level,
    metric: str,
    function: Function,
    *,
    lowest: bool = False,
    by_sum: bool = False,
    limit: int = SHOWN,
) -> str:
    """Return a query for the highest, or lowest, of a level; each is one line.

    Ranked `by_sum`, what was there for minutes stays behind what was there all the time.
    """
    dimensions = source.dimensions_of(level, metric)
    grouped = ", ".join(each for each in dimensions if each not in source.known)
    schema = ", ".join([_quoted(source.namespace), *dimensions])
    rank, order = "SUM" if by_sum else function, "ASC" if lowest else "DESC"
    clauses = [
        f"SELECT {function}({metric})",
        f"FROM SCHEMA({schema})",
        f"GROUP BY {grouped}",
        f"ORDER BY {rank}() {order}",
        f"LIMIT {limit}",
    ]
    return " ".join(clauses)


def search(source: Source, level: Level, metric: str, statistic: str) -> str:
    """Return a search for a level of which there are few, like teams."""
    schema = ",".join([_quoted(source.namespace), *source.dimensions_of(level, metric)])
    return f"SEARCH('{{{schema}}} MetricName=\"{metric}\"', '{statistic}')"


def _quoted(namespace: str) -> str:
    """Return a namespace with the quotes that other signs than letters, digits and underscores need."""
    return f'"{namespace}"'
