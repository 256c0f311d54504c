"""A campus of any size, as N-Quads: buildings with air handlers, VAV boxes, zones, rooms and points; and Brick.

    python -m tests.support.campus --triples 10000000 campus.nq

Each building is in a graph of its own, the ontology in its own, as models and ontologies are in the twin. The same
numbers give the same bytes. Points have one Brick class each, most of them a leaf of the tree below Point.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox

from ontologies import catalog
from ontologies.namespaces import BRICK, RDF, RDFS, REF, UNIT

CAMPUS = "urn:campus:"
_NUMBER = 0x9E3779B97F4A7C15F39CC0605CEDC835  # odd, so that multiplying by it is one to one
_A, _LABEL = RDF["type"], RDFS["label"]
_HAS_POINT, _HAS_PART, _FEEDS = BRICK["hasPoint"], BRICK["hasPart"], BRICK["feeds"]

ZONE_POINTS = (
    ("Zone_Air_Temperature_Sensor", "DEG_C"),
    ("Occupied_Heating_Temperature_Setpoint", "DEG_C"),
    ("Occupied_Cooling_Temperature_Setpoint", "DEG_C"),
    ("Discharge_Air_Flow_Sensor", "M3-PER-SEC"),
    ("Discharge_Air_Flow_Setpoint", "M3-PER-SEC"),
    ("Discharge_Air_Temperature_Sensor", "DEG_C"),
    ("Damper_Position_Command", "PERCENT"),
    ("Reheat_Command", "PERCENT"),
    ("CO2_Level_Sensor", "PPM"),
    ("Occupancy_Sensor", "UNITLESS"),
)
AHU_POINTS = (
    ("Supply_Air_Temperature_Sensor", "DEG_C"),
    ("Supply_Air_Temperature_Setpoint", "DEG_C"),
    ("Return_Air_Temperature_Sensor", "DEG_C"),
    ("Mixed_Air_Temperature_Sensor", "DEG_C"),
    ("Outside_Air_Temperature_Sensor", "DEG_C"),
    ("Supply_Air_Static_Pressure_Sensor", "PA"),
    ("Supply_Air_Static_Pressure_Setpoint", "PA"),
    ("Supply_Air_Flow_Sensor", "M3-PER-SEC"),
    ("Damper_Position_Command", "PERCENT"),
    ("Filter_Differential_Pressure_Sensor", "PA"),
    ("Fan_Speed_Command", "PERCENT"),
    ("Heating_Command", "PERCENT"),
    ("Cooling_Command", "PERCENT"),
    ("Enable_Command", "UNITLESS"),
)
_BOXES = ("VAV", "Variable_Air_Volume_Box_With_Reheat", "Fan_Coil_Unit")
_ROOMS = ("Office", "Conference_Room", "Laboratory", "Room")


@dataclass(frozen=True, slots=True)
class Campus:
    """How much is generated: each floor of each building has one air handler, and `zones` zones with a box each."""

    buildings: int = 10
    floors: int = 10
    zones: int = 24

    @classmethod
    def of(cls, triples: int) -> Campus:
        """Return the campus of about so many triples, in buildings of the usual size."""
        return cls(buildings=max(1, round(triples / cls(buildings=1).triples)))

    @property
    def triples(self) -> int:
        """The number of triples, without the ontology's."""
        floor = 7 + 7 * len(AHU_POINTS) + self.zones * (11 + 7 * len(ZONE_POINTS))
        return self.buildings * (2 + self.floors * floor)

    @property
    def points(self) -> int:
        return self.buildings * self.floors * (len(AHU_POINTS) + self.zones * len(ZONE_POINTS))

    def graph(self, building: int) -> str:
        """Return the IRI of a building's graph, which is also the building's own; its parts' begin with it."""
        return f"{CAMPUS}building-{building}"

    def building(self, number: int) -> Iterator[str]:
        """Yield the quads of one building, in pieces of one line or several."""
        graph = self.graph(number)
        end = f" <{graph}> .\n"
        yield f"<{graph}> {_A} {BRICK['Building']}{end}"
        yield f'<{graph}> {_LABEL} "Building {number}"{end}'
        for floor in range(self.floors):
            yield from self._floor(graph, floor, number * self.floors + floor, end)

    def _floor(self, graph: str, floor: int, serial: int, end: str) -> Iterator[str]:
        here, ahu = f"<{graph}/{floor}>", f"{graph}/{floor}/ahu"
        yield f"<{graph}> {_HAS_PART} {here}{end}"
        yield f"{here} {_A} {BRICK['Floor']}{end}"
        yield f'{here} {_LABEL} "Floor {floor}"{end}'
        yield f"<{ahu}> {_A} {BRICK['AHU']}{end}"
        yield f'<{ahu}> {_LABEL} "AHU {floor}"{end}'
        yield f"<{ahu}> {BRICK['hasLocation']} {here}{end}"
        yield f"{here} {BRICK['isLocationOf']} <{ahu}>{end}"
        each = len(AHU_POINTS) + self.zones * len(ZONE_POINTS)
        yield from _points(ahu, AHU_POINTS, serial * each, end)
        for zone in range(self.zones):
            first = serial * each + len(AHU_POINTS) + zone * len(ZONE_POINTS)
            yield from _zone(f"{graph}/{floor}/{zone}", zone, here, ahu, end)
            yield from _points(f"{graph}/{floor}/{zone}/box", ZONE_POINTS, first, end)


def _zone(iri: str, number: int, floor: str, ahu: str, end: str) -> Iterator[str]:
    box, zone, room = f"<{iri}/box>", f"<{iri}/zone>", f"<{iri}/room>"
    yield f"<{ahu}> {_FEEDS} {box}{end}"
    yield f"{box} {_A} {BRICK[_BOXES[number % len(_BOXES)]]}{end}"
    yield f'{box} {_LABEL} "Box {number}"{end}'
    yield f"{box} {_FEEDS} {zone}{end}"
    yield f"{zone} {_A} {BRICK['HVAC_Zone']}{end}"
    yield f'{zone} {_LABEL} "Zone {number}"{end}'
    yield f"{zone} {_HAS_PART} {room}{end}"
    yield f"{room} {_A} {BRICK[_ROOMS[number % len(_ROOMS)]]}{end}"
    yield f'{room} {_LABEL} "Room {number}"{end}'
    yield f"{floor} {_HAS_PART} {room}{end}"
    yield f"{room} {BRICK['isPartOf']} {floor}{end}"


def _points(equipment: str, kinds: tuple[tuple[str, str], ...], first: int, end: str) -> Iterator[str]:
    for offset, (kind, unit) in enumerate(kinds):
        point, reference = f"<{equipment}/{kind}>", f"_:r{first + offset}"
        yield (
            f"<{equipment}> {_HAS_POINT} {point}{end}"
            f"{point} {_A} {BRICK[kind]}{end}"
            f'{point} {_LABEL} "{kind} {first + offset}"{end}'
            f"{point} {BRICK['hasUnit']} {UNIT[unit]}{end}"
            f"{point} {REF['hasExternalReference']} {reference}{end}"
            f"{reference} {_A} {REF['TimeseriesReference']}{end}"
            f'{reference} {REF["hasTimeseriesId"]} "{series_of(first + offset)}"{end}'
        )


def series_of(point: int) -> str:
    """Return the UUID of a point's series by the point's number: random to look at, the same each time."""
    digits = f"{(point + 1) * _NUMBER % (1 << 128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def write(path: Path, campus: Campus, *, ontology: bool = True) -> int:
    """Write the campus, and Brick unless told not to; return the number of quads."""
    quads = list(catalog.find("brick").quads()) if ontology else []
    with path.open("w", encoding="utf-8") as file:
        for number in range(campus.buildings):
            file.writelines(campus.building(number))
    with path.open("ab") as rest:
        ox.serialize(quads, rest, ox.RdfFormat.N_QUADS)
    return campus.triples + len(quads)


def main() -> None:
    """Write a campus of about so many triples."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--triples", type=int, default=1_000_000)
    arguments = parser.parse_args()
    began = time.monotonic()
    campus = Campus.of(arguments.triples)
    count = write(arguments.path, campus)
    seconds = time.monotonic() - began
    print(f"{count:,} quads of {campus.buildings:,} buildings with {campus.points:,} points in {seconds:.1f} s")


if __name__ == "__main__":
    main()
