"""SEARCH: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from rehearsal.services.cloudwatch.queries.insights import TooManyError
from rehearsal.services.cloudwatch.queries.samples import Archive, Line, NotKnownError, Series, Span, line, recent

MOST_SERIES, LONGEST = 500, 1024
SCHEMA = re.compile(r"\s*\{(?P<parts>[^}]*)\}\s*(?P<terms>.*)", re.DOTALL)
PART = re.compile(r'"(?P<quoted>[^"]+)"|(?P<plain>\w+)')
TERM = re.compile(r'(?P<name>\w+)\s*=\s*"(?P<value>[^"]*)"')


@dataclass(frozen=True)
class Search:
    """A search, read: what must be the dimensions' names, the metric's name, and values of dimensions."""

    namespace: str
    dimensions: tuple[str, ...]
    terms: tuple[tuple[str, str], ...]


def parse(text: str) -> Search:
    """Read a search; only a schema with exact terms is rehearsed, for whatever else is found by parts of words."""
    if len(text) > LONGEST:
        raise NotKnownError(f"a search of {len(text)} characters is refused: {LONGEST} are allowed")
    found = SCHEMA.fullmatch(text)
    if not found:
        raise NotKnownError(f"a search without a schema is not rehearsed: {text!r}")
    namespace, *dimensions = _parts(found["parts"])
    return Search(namespace, tuple(dimensions), tuple(_terms(found["terms"])))


def evaluate(text: str, statistic: str, archive: Archive, span: Span) -> list[Line]:
    """Return a line for each metric that is found, also for those that have no data in the span.

    Raises TooManyError where CloudWatch would leave metrics out: it finds those of two weeks, live or not.
    """
    search = parse(text)
    found = recent(_matching(search, archive), span)
    if len(found) > MOST_SERIES:
        raise TooManyError(f"{len(found)} metrics of the last two weeks match, {MOST_SERIES} would be shown: {text}")
    found.sort(key=lambda each: each.label)
    return [replace(line(each, statistic, span), dimensions=each.dimensions) for each in found]


def _matching(search: Search, archive: Archive) -> Iterator[Series]:
    names = [value for name, value in search.terms if name == "MetricName"]
    wanted = [term for term in search.terms if term[0] != "MetricName"]
    for name in names or archive.names(search.namespace, search.dimensions):
        for each in archive.exactly(search.namespace, name, search.dimensions):
            if all(each.dimensions.get(key) == value for key, value in wanted):
                yield each


def _parts(text: str) -> Iterator[str]:
    for part in text.split(","):
        found = PART.fullmatch(part.strip())
        if not found:
            raise NotKnownError(
                f"{part.strip()!r} of a schema must stand in double quotes: it has other signs than letters and digits"
            )
        yield found["quoted"] or found["plain"]


def _terms(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while text[at:].strip():
        found = TERM.match(text, at)
        if not found:
            raise NotKnownError(f'only terms like Name="value" are rehearsed, not {text[at:].strip()!r}')
        yield found["name"], found["value"]
        at = found.end() + len(text[found.end() :]) - len(text[found.end() :].lstrip())
