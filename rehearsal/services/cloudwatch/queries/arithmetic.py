"""Metric math: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html."""

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from statistics import fmean

from rehearsal.services.cloudwatch.queries import search
from rehearsal.services.cloudwatch.queries.samples import Archive, Line, NotKnownError, Span
from rehearsal.services.cloudwatch.queries.tokens import tokenized

Value = float | str | Line | list[Line]
TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<name>\w+)|(?P<text>'[^']*')|(?P<sign>>=|<=|==|!=|[-+*/(),<>]))"
)
OPERATORS: Mapping[str, tuple[int, Callable[[float, float], float]]] = {
    ">": (1, operator.gt),
    "<": (1, operator.lt),
    ">=": (1, operator.ge),
    "<=": (1, operator.le),
    "==": (1, operator.eq),
    "!=": (1, operator.ne),
    "+": (2, operator.add),
    "-": (2, operator.sub),
    "*": (3, operator.mul),
    "/": (3, operator.truediv),
}
FOLDS: Mapping[str, Callable[[Iterable[float]], float]] = {"AVG": fmean, "MAX": max, "MIN": min, "SUM": sum}


@dataclass(frozen=True)
class Known:
    """What an expression may refer to."""

    ids: Mapping[str, Value]
    archive: Archive
    span: Span


def evaluate(text: str, known: Known) -> Value:
    """Return the value of an expression; raises NotKnownError for what is not in the language, or not rehearsed."""
    tokens = list(tokenized(text, TOKEN))
    value = _expression(tokens, known, 0)
    if tokens:
        raise NotKnownError(f"{tokens[0]!r} is not expected there in {text!r}")
    return value


def _expression(tokens: list[str], known: Known, binding: int) -> Value:
    left = _operand(tokens, known)
    while tokens and tokens[0] in OPERATORS and OPERATORS[tokens[0]][0] > binding:
        rank, work = OPERATORS[tokens.pop(0)]
        left = _combined(left, _expression(tokens, known, rank), work)
    return left


def _operand(tokens: list[str], known: Known) -> Value:
    if not tokens:
        raise NotKnownError("an expression ends where a value is expected")
    word = tokens.pop(0)
    if word == "(":
        value = _expression(tokens, known, 0)
        _closed(tokens)
        return value
    if word.startswith("'"):
        return word[1:-1]
    if re.fullmatch(r"[\d.]+", word):
        return float(word)
    if tokens[:1] == ["("]:
        return _call(word, list(_arguments(tokens, known)), known)
    return _reference(word, known)


def _reference(name: str, known: Known) -> Value:
    if name in ("ASC", "DESC", "REPEAT", *FOLDS):  # words that functions take
        return name
    if name not in known.ids:
        raise NotKnownError(f"{name!r} is the id of no metric or expression: {', '.join(known.ids) or 'there is none'}")
    return known.ids[name]


def _arguments(tokens: list[str], known: Known) -> Iterator[Value]:
    tokens.pop(0)
    yield _expression(tokens, known, 0)
    while tokens[:1] == [","]:
        tokens.pop(0)
        yield _expression(tokens, known, 0)
    _closed(tokens)


def _closed(tokens: list[str]) -> None:
    if tokens[:1] != [")"]:
        raise NotKnownError("a bracket of an expression is not closed")
    tokens.pop(0)


def _call(name: str, given: Sequence[Value], known: Known) -> Value:
    if name == "SEARCH":
        return _search(given, known)
    if name in FOLDS and len(given) == 1:
        return _folded(FOLDS[name], given[0])
    if name == "FILL" and len(given) == 2:  # noqa: PLR2004 - a series and a number
        return _filled(given[0], given[1], known.span)
    if name == "SORT":
        return _sorted(given)
    raise NotKnownError(f"the function {name} with {len(given)} arguments is not rehearsed")


def _search(given: Sequence[Value], known: Known) -> list[Line]:
    match given:
        case [str(text), str(statistic)]:
            return search.evaluate(text, statistic, known.archive, known.span)
        case [str(text), str(statistic), float(period)]:
            return search.evaluate(text, statistic, known.archive, replace(known.span, period=int(period)))
    raise NotKnownError(f"SEARCH takes a search, a statistic and perhaps a period, not {given!r}")


def _folded(fold: Callable[[Iterable[float]], float], value: Value) -> Value:
    """Make one number of a series, or one series of several."""
    if isinstance(value, Line):
        return fold(value.values.values())
    if not isinstance(value, list):
        raise NotKnownError(f"{value!r} is no series")
    seconds = sorted({second for each in value for second in each.values})
    found = {second: fold([each.values[second] for each in value if second in each.values]) for second in seconds}
    return Line("", found)


def _filled(value: Value, fill: Value, span: Span) -> Value:
    """Fill the gaps of series with a number; one without any data stays empty."""
    if isinstance(value, list):
        return [each for one in value if isinstance(each := _filled(one, fill, span), Line)]
    if not isinstance(value, Line) or not isinstance(fill, float):
        raise NotKnownError("FILL is rehearsed of series and a number")
    return replace(value, values={at: value.values.get(at, fill) for at in span.buckets}) if value.values else value


def _sorted(given: Sequence[Value]) -> Value:
    match given:
        case [list(lines), str(function), "ASC" | "DESC" as order, *limit] if function in FOLDS:
            most = int(limit[0]) if limit and isinstance(limit[0], float) else None
            full = [each for each in lines if each.values]
            ranked = sorted(full, key=lambda each: FOLDS[function](each.values.values()), reverse=order == "DESC")
            return ranked[:most]
    raise NotKnownError(f"SORT takes series, a function, ASC or DESC, and perhaps a number, not {given!r}")


def _combined(left: Value, right: Value, work: Callable[[float, float], float]) -> Value:
    if isinstance(left, list) or isinstance(right, list):
        raise NotKnownError("an operator between several series pairs them by their order: it is not rehearsed")
    if isinstance(left, str) or isinstance(right, str):
        raise NotKnownError(f"an operator stands between {left!r} and {right!r}")
    if isinstance(left, float) and isinstance(right, float):
        return float(work(left, right))
    seconds = next(each.values for each in (left, right) if isinstance(each, Line))
    ones = left.values if isinstance(left, Line) else dict.fromkeys(seconds, left)
    others = right.values if isinstance(right, Line) else dict.fromkeys(seconds, right)
    return Line("", dict(_pairwise(ones, others, work)))


def _pairwise(
    ones: Mapping[int, float], others: Mapping[int, float], work: Callable[[float, float], float]
) -> Iterator[tuple[int, float]]:
    """Yield a value for each second that both have one for; a division by zero has none."""
    for second in sorted(ones.keys() & others.keys()):
        with suppress(ZeroDivisionError):
            yield second, float(work(ones[second], others[second]))
