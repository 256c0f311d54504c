"""The demo building as a graph: Brick 1.4 with RealEstateCore spaces, in Turtle.

"Lindenhof" is invented. Two air handlers on the roof feed 24 VAV boxes with reheat, each box one HVAC
zone; a gas boiler and an air-cooled chiller feed coils and boxes; electricity is metered as a whole and
by use. Every point names its series by UUID. What goes wrong in it is listed in `faults.py`.
"""

from collections.abc import Iterator
from functools import cache
from itertools import groupby

from server.demo.faults import FAULTS
from server.demo.layout import AHUS, LEVELS, NAMESPACE, ZONES, Room, Zone
from server.demo.points import METERS, UNITS, DemoPoint, points

_PREFIXES = {
    "": NAMESPACE,
    "brick": "https://brickschema.org/schema/Brick#",
    "qudt": "http://qudt.org/schema/qudt/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "rec": "https://w3id.org/rec#",
    "ref": "https://brickschema.org/schema/Brick/ref#",
    "unit": "http://qudt.org/vocab/unit/",
}
_AHU_PARTS = {
    "SupplyFan": ("Supply_Fan", "supply fan"),
    "ReturnFan": ("Return_Fan", "return fan"),
    "HeatingCoil": ("Heating_Coil", "heating coil"),
    "HeatingValve": ("Heating_Valve", "heating valve"),
    "CoolingCoil": ("Cooling_Coil", "cooling coil"),
    "CoolingValve": ("Cooling_Valve", "cooling valve"),
    "OutsideDamper": ("Outside_Damper", "outside damper"),
    "Economizer": ("Economizer", "economizer"),
    "Filter": ("Filter", "filter"),
}
_UTILITY_ROOMS = (
    (0, Room("Room-007", "Electricity room 0.07", "ElectricityRoom")),
    (3, Room("Room-307", "Plant room 3.07", "ClimateControlRoom")),
)
_METERED = {
    "Meter-Main": ("Building",),
    "Meter-HVAC": (*AHUS, "Chiller", "HotWaterPump", "ChilledWaterPump"),
    "Meter-Lighting": ("Lighting",),
    "Meter-Plug": tuple(f"Level-{level}" for level in range(len(LEVELS))),
    "Meter-PV": ("PV",),
}


@cache
def model() -> str:
    """Return the graph as Turtle, always the same text."""
    head = [f"@prefix {prefix}: <{iri}> ." for prefix, iri in _PREFIXES.items()]
    parts = (_spaces(), _air(), _water(), _metering(), _points(), _units())
    return "\n".join([*head, "", *(line for part in parts for line in part), ""])


def _entity(key: str, kind: str, label: str, **relations: tuple[str, ...]) -> str:
    """Write one subject; `relations` name Brick or REC properties, their objects are local names."""
    pairs = [f"a {kind}", f'rdfs:label "{label}"']
    pairs += [f"{_property(name)} {_names(objects)}" for name, objects in relations.items() if objects]
    return f":{key} " + " ;\n    ".join(pairs) + " ."


def _property(name: str) -> str:
    """Qualify a property. A place is told with REC's property: Brick's own wants its deprecated Location."""
    return f"rec:{name}" if name in ("locatedIn", "includes") else f"brick:{name}"


def _names(keys: tuple[str, ...]) -> str:
    return ", ".join(f":{key}" for key in keys)


def _spaces() -> Iterator[str]:
    yield _entity("Site", "rec:Site", "Lindenhof", hasPart=("Building",))
    levels = tuple(f"Level-{level}" for level in range(len(LEVELS)))
    comment = f'rdfs:comment "Known faults, every year: {_fault_list()}."'
    building = _entity("Building", "rec:Building", "Lindenhof office building", hasPart=levels)
    yield building.removesuffix(".") + f";\n    {comment} ."
    for level, label in enumerate(LEVELS):
        yield from _level(level, label)


def _fault_list() -> str:
    return "; ".join(f"{fault.name} ({fault.subject})" for fault in FAULTS)


def _level(level: int, label: str) -> Iterator[str]:
    zones = [zone for zone in ZONES if zone.level == level]
    utility = [room for at, room in _UTILITY_ROOMS if at == level]
    rooms = [room for zone in zones for room in zone.rooms] + utility
    parts = [room.key for room in rooms] + [_zone_key(zone) for zone in zones]
    yield _entity(f"Level-{level}", "rec:Level", label, hasPart=tuple(parts))
    for zone in zones:
        rooms_inside = tuple(room.key for room in zone.rooms)
        yield _entity(_zone_key(zone), "rec:HVACZone", f"Zone {zone.key} {zone.label}", hasPart=rooms_inside)
    yield from (_entity(room.key, f"rec:{room.rec_class}", room.label) for room in rooms)


def _zone_key(zone: Zone) -> str:
    return f"Zone-{zone.key}"


def _air() -> Iterator[str]:
    for ahu in AHUS:
        fed = tuple(zone.vav for zone in ZONES if zone.ahu == ahu)
        parts = tuple(f"{ahu}-{part}" for part in _AHU_PARTS)
        yield _entity(ahu, "brick:AHU", ahu, locatedIn=("Room-307",), hasPart=parts, feeds=fed)
        for part, (kind, label) in _AHU_PARTS.items():
            yield _entity(f"{ahu}-{part}", f"brick:{kind}", f"{ahu} {label}")
    for zone in ZONES:
        yield from _vav(zone)


def _vav(zone: Zone) -> Iterator[str]:
    parts = (f"{zone.vav}-Damper", f"{zone.vav}-ReheatValve")
    room = (zone.rooms[0].key,)
    yield _entity(zone.vav, "brick:RVAV", zone.vav, locatedIn=room, hasPart=parts, feeds=(_zone_key(zone),))
    yield _entity(parts[0], "brick:Damper", f"{zone.vav} damper", hasPoint=(f"{zone.vav}-damper",))
    valve = (f"{zone.vav}-reheat-valve",)
    yield _entity(parts[1], "brick:Reheat_Valve", f"{zone.vav} reheat valve", hasPoint=valve)


def _water() -> Iterator[str]:
    at = ("Room-307",)
    hot = tuple(f"{ahu}-HeatingCoil" for ahu in AHUS) + tuple(f"{zone.vav}-ReheatValve" for zone in ZONES)
    cold = tuple(f"{ahu}-CoolingCoil" for ahu in AHUS)
    boiler = "brick:Condensing_Natural_Gas_Boiler"
    yield _entity("Boiler", boiler, "Boiler", locatedIn=at, feeds=("HotWaterPump",))
    yield _entity("HotWaterPump", "brick:Hot_Water_Pump", "Hot water pump", locatedIn=at, feeds=hot)
    chiller = "brick:Air_Cooled_Chiller"
    yield _entity("Chiller", chiller, "Chiller", locatedIn=at, feeds=("ChilledWaterPump",))
    pump = "brick:Chilled_Water_Pump"
    yield _entity("ChilledWaterPump", pump, "Chilled water pump", locatedIn=at, feeds=cold)
    yield _entity("HotWater", "brick:Hot_Water_System", "Hot water system", hasPart=("Boiler", "HotWaterPump"))
    cooling = ("Chiller", "ChilledWaterPump")
    yield _entity("ChilledWater", "brick:Chilled_Water_System", "Chilled water system", hasPart=cooling)


def _metering() -> Iterator[str]:
    at, outside = ("Room-007",), ("Building",)
    submeters = ("Meter-HVAC", "Meter-Lighting", "Meter-Plug")
    for key, label in METERS.items():
        main = key == "Meter-Main"
        kind = "brick:Building_Electrical_Meter" if main else "brick:Electrical_Meter"
        below = submeters if main else ()
        yield _entity(key, kind, label, locatedIn=at, meters=_METERED[key], hasSubMeter=below)
    heat = "brick:Thermal_Power_Meter"
    yield _entity("Meter-Heat", heat, "Heat meter", locatedIn=("Room-307",), meters=("HotWater",))
    gas = "brick:Meter"  # Brick 1.4 infers that a Gas_Meter is a sensor, then rejects it
    yield _entity("Meter-Gas", gas, "Gas meter", locatedIn=at, meters=("Boiler",))
    yield _entity("WeatherStation", "brick:Weather_Station", "Weather station", locatedIn=outside)
    lamps = tuple(f"Lights-{level}" for level in range(len(LEVELS)))
    yield _entity("Lighting", "brick:Lighting_System", "Lighting", includes=lamps)
    for level, lamp in enumerate(lamps):
        yield _entity(lamp, "brick:Lighting", f"Lights {LEVELS[level]}", locatedIn=(f"Level-{level}",))
    panels = tuple(f"PV-Panels-{side}" for side in ("East", "West"))
    yield _entity("PV", "brick:PV_Array", "Photovoltaic array", includes=panels)
    for panel in panels:
        label = panel.replace("-", " ")
        yield _entity(panel, "brick:PV_Panel", label, locatedIn=("Building",))


def _points() -> Iterator[str]:
    for owner, group in groupby(sorted(points(), key=lambda point: point.owner), lambda point: point.owner):
        yield f":{owner} brick:hasPoint {_names(tuple(_local(point) for point in group))} ."
    yield from map(_series, points())


def _local(point: DemoPoint) -> str:
    return point.iri.removeprefix(NAMESPACE)


def _series(point: DemoPoint) -> str:
    head = _entity(_local(point), f"brick:{point.brick_class}", point.label).removesuffix(" .")
    reference = f'[ a ref:TimeseriesReference ; ref:hasTimeseriesId "{point.uuid}" ]'
    return f"{head} ;\n    brick:hasUnit unit:{point.unit} ;\n    ref:hasExternalReference {reference} ."


def _units() -> Iterator[str]:
    """Type the units, which Brick 1.4 itself does not, so that the model validates as it stands."""
    for unit, label in UNITS.items():
        yield f'unit:{unit} a qudt:Unit ; rdfs:label "{label}"@en .'
