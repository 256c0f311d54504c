from __future__ import annotations

import re
from functools import cache

import pytest
from pyoxigraph import Literal, RdfFormat, parse

from ontologies.namespaces import QUDT, UNIT
from ontologies.units import bacnet_unit, bacnet_units, haystack_note, haystack_symbol, haystack_unit
from tests.support.data import shared

# What is measured, in the exponents of QUDT's vectors: amount, current, length, light, mass, temperature, time.
DIMENSIONS = {
    "acceleration": {"L": 1, "T": -2},
    "action": {"L": 2, "M": 1, "T": -1},
    "area": {"L": 2},
    "area-density": {"L": -2, "M": 1},
    "capacitance": {"E": 2, "L": -2, "M": -1, "T": 4},
    "charge": {"E": 1, "T": 1},
    "compressibility": {"L": 1, "M": -1, "T": 2},
    "conductance": {"E": 2, "L": -2, "M": -1, "T": 3},
    "conductivity": {"E": 2, "L": -3, "M": -1, "T": 3},
    "current": {"E": 1},
    "current-density": {"E": 1, "L": -2},
    "degree-time": {"H": 1, "T": 1},
    "density": {"L": -3, "M": 1},
    "dose-rate": {"L": 2, "T": -3},
    "electric-field": {"E": -1, "L": 1, "M": 1, "T": -3},
    "energy-density": {"L": -1, "M": 1, "T": -2},
    "energy-per-area": {"M": 1, "T": -2},
    "entropy": {"L": 2, "M": 1, "H": -1, "T": -2},
    "flow": {"L": 3, "T": -1},
    "force": {"L": 1, "M": 1, "T": -2},
    "heat-transfer": {"M": 1, "H": -1, "T": -3},
    "illuminance": {"L": -2, "I": 1},
    "inductance": {"E": -2, "L": 2, "M": 1, "T": -2},
    "irradiance": {"M": 1, "T": -3},
    "length": {"L": 1},
    "luminance": {"L": -2, "I": 1},
    "luminous-flux": {"I": 1},
    "luminous-intensity": {"I": 1},
    "magnetic-field": {"E": 1, "L": -1},
    "magnetic-flux": {"E": -1, "L": 2, "M": 1, "T": -2},
    "magnetic-flux-density": {"E": -1, "M": 1, "T": -2},
    "magnetic-moment": {"E": 1, "L": 2},
    "mass": {"M": 1},
    "mass-flow": {"M": 1, "T": -1},
    "momentum": {"L": 1, "M": 1, "T": -1},
    "obscuration": {"L": -1},
    "percent-rate": {"T": -1},
    "pressure": {"L": -1, "M": 1, "T": -2},
    "radioactivity": {"T": -1},
    "resistance": {"E": -2, "L": 2, "M": 1, "T": -3},
    "resistance-per-length": {"E": -2, "L": 1, "M": 1, "T": -3},
    "resistivity": {"E": -2, "L": 3, "M": 1, "T": -3},
    "seebeck": {"E": -1, "L": 2, "M": 1, "H": -1, "T": -3},
    "specific-heat": {"L": 2, "H": -1, "T": -2},
    "surface-tension": {"M": 1, "T": -2},
    "temperature-rate": {"H": 1, "T": -1},
    "thermal-conductivity": {"L": 1, "M": 1, "H": -1, "T": -3},
    "time": {"T": 1},
    "torque": {"L": 2, "M": 1, "T": -2},
    "velocity": {"L": 1, "T": -1},
    "viscosity": {"L": -1, "M": 1, "T": -1},
    "voltage": {"E": -1, "L": 2, "M": 1, "T": -3},
    "volume": {"L": 3},
    "acidity": {},
    "angle": {},
    "concentration": {},
    "energy": {"L": 2, "M": 1, "T": -2},
    "enthalpy": {"L": 2, "T": -2},
    "frequency": {"T": -1},
    "humidity": {},
    "level": {},
    "moisture": {},
    "percent": {},
    "power": {"L": 2, "M": 1, "T": -3},
    "power-factor": {},
    "ratio": {},
    "temperature": {"H": 1},
    "turbidity": {},
}
SAME = {
    "apparent-energy": "energy",
    "apparent-power": "power",
    "dose": "enthalpy",
    "reactive-energy": "energy",
    "reactive-power": "power",
    "speed": "frequency",
    "temperature-difference": "temperature",
}

# NIST SP 811: what one of each is in SI units.
FACTORS = {
    "btus-per-hour": 0.29307107,
    "cubic-feet-per-minute": 4.719474e-4,
    "foot-candles": 10.763910,
    "horsepower": 745.6999,
    "imperial-gallons-per-minute": 7.576817e-5,
    "inches-of-water": 249.089,
    "kilowatt-hours": 3.6e6,
    "mega-btus": 1.055056e9,
    "miles-per-hour": 0.44704,
    "pounds-force-per-square-inch": 6894.757,
    "therms": 1.054804e8,
    "tons": 1000.0,
    "tons-refrigeration": 3516.853,
    "us-gallons-per-minute": 6.309020e-5,
}


@cache
def qudt() -> dict[str, dict[str, list[str]]]:
    wanted = {QUDT["hasDimensionVector"], QUDT["conversionMultiplier"], QUDT["deprecated"]}
    units: dict[str, dict[str, list[str]]] = {}
    for quad in parse(path=str(shared("qudt/unit.ttl")), format=RdfFormat.TURTLE):
        if quad.predicate in wanted and quad.subject in UNIT and not isinstance(quad.object, Literal | type(None)):
            units.setdefault(str(quad.subject), {}).setdefault("vector", []).append(str(quad.object))
        elif quad.predicate in wanted and isinstance(quad.object, Literal):
            local = quad.predicate.value.removeprefix(QUDT.iri)
            units.setdefault(str(quad.subject), {}).setdefault(local, []).append(quad.object.value)
    return units


def test_every_unit_is_qudts_and_of_the_dimension_of_its_quantity() -> None:
    wrong = []
    for unit in bacnet_units().values():
        if unit.qudt is None:
            continue
        vector = re.findall(r"([AELIMHT])(-?\d+)", qudt()[str(unit.qudt)]["vector"][0].rsplit("/", 1)[-1])
        dimension = {letter: int(power) for letter, power in vector if power != "0"}
        if dimension != DIMENSIONS[SAME.get(unit.quantity, unit.quantity)]:
            wrong.append((unit.name, unit.quantity, dimension))
    assert wrong == []


def haystack_sections() -> dict[str, list[list[str]]]:
    """Return the names of each unit in Haystack's own database, by what is measured."""
    sections: dict[str, list[list[str]]] = {}
    for line in shared("haystack/defs/units.txt").read_text().splitlines():
        if line.startswith("--"):
            name = line.strip("- ")
        elif line:
            sections.setdefault(name, []).append(line.partition(";")[0].split(","))
    return sections


def test_every_unit_of_haystack_is_one_of_qudts_or_has_a_reason() -> None:
    for section, units in haystack_sections().items():
        vectors = set()
        for names in units:
            found = {haystack_unit(name) for name in names if section != "currency" or not name.islower()}
            (unit,) = found
            if unit is None:
                assert {haystack_note(name) for name in names if "_" not in name} != {None}, names
            else:
                assert "deprecated" not in qudt()[str(unit)], names
                assert haystack_symbol(unit) is not None
                vectors.add(qudt()[str(unit)]["vector"][0])
        mixed = {"dimensionless", "cooling efficiency", "frequency", "electric resistance"}
        assert len(vectors) <= 1 or section in mixed, (section, vectors)
    assert haystack_unit("fahrenheit") == UNIT["DEG_F"]
    assert haystack_unit("$") == UNIT["CCY_USD"]
    assert haystack_symbol(UNIT["KiloW-PER-TON_FG"]) == "kW/ton"
    assert haystack_unit("furlong") is None
    assert haystack_note("furlong") is None


def test_no_unit_is_one_that_qudt_has_given_up() -> None:
    assert [u.name for u in bacnet_units().values() if u.qudt and "deprecated" in qudt()[str(u.qudt)]] == []


@pytest.mark.parametrize("name", FACTORS)
def test_a_unit_is_as_large_as_its_name_says(name: str) -> None:
    unit = bacnet_unit(name)
    assert unit is not None
    factor = float(qudt()[str(unit.qudt)]["conversionMultiplier"][0])
    assert factor == pytest.approx(FACTORS[name], rel=1e-3)


def test_a_unit_without_qudt_says_why() -> None:
    assert {unit.name for unit in bacnet_units().values() if (unit.qudt is None) != bool(unit.note)} == set()


def test_every_name_of_the_standard_has_an_entry() -> None:
    units = pytest.importorskip("bacpypes3.basetypes").EngineeringUnits
    names = {str(units(number)): number for name, number in units._enum_map.items()}
    assert {name: unit.number for name, unit in bacnet_units().items()} == names


def test_is_found_by_number_too() -> None:
    assert bacnet_unit("62") == bacnet_unit("degrees-celsius")
    assert bacnet_unit("512") is None
    assert bacnet_unit(None) is None
