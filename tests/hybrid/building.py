"""A small building with readings of every kind: numbers, texts, status flags, a shared series, nothing, NaN."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
from starlette.testclient import TestClient

from storage.series.store import SCHEMA
from tests.server.building import PREFIXES as COMMON
from tests.server.conftest import opened

PREFIXES = COMMON + "PREFIX sosa: <http://www.w3.org/ns/sosa/>\nPREFIX twh: <urn:twinhouse:>\n"
POINTS = {
    "a": ("Zone_Air_Temperature_Sensor", 1),
    "b": ("Zone_Air_Temperature_Setpoint", 2),
    "c": ("Zone_Air_Temperature_Sensor", 3),
    "d": ("Zone_Air_Temperature_Sensor", 3),  # of the same series
    "fan": ("Fan_Status", 4),
    "mode": ("Mode_Status", 5),
    "none": ("Temperature_Sensor", 6),
}
_START = datetime(2026, 1, 5)


def uuid(number: int) -> str:
    """Return the UUID of a series."""
    return f"00000000-0000-4000-8000-{number:012d}"


@dataclass(frozen=True, slots=True)
class Reading:
    """A reading as it is sent."""

    series: int
    time: datetime
    value: float | None = None
    text: str | None = None
    status: str | None = None


def model(kinds: dict[str, str]) -> str:
    """Return the model in Turtle; `kinds` are datatypes of points, by their names."""
    text = f"""{PREFIXES}
:ahu a brick:AHU ; brick:feeds :v1, :v2 ; brick:hasPoint :fan, :mode ; rdfs:label "AHU" .
:v1 a brick:VAV ; brick:hasPoint :a, :b ; :area 20.5 .
:v2 a brick:VAV ; brick:hasPoint :c, :d ; :area 30 ; rdfs:label "Box two"@en .
"""
    for name, (kind, series) in POINTS.items():
        text += (
            f':{name} a brick:{kind} ; rdfs:label "{name}" ; :limit {20 + series / 10} ; ref:hasExternalReference'
            f' [ a ref:TimeseriesReference ; ref:hasTimeseriesId "{uuid(series)}" ] .\n'
        )
    return text + "".join(f":{name} twh:datatype {kind} .\n" for name, kind in kinds.items())


def readings(seed: int, first: int = 0, steps: int = 48) -> list[Reading]:
    """Return readings of a day, or of so many half hours from the `first` on; the same for the same seed."""
    chance = random.Random(seed)
    found = []
    for series in range(1, 6):
        for step in range(first, first + steps):
            if chance.random() < 0.3:
                continue
            time = _START + timedelta(minutes=30 * step)
            time += timedelta(seconds=7.25) if chance.random() < 0.2 else timedelta()
            found.append(_reading(chance, series, time))
    return found


def _reading(chance: random.Random, series: int, time: datetime) -> Reading:
    status = chance.choice([None, None, "bad"])
    match series:
        case 5:
            return Reading(5, time, text=chance.choice(["on", "off", 'a "b"\\']).replace('"', "'"), status=status)
        case 4:
            return Reading(4, time, chance.choice([0.0, 1.0]))
        case 2:
            return Reading(2, time, chance.choice([20.0, 21.0, 22.0]))
    value = chance.choice([20.1, 20.5, 21.0, 22.25, 19.9, 0.0, 1e6, float("nan")])
    return Reading(series, time, value, status=status)


def _table(sent: list[Reading]) -> pa.Table:
    rows = [(uuid(r.series), r.time, r.value, r.text, r.status) for r in sent]
    return pa.table(
        [pa.array(c, f.type) for c, f in zip(zip(*rows, strict=True), SCHEMA, strict=True)], schema=SCHEMA
    )


@contextmanager
def served(data: Path, kinds: dict[str, str], sent: list[Reading], **settings: str) -> Iterator[TestClient]:
    """Serve the building with these readings."""
    with opened(data, **settings) as client:
        answer = client.post("/models?name=site.ttl", content=model(kinds), headers={"content-type": "text/turtle"})
        assert answer.status_code == 200, answer.text
        client.app.state.twin.series.append(_table(sent))  # type: ignore[attr-defined] # NaN has no form in CSV
        yield client
