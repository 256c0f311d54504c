"""Every point of the demo building, with what is needed to describe it and to fill its series."""

from dataclasses import dataclass
from functools import cache
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from server.demo.layout import AHUS, CO2_ZONES, NAMESPACE, ZONES

METERS: Final = {
    "Meter-Main": "Main electricity meter",
    "Meter-HVAC": "HVAC electricity meter",
    "Meter-Lighting": "Lighting electricity meter",
    "Meter-Plug": "Plug electricity meter",
    "Meter-PV": "Photovoltaic meter",
}


@dataclass(frozen=True)
class DemoPoint:
    """A point: its series' UUID, IRI, name, Brick class and QUDT unit (local names), and its place.

    `owner` is the local name of the equipment that has it, `signal` its key there; readings are rounded
    to `decimals` after noise of the given standard deviation is added.
    """

    uuid: UUID
    iri: str
    label: str
    brick_class: str
    unit: str
    owner: str
    signal: str
    decimals: int
    noise: float


@dataclass(frozen=True)
class _Kind:
    """What points of one kind share."""

    signal: str
    label: str
    brick_class: str
    unit: str
    decimals: int = 0
    noise: float = 0.0


_VAV: Final = (
    _Kind("zone-temperature", "zone temperature", "Zone_Air_Temperature_Sensor", "DEG_C", 1, 0.04),
    _Kind("heating-setpoint", "heating setpoint", "Heating_Zone_Air_Temperature_Setpoint", "DEG_C", 1),
    _Kind("cooling-setpoint", "cooling setpoint", "Cooling_Zone_Air_Temperature_Setpoint", "DEG_C", 1),
    _Kind("air-flow", "supply air flow", "Supply_Air_Flow_Sensor", "M3-PER-HR", 0, 4.0),
    _Kind("damper", "damper command", "Damper_Position_Command", "PERCENT"),
    _Kind("reheat-valve", "reheat valve command", "Valve_Position_Command", "PERCENT"),
    _Kind("supply-temperature", "supply air temperature", "Supply_Air_Temperature_Sensor", "DEG_C", 1, 0.08),
)
_CO2: Final = (
    _Kind("co2", "CO2", "Zone_CO2_Level_Sensor", "PPM", 0, 6.0),
    _Kind("occupancy", "occupancy", "Occupancy_Status", "UNITLESS"),
)
_AHU: Final = (
    _Kind("enable", "enable status", "Enable_Status", "UNITLESS"),
    _Kind("supply-temperature", "supply air temperature", "Supply_Air_Temperature_Sensor", "DEG_C", 1, 0.15),
    _Kind("supply-setpoint", "supply air temperature setpoint", "Supply_Air_Temperature_Setpoint", "DEG_C", 1),
    _Kind("return-temperature", "return air temperature", "Return_Air_Temperature_Sensor", "DEG_C", 1, 0.06),
    _Kind("mixed-temperature", "mixed air temperature", "Mixed_Air_Temperature_Sensor", "DEG_C", 1, 0.15),
    _Kind("pressure", "supply static pressure", "Supply_Air_Static_Pressure_Sensor", "PA", 0, 3.0),
    _Kind("pressure-setpoint", "static pressure setpoint", "Supply_Air_Static_Pressure_Setpoint", "PA"),
)
_AHU_PARTS: Final[dict[str, tuple[_Kind, ...]]] = {
    "SupplyFan": (
        _Kind("status", "supply fan status", "Fan_On_Off_Status", "UNITLESS"),
        _Kind("speed", "supply fan speed", "Fan_Speed_Command", "PERCENT"),
        _Kind("power", "supply fan power", "Electric_Power_Sensor", "KiloW", 2, 0.02),
    ),
    "ReturnFan": (_Kind("speed", "return fan speed", "Fan_Speed_Command", "PERCENT"),),
    "HeatingValve": (_Kind("position", "heating valve command", "Valve_Position_Command", "PERCENT"),),
    "CoolingValve": (_Kind("position", "cooling valve command", "Valve_Position_Command", "PERCENT"),),
    "OutsideDamper": (
        _Kind("command", "outside damper command", "Damper_Position_Command", "PERCENT"),
        _Kind("position", "outside damper position", "Damper_Position_Sensor", "PERCENT"),
    ),
    "Filter": (_Kind("pressure", "filter pressure loss", "Filter_Differential_Pressure_Sensor", "PA", 0, 1.5),),
}
_PLANT: Final[dict[str, tuple[_Kind, ...]]] = {
    "Boiler": (
        _Kind("enable", "enable status", "Enable_Status", "UNITLESS"),
        _Kind("supply", "hot water supply", "Leaving_Hot_Water_Temperature_Sensor", "DEG_C", 1, 0.2),
        _Kind("return", "hot water return", "Entering_Hot_Water_Temperature_Sensor", "DEG_C", 1, 0.2),
        _Kind("setpoint", "hot water setpoint", "Leaving_Hot_Water_Temperature_Setpoint", "DEG_C", 1),
    ),
    "Chiller": (
        _Kind("enable", "enable status", "Enable_Status", "UNITLESS"),
        _Kind("supply", "chilled water supply", "Leaving_Chilled_Water_Temperature_Sensor", "DEG_C", 1, 0.1),
        _Kind("return", "chilled water return", "Entering_Chilled_Water_Temperature_Sensor", "DEG_C", 1, 0.1),
        _Kind("setpoint", "chilled water setpoint", "Leaving_Chilled_Water_Temperature_Setpoint", "DEG_C", 1),
        _Kind("power", "electrical power", "Electric_Power_Sensor", "KiloW", 1, 0.05),
    ),
    "Meter-Heat": (
        _Kind("power", "thermal power", "Heating_Thermal_Power_Sensor", "KiloW", 1),
        _Kind("energy", "thermal energy", "Thermal_Energy_Usage_Sensor", "KiloW-HR", 1),
    ),
    "Meter-Gas": (_Kind("volume", "gas volume", "Natural_Gas_Usage_Sensor", "M3", 2),),
    "WeatherStation": (
        _Kind("temperature", "outdoor temperature", "Outside_Air_Temperature_Sensor", "DEG_C", 1, 0.06),
        _Kind("humidity", "outdoor humidity", "Outside_Air_Humidity_Sensor", "PERCENT", 0, 0.6),
        _Kind("irradiance", "solar irradiance", "Solar_Irradiance_Sensor", "W-PER-M2"),
        _Kind("wind", "wind speed", "Wind_Speed_Sensor", "M-PER-SEC", 1),
    ),
}
_METER: Final = (
    _Kind("power", "electrical power", "Electric_Power_Sensor", "KiloW", 2),
    _Kind("energy", "electrical energy", "Electrical_Energy_Usage_Sensor", "KiloW-HR", 1),
)
_PLANT_LABELS: Final = {"Meter-Heat": "Heat meter", "Meter-Gas": "Gas meter", "WeatherStation": "Weather"}
UNITS: Final = {
    "DEG_C": "degree Celsius",
    "KiloW": "kilowatt",
    "KiloW-HR": "kilowatt hour",
    "M-PER-SEC": "metre per second",
    "M3": "cubic metre",
    "M3-PER-HR": "cubic metre per hour",
    "PA": "pascal",
    "PERCENT": "percent",
    "PPM": "parts per million",
    "UNITLESS": "unitless",
    "W-PER-M2": "watt per square metre",
}


@cache
def points() -> tuple[DemoPoint, ...]:
    """Return all points, always in the same order, with the same UUIDs."""
    made = [_point(zone.vav, zone.vav, kind) for zone in ZONES for kind in _VAV]
    made += [_point(zone.vav, zone.rooms[0].label, kind) for zone in CO2_ZONES for kind in _CO2]
    for ahu in AHUS:
        made += [_point(ahu, ahu, kind) for kind in _AHU]
        made += [_point(f"{ahu}-{part}", ahu, kind) for part, kinds in _AHU_PARTS.items() for kind in kinds]
    for owner, kinds in _PLANT.items():
        made += [_point(owner, _PLANT_LABELS.get(owner, owner), kind) for kind in kinds]
    made += [_point(meter, label, kind) for meter, label in METERS.items() for kind in _METER]
    return tuple(made)


def _point(owner: str, name: str, kind: _Kind) -> DemoPoint:
    iri = f"{NAMESPACE}{owner}-{kind.signal}"
    return DemoPoint(
        uuid5(NAMESPACE_URL, iri),
        iri,
        f"{name} {kind.label}",
        kind.brick_class,
        kind.unit,
        owner,
        kind.signal,
        kind.decimals,
        kind.noise,
    )
