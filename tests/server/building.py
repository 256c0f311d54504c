"""One air handler, two VAV boxes, and five points with a day of readings in steps of half an hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from starlette.testclient import TestClient

Value = str | int | float | bool | None
Parameter = Value | Sequence[Value]
"""What a client sends as a parameter's value, or values."""
SITE = "urn:site#"
ZONE_1, ZONE_2, FAN, MODE, SILENT = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(1, 6))
START = datetime(2026, 1, 5)
STEPS = 48
DAY = {"start": "2026-01-05", "end": "2026-01-06"}
PREFIXES = f"""
PREFIX : <{SITE}>
PREFIX brick: <https://brickschema.org/schema/Brick#>
PREFIX ref: <https://brickschema.org/schema/Brick/ref#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX xsd: <http://www.w3.org/2001/XMLSchema#>
"""


def _point(name: str, kind: str, label: str, uuid: str) -> str:
    reference = f'[ a ref:TimeseriesReference ; ref:hasTimeseriesId "{uuid}" ]'
    return f':{name} a brick:{kind} ; rdfs:label "{label}" ; ref:hasExternalReference {reference} .'


MODEL = "\n".join(
    (
        PREFIXES,
        ":ahu a brick:AHU ; brick:feeds :vav1, :vav2 ; brick:hasPoint :fan, :mode, :silent .",
        ":vav1 a brick:VAV ; brick:hasPoint :zone1 . :vav2 a brick:VAV ; brick:hasPoint :zone2 .",
        _point("zone1", "Zone_Air_Temperature_Sensor", "Zone 1", ZONE_1),
        _point("zone2", "Zone_Air_Temperature_Sensor", "Zone 2", ZONE_2),
        _point("fan", "Fan_Status", "Fan", FAN),
        _point("mode", "Mode_Status", "Mode", MODE),
        _point("silent", "Temperature_Sensor", "Silent", SILENT),
    )
).encode()

ZONES = (
    PREFIXES + "SELECT ?point ?vav WHERE { ?vav brick:hasPoint ?point . ?point a brick:Zone_Air_Temperature_Sensor }"
)
"""Both zone temperatures, each with its box."""


def read(client: TestClient, **parameters: Parameter) -> list[dict[str, Any]]:
    """Return the rows that /readings answers."""
    answer = client.get("/readings", params=parameters)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def value(uuid: str, step: int) -> str:
    """Return the cell of one reading."""
    match uuid:
        case _ if uuid == ZONE_1:
            return f"{20 + step / 10}"
        case _ if uuid == ZONE_2:
            return f"{22 - step / 10}"
        case _:
            return f"{step % 2}"


def _rows() -> list[str]:
    times = [(START + timedelta(minutes=30 * step)).isoformat() + "Z" for step in range(STEPS)]
    numbers = [f"{uuid},{time},{value(uuid, n)},," for uuid in (ZONE_1, ZONE_2, FAN) for n, time in enumerate(times)]
    return [*numbers, f"{MODE},{times[0]},,occupied,", f"{MODE},{times[-1]},,vacant,test"]


READINGS = ("id,time,value,text,status\n" + "\n".join(_rows()) + "\n").encode()
NUMBERS = 3 * STEPS
ALL = NUMBERS + 2
