"""The functions and aggregates in the namespace `urn:twinhouse:`, for any query or update.

An argument that does not fit is an error of the expression (SPARQL 1.1 Query, section 17.3). The engine gives an
aggregate one argument: `storage.graph.rewriting` makes the one of two, `twh:first(?v, ?t)`, from a pair, `twh:at`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import pairwise
from zoneinfo import ZoneInfo

import pyoxigraph as ox

from storage.series.durations import is_too_long, read_step
from storage.series.steps import Step, bucket_start

Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
NAMESPACE = "urn:twinhouse:"
PAIR = NAMESPACE + "at"
_XSD = "http://www.w3.org/2001/XMLSchema#"
_DATE_TIME, _DATE, _DOUBLE, _INTEGER = (ox.NamedNode(_XSD + n) for n in ("dateTime", "date", "double", "integer"))
_SAMPLE = ox.NamedNode(NAMESPACE + "sample")
_NUMBERS = frozenset(
    _XSD + name
    for name in (
        *("double", "float", "decimal", "integer", "int", "long", "short", "byte", "nonNegativeInteger"),
        *("positiveInteger", "nonPositiveInteger", "negativeInteger"),
        *("unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte"),
    )
)
_LONGEST_TEXT = 100


class Unfit(ValueError):
    """An argument is not of the kind that a function takes."""


def _time(term: Term) -> datetime:
    """Return a time with a zone, in naive UTC."""
    if not isinstance(term, ox.Literal) or term.datatype != _DATE_TIME:
        raise Unfit
    time = datetime.fromisoformat(term.value)
    if time.tzinfo is None:
        raise Unfit
    return time.astimezone(UTC).replace(tzinfo=None)


def _text(term: Term) -> str:
    if not isinstance(term, ox.Literal) or len(term.value) > _LONGEST_TEXT:
        raise Unfit
    return term.value


def _number(term: Term) -> float:
    if not isinstance(term, ox.Literal) or term.datatype.value not in _NUMBERS:
        raise Unfit
    return float(term.value.replace("INF", "inf"))


def time_literal(time: datetime) -> ox.Literal:
    """Return a time (naive UTC) as xsd:dateTime, canonically."""
    text = time.isoformat()
    return ox.Literal(f"{text.rstrip('0') if '.' in text else text}Z", datatype=_DATE_TIME)


def _double(number: float) -> ox.Literal:
    special = "NaN" if math.isnan(number) else "INF" if number > 0 else "-INF"
    return ox.Literal(repr(number) if math.isfinite(number) else special, datatype=_DOUBLE)


@lru_cache(256)
def step_of(width: str, zone: str = "UTC", origin: str | None = None) -> Step:
    """Return the step of buckets. Raises ValueError (Unfit, and what zoneinfo says of a zone) where there is none."""
    step = read_step(width)
    if step is None or is_too_long(step):
        raise Unfit
    try:
        ZoneInfo(zone)
    except (KeyError, OSError):
        raise Unfit from None
    if origin is None:
        return Step(step.months, step.time, zone)
    start = datetime.fromisoformat(origin)
    start = start.astimezone(UTC).replace(tzinfo=None) if start.tzinfo else start
    return Step(step.months, step.time, zone, start)


def _bucket(time: Term, width: Term, zone: Term | None = None, origin: Term | None = None) -> Term:
    step = step_of(_text(width), _text(zone) if zone else "UTC", _text(origin) if origin else None)
    return time_literal(bucket_start(step, _time(time)))


def _local(part: Callable[[datetime], Term]) -> Callable[[Term, Term], Term]:
    def function(time: Term, zone: Term) -> Term:
        local = _time(time).replace(tzinfo=UTC).astimezone(ZoneInfo(_text(zone)))
        return part(local)

    return function


def _integer(part: Callable[[datetime], int]) -> Callable[[Term, Term], Term]:
    return _local(lambda time: ox.Literal(str(part(time)), datatype=_INTEGER))


def _pair(first: Term, second: Term) -> Term:
    return ox.Literal(f"{second}\n{first}", datatype=_SAMPLE)


def _parts(pair: Term) -> tuple[Term, Term]:
    """Return the two terms of a pair."""
    if not isinstance(pair, ox.Literal) or pair.datatype != _SAMPLE:
        raise Unfit
    second, first = (_read(text) for text in pair.value.split("\n"))
    return first, second


@lru_cache(4096)
def _read(text: str) -> Term:
    [quad] = ox.parse(f"<urn:s> <urn:p> {text} .".encode(), ox.RdfFormat.N_TRIPLES)
    term: Term = quad.object
    return term


_FUNCTIONS: Mapping[str, Callable[..., Term]] = {
    "bucket": _bucket,
    "at": _pair,
    "localDate": _local(lambda time: ox.Literal(time.date().isoformat(), datatype=_DATE)),
    "localYear": _integer(lambda time: time.year),
    "localMonth": _integer(lambda time: time.month),
    "localDay": _integer(lambda time: time.day),
    "localHour": _integer(lambda time: time.hour),
    "localMinute": _integer(lambda time: time.minute),
    "localWeekday": _integer(lambda time: time.isoweekday()),
}


def _tried(function: Callable[..., Term]) -> Callable[..., Term | None]:
    def call(*arguments: Term) -> Term | None:
        try:
            return function(*arguments)
        except (ValueError, TypeError, OverflowError, KeyError, OSError):
            return None

    return call


class _Aggregate:
    """Gathers the terms of a group; `finish` gives None, an error, where one does not fit."""

    def __init__(self, made: Callable[[list[Term]], Term]) -> None:
        self._made = made
        self._terms: list[Term] = []

    def accumulate(self, term: Term) -> None:
        """Take a term."""
        self._terms.append(term)

    def finish(self) -> Term | None:
        """Return what they make."""
        try:
            return self._made(self._terms)
        except (ValueError, TypeError, OverflowError, IndexError):
            return None


def _samples(terms: list[Term]) -> list[tuple[datetime, Term]]:
    """Return the values by their times. Raises Unfit where there are none."""
    pairs = [_parts(term) for term in terms]
    if not pairs:
        raise Unfit
    return sorted(((_time(second), first) for first, second in pairs), key=lambda pair: pair[0])


def _held(terms: list[Term]) -> tuple[float, float, list[float]]:
    """Return value by seconds, the seconds, and the values: each holds until the next."""
    samples = [(time, _number(value)) for time, value in _samples(terms)]
    spans = [(value, (later - time).total_seconds()) for (time, value), (later, _) in pairwise(samples)]
    return sum(v * s for v, s in spans), sum(s for _, s in spans), [value for _, value in samples]


def _time_weighted_mean(terms: list[Term]) -> Term:
    area, seconds, values = _held(terms)
    return _double(area / seconds if seconds else sum(values) / len(values))


def _integral(terms: list[Term]) -> Term:
    return _double(_held(terms)[0] / 3600)


def _percentile(terms: list[Term]) -> Term:
    pairs = [_parts(term) for term in terms]
    shares = {_number(share) for _, share in pairs}
    if len(shares) != 1 or not 0 <= (share := shares.pop()) <= 100:
        raise Unfit
    return _double(_quantile([_number(value) for value, _ in pairs], share / 100))


def _deviation(values: list[float]) -> float:
    """Return the standard deviation of a sample. Raises ValueError for fewer than two values."""
    if len(values) < 2:
        raise Unfit
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _quantile(values: list[float], share: float) -> float:
    """Return a quantile, by linear interpolation."""
    ordered = sorted(values, key=lambda value: (math.isnan(value), value))
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    if place == low:
        return ordered[low]
    return ordered[low] + (ordered[low + 1] - ordered[low]) * (place - low)


_AGGREGATES: Mapping[str, Callable[[list[Term]], Term]] = {
    "first": lambda terms: _samples(terms)[0][1],
    "last": lambda terms: _samples(terms)[-1][1],
    "timeWeightedMean": _time_weighted_mean,
    "integral": _integral,
    "percentile": _percentile,
    "median": lambda terms: _double(_quantile([_number(term) for term in terms], 0.5)),
    "stdev": lambda terms: _double(_deviation([_number(term) for term in terms])),
}
OF_PAIRS = frozenset(NAMESPACE + name for name in ("first", "last", "timeWeightedMean", "integral", "percentile"))
FUNCTIONS = {ox.NamedNode(NAMESPACE + name): _tried(function) for name, function in _FUNCTIONS.items()}
AGGREGATES: dict[ox.NamedNode, Callable[[], _Aggregate]] = {
    ox.NamedNode(NAMESPACE + name): partial(_Aggregate, made) for name, made in _AGGREGATES.items()
}
