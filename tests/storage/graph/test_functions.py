"""The functions of ours in the engine: what they give, and what they take for an error."""

from __future__ import annotations

import pyoxigraph as ox
import pytest

from storage.graph.extensions import extensions
from storage.graph.rewriting import ask

_PREFIXES = "PREFIX twh: <urn:twinhouse:> PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> "
_T = '"2026-03-29T00:30:00.5Z"^^xsd:dateTime'


def _one(expression: str, values: str = "") -> str | None:
    text = f"{_PREFIXES}SELECT ({expression} AS ?x) {{ {values} }}"
    rows = ask(text, lambda instead: ox.Store().query(instead, **extensions(instead)))
    assert isinstance(rows, ox.QuerySolutions)
    [row] = rows
    return str(row["x"].value) if row["x"] else None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (f'twh:bucket({_T}, "PT1H")', "2026-03-29T00:00:00Z"),
        (f'twh:bucket({_T}, "1d", "Europe/Berlin")', "2026-03-28T23:00:00Z"),
        (f'twh:bucket({_T}, "P1D", "UTC", "2026-01-01T06:00:00")', "2026-03-28T06:00:00Z"),
        (f'twh:localHour({_T}, "Europe/Berlin")', "1"),
        (f'twh:localWeekday({_T}, "Europe/Berlin")', "7"),
        (f'twh:localDate({_T}, "America/New_York")', "2026-03-28"),
        (f'twh:bucket({_T}, "sometimes")', None),
        (f'twh:bucket({_T}, "PT1H", "Mars/Olympus")', None),
        ('twh:bucket("2026-03-29", "PT1H")', None),
        ('twh:bucket("2026-03-29T00:30:00"^^xsd:dateTime, "PT1H")', None),
        (f"twh:localHour({_T})", None),
        (f'twh:localHour({_T}, "../etc/passwd")', None),
    ],
)
def test_functions(expression: str, expected: str | None) -> None:
    assert _one(expression) == expected


_VALUES = (
    'VALUES (?v ?t) { (4 "2026-01-01T02:00:00Z"^^xsd:dateTime) (1 "2026-01-01T00:00:00Z"^^xsd:dateTime)'
    ' (2.5 "2026-01-01T01:00:00Z"^^xsd:dateTime) }'
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("twh:first(?v, ?t)", "1"),
        ("twh:last(?v, ?t)", "4"),
        ("twh:integral(?v, ?t)", "3.5"),
        ("twh:timeWeightedMean(?v, ?t)", "1.75"),
        ("twh:median(?v)", "2.5"),
        ("twh:percentile(?v, 25)", "1.75"),
        ("twh:percentile(?v, 101)", None),
        ("twh:stdev(?v)", "1.5"),
        ("twh:stdev(STR(?v))", None),
        ("twh:integral(?v, STR(?t))", None),
        ("twh:last(?v + 1, ?t) * 2", "10"),
    ],
)
def test_aggregates(expression: str, expected: str | None) -> None:
    assert _one(expression, _VALUES) == expected


def test_aggregates_of_nothing() -> None:
    for name in ("first(?v, ?t)", "integral(?v, ?t)", "median(?v)", "stdev(?v)", "percentile(?v, 5)"):
        assert _one(f"twh:{name}", "FILTER(false) VALUES (?v ?t) { (1 2) }") is None
