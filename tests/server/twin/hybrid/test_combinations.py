"""Which observations of a query have no time in common with those before them."""

from __future__ import annotations

import pytest

from server.twin.hybrid.combinations import apart
from server.twin.hybrid.plan import plan
from tests.server.building import PREFIXES


def _observed(number: int, time: int | None = None) -> str:
    time = number if time is None else time
    return f"?o{number} sosa:madeBySensor :p ; sosa:resultTime ?t{time} ; sosa:hasSimpleResult ?v{number} ."


TWO = _observed(0) + _observed(1)
THIRD = _observed(2)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (TWO, [0, 1]),
        (_observed(0) + _observed(1, 0), [0]),
        (f"{TWO} FILTER(?t0 = ?t1)", [0]),
        (f"{TWO} FILTER(?t0 <= ?t1)", [0, 1]),
        (f"{TWO} FILTER(?v0 = ?v1)", [0, 1]),
        (f"{TWO} FILTER(HOURS(?t0) = HOURS(?t1))", [0, 1]),
        (f"{TWO} OPTIONAL {{ {_observed(2, 1)} }}", [0, 1]),
        (f"{TWO} OPTIONAL {{ {THIRD} FILTER(?t2 = ?t1) }}", [0, 1]),
        (f"{TWO} OPTIONAL {{ {THIRD} FILTER(?v2 > ?v1) }}", [0, 1, 2]),
        (f"{TWO} FILTER EXISTS {{ {THIRD} FILTER(?t2 = ?t1) }}", [0, 1]),
        (f"{TWO} FILTER NOT EXISTS {{ {THIRD} FILTER(?t2 > ?t0 && ?t0 = ?t1) }}", [0, 1, 2]),
        (f"{_observed(0)} :p brick:lastKnownValue ?o1 . ?o1 brick:value ?v1 FILTER(?v0 > ?v1)", [0]),
    ],
)
def test_what_has_no_time_in_common(where: str, expected: list[int]) -> None:
    prefixes = f"{PREFIXES} PREFIX sosa: <http://www.w3.org/ns/sosa/>"
    assert apart(plan(f"{prefixes} SELECT * {{ {where} }}")) == expected
