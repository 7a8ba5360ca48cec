"""Metrics Insights: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean

from rehearsal.services.cloudwatch.queries.samples import (
    Archive,
    Line,
    NotKnownError,
    Series,
    Span,
    recent,
    together,
)
from rehearsal.services.cloudwatch.queries.tokens import tokenized

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-limits.html
MOST_METRICS, MOST_SERIES = 10_000, 500
SCORES: Mapping[str, Callable[[Iterable[float]], float]] = {
    "AVG": fmean,
    "MAX": max,
    "MIN": min,
    "SUM": sum,
    "COUNT": sum,
}
STATISTICS = {"AVG": "Average", "COUNT": "SampleCount", "MAX": "Maximum", "MIN": "Minimum", "SUM": "Sum"}
TOKEN = re.compile(r"""\s*(?:(?P<name>"[^"]+"|\w+)|(?P<text>'[^']*')|(?P<sign><>|!=|[(),=]))""")
RESERVED = {"SELECT", "FROM", "SCHEMA", "WHERE", "AND", "GROUP", "ORDER", "BY", "ASC", "DESC", "LIMIT"}


class TooManyError(ValueError):
    """A query that CloudWatch would answer in part only."""


@dataclass(frozen=True)
class Query:
    """A query, read."""

    statistic: str
    metric: str
    namespace: str
    dimensions: tuple[str, ...] | None  # None is any
    where: tuple[tuple[str, bool, str], ...] = ()  # dimension, whether it is to be equal, value
    group: tuple[str, ...] = ()
    order: tuple[str, bool] | None = None  # statistic, whether the highest come first
    limit: int | None = None


def parse(text: str) -> Query:
    """Read a query; raises NotKnownError for what is not in the language."""
    return _Parser(list(tokenized(text, TOKEN)), text).query()


def evaluate(text: str, archive: Archive, span: Span) -> list[Line]:
    """Return the lines that a query has data for; raises TooManyError where CloudWatch would leave some out."""
    query = parse(text)
    matched = recent(_matching(query, archive), span)
    if len(matched) > MOST_METRICS:
        raise TooManyError(f"{len(matched)} metrics match, of which {MOST_METRICS} would be processed: {text}")
    groups: dict[tuple[str, ...], list[Series]] = {}
    for each in matched:
        groups.setdefault(tuple(each.dimensions.get(name, "Other") for name in query.group), []).append(each)
    lines = [
        Line(" ".join(group) or query.metric, values, group)
        for group, members in groups.items()
        if (values := together(members, query.statistic, span))
    ]
    return _ordered(query, lines)


def _matching(query: Query, archive: Archive) -> Iterator[Series]:
    if query.dimensions is None:
        raise NotKnownError(
            f"a query of all of {query.namespace}, whatever the dimensions, would add roll-ups to what they are made "
            "of: use SCHEMA"
        )
    for each in archive.exactly(query.namespace, query.metric, query.dimensions):
        if all((each.dimensions.get(name) == value) == equal for name, equal, value in query.where):
            yield each


def _ordered(query: Query, lines: list[Line]) -> list[Line]:
    most = min(query.limit or MOST_SERIES, MOST_SERIES)
    lines = sorted(lines, key=lambda each: each.group)
    if query.order is None:
        if len(lines) > most:
            raise TooManyError(f"{len(lines)} series and no ORDER BY: nobody can tell which {most} would come")
        return lines
    function, highest_first = query.order
    return sorted(lines, key=lambda each: SCORES[function](each.values.values()), reverse=highest_first)[:most]


class _Parser:
    """Reads a query from its tokens, first to last."""

    def __init__(self, tokens: list[str], text: str) -> None:
        self._tokens, self._text = tokens, text

    def query(self) -> Query:
        """Return all of it; what is left over at the end is no query."""
        self._words("SELECT")
        function = self._function()
        self._words("(")
        metric = self._identifier()
        self._words(")", "FROM")
        namespace, dimensions = self._source()
        query = Query(
            function,
            metric,
            namespace,
            dimensions,
            tuple(self._conditions()) if self._take("WHERE") else (),
            tuple(self._list()) if self._take("GROUP", "BY") else (),
            self._order() if self._take("ORDER", "BY") else None,
            self._limit() if self._take("LIMIT") else None,
        )
        if self._tokens:
            raise self._unknown(self._tokens[0])
        return query

    def _source(self) -> tuple[str, tuple[str, ...] | None]:
        if not self._take("SCHEMA"):
            return self._identifier(), None
        self._words("(")
        namespace, *dimensions = self._list()
        self._words(")")
        return namespace, tuple(dimensions)

    def _conditions(self) -> Iterator[tuple[str, bool, str]]:
        while True:
            name, sign, value = self._identifier(), self._next(), self._next()
            if sign not in ("=", "!=", "<>") or not value.startswith("'"):
                raise self._unknown(f"{name} {sign} {value}")
            yield name, sign == "=", value[1:-1]
            if not self._take("AND"):
                return

    def _list(self) -> Iterator[str]:
        yield self._identifier()
        while self._take(","):
            yield self._identifier()

    def _order(self) -> tuple[str, bool]:
        function = self._next().upper()
        if function not in STATISTICS:
            raise self._unknown(function)
        self._words("(", ")")
        highest_first = self._take("DESC")
        if not highest_first:
            self._take("ASC")
        return function, highest_first

    def _limit(self) -> int:
        number = self._next()
        if not number.isdigit():
            raise self._unknown(number)
        return int(number)

    def _function(self) -> str:
        name = self._next().upper()
        if name not in STATISTICS:
            raise self._unknown(name)
        return STATISTICS[name]

    def _identifier(self) -> str:
        word = self._next()
        if word.startswith('"'):
            return word[1:-1]
        if not re.fullmatch(r"\w+", word) or word.upper() in RESERVED:
            raise self._unknown(word)
        return word

    def _next(self) -> str:
        if not self._tokens:
            raise self._unknown("its end")
        return self._tokens.pop(0)

    def _take(self, *words: str) -> bool:
        if [each.upper() for each in self._tokens[: len(words)]] != list(words):
            return False
        del self._tokens[: len(words)]
        return True

    def _words(self, *words: str) -> None:
        if not self._take(*words):
            raise self._unknown(" ".join(self._tokens[: len(words)]) or "its end")

    def _unknown(self, what: str) -> NotKnownError:
        return NotKnownError(f"{what!r} is not expected there in the query {self._text!r}")
