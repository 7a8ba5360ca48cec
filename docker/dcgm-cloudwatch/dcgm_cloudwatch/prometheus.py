"""Prometheus' HTTP API: https://prometheus.io/docs/prometheus/latest/querying/api/."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dcgm_cloudwatch.series import Series, read

MOST_BYTES = 16 * 1024 * 1024  # of an answer: some 200,000 samples, and no more than a few hundred MB once it is read
DEPTH = 8  # of halving
MOST_SECONDS = 1e11  # since the epoch


class PrometheusError(Exception):
    """Prometheus could not be asked, or its answer was none; to be asked again."""


class TooLargeError(PrometheusError):
    """An answer is larger than what is read at once."""


@dataclass(frozen=True)
class Prometheus:
    """A server that stores what it has scraped; agents have no such API."""

    url: str
    timeout: float = 30.0
    most_bytes: int = MOST_BYTES

    def now(self) -> float:
        """Return the server's own time, by which its samples are stamped."""
        answer = self._ask({"query": "time()"})
        try:
            moment = float(answer["result"][1])
        except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
            raise PrometheusError(f"{self.url} does not tell the time: {str(answer)[:200]}") from error
        if not 0 <= moment < MOST_SECONDS:  # nor is it where it is not a number
            raise PrometheusError(f"{self.url} does not tell the time: {str(answer)[:200]}")
        return moment

    def vector(self, expression: str, at: float) -> list[Series]:
        """Return the series of an instant query."""
        return list(read(self._ask({"query": expression, "time": f"{at:.3f}"}).get("result")))

    def samples(self, fields: Sequence[str], start: float, end: float) -> Iterator[Series]:
        """Yield the raw samples of metrics by name, from `start` to just before `end`, however many there are.

        Servers before 3 count a range's both ends in, later ones leave its start out; a millisecond before `end`
        the two agree.
        """
        yield from self._part("|".join(fields), f"%s[{round((end - start) * 1000)}ms]", end, "")

    def steps(self, fields: Sequence[str], span: tuple[int, int, int], matchers: str = "") -> Iterator[Series]:
        """Yield the last sample at each step of a span, (start, end, step), of the series that matchers choose.

        A selector alone would not see a series whose target has gone, from the first failed scrape on.
        """
        start, end, step = span
        shape = f"last_over_time(%s[{step}s])[{end - start}s:{step}s]"
        yield from self._part("|".join(fields), shape, end, matchers)

    def known(self, fields: Sequence[str], end: float, matchers: str = "", shape: str = "%s") -> Iterator[Series]:
        """Yield what is known just before `end` of the series that matchers choose, asked for in that shape."""
        yield from self._part("|".join(fields), shape, end, matchers)

    def _part(self, names: str, shape: str, end: float, part: str, depth: int = 0) -> Iterator[Series]:
        """Ask for some of the GPUs; where that is too much, for each half of them by the next digit of the UUID."""
        query = shape % f'{{__name__=~"{names}"{part}}}'
        try:
            yield from read(self._ask({"query": query, "time": f"{end - 0.001:.3f}"}).get("result"))
        except TooLargeError:
            if depth == DEPTH:
                raise
            half = f'"[A-Z]+-.{{{depth}}}[0-7].*"'  # what has no such UUID is in the other one
            for sign in ("=~", "!~"):
                yield from self._part(names, shape, end, f"{part},UUID{sign}{half}", depth + 1)

    def _ask(self, parameters: dict[str, str]) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - the settings let only http and https in
            f"{self.url.rstrip('/')}/api/v1/query",
            urllib.parse.urlencode(parameters).encode(),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:  # noqa: S310 - see above
                body = answer.read(self.most_bytes + 1)
        except urllib.error.HTTPError as error:
            with error:
                raise PrometheusError(f"{self.url} answers {error.code}: {error.read(500)!r}") from None
        except (OSError, http.client.HTTPException) as error:
            raise PrometheusError(f"{self.url} cannot be reached: {error}") from error
        if len(body) > self.most_bytes:
            raise TooLargeError(f"{self.url} answers {parameters['query']} with more than {self.most_bytes} bytes")
        return data_of(body, self.url)


def data_of(body: bytes, url: str) -> dict[str, Any]:
    """Return the data of an answer; raises PrometheusError for whatever else came."""
    try:
        answer = json.loads(body)
        data = answer["data"] if answer["status"] == "success" else None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PrometheusError(f"{url} does not answer as Prometheus does: {body[:200]!r}") from error
    if not isinstance(data, dict):
        raise PrometheusError(f"{url} refuses: {body[:500]!r}")
    return data
