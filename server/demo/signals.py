"""From the simulation to the signal of each point, before sensors and networks have their say."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.demo import faults
from server.demo.layout import (
    AHUS,
    CO2_ZONES,
    STEP_MINUTES,
    STEP_SECONDS,
    STEPS_PER_DAY,
    WARM_UP_DAYS,
    ZONE_INDEX,
    ZONES,
)
from server.demo.occupancy import Gains, gains
from server.demo.plant import (
    COOLING_COIL_KW,
    HEATING_COIL_KW,
    AirHandler,
    ChilledWater,
    HotWater,
    air_handler,
    chilled_water,
    hot_water,
    lag,
    supply_setpoint,
)
from server.demo.schedule import Bools, Clock, Floats, clock, occupied, scheduled
from server.demo.weather import Weather, weather
from server.demo.zones import Box, Drive, Zones, boxes, simulate, solar_gain

PV_PEAK_KW: Final = 60.0
Progress = Callable[[float], None]
Signal = tuple[str, str, NDArray[np.floating] | NDArray[np.integer] | Bools]
"""Owner, signal and one value a step."""


@dataclass(frozen=True)
class House:
    """Everything simulated, warm-up included."""

    time: Clock
    sky: Weather
    gains: Gains
    box: Box
    drive: Drive
    occupied: Bools
    zones: Zones
    handlers: list[AirHandler]
    hot: HotWater
    cold: ChilledWater


def house(start: date, days: int, seed: int, progress: Progress | None = None) -> House:
    """Simulate `days` from midnight UTC of `start`, with a warm-up before it."""
    time = clock(start - timedelta(days=WARM_UP_DAYS), days + WARM_UP_DAYS)
    rng = np.random.default_rng([seed, start.toordinal()])
    sky, box = weather(time, rng), boxes()
    inside = gains(time, sky, rng)
    busy = occupied(time)
    busy[:, 1] |= faults.ALWAYS_ON.active(time)
    drive = _drive(time, sky, inside, busy, rng)
    zones = simulate(drive, progress)
    handlers = [air_handler(i, time, sky, zones, box, drive.supply, busy[:, i]) for i, _ in enumerate(AHUS)]
    hot = hot_water(sky, zones, handlers, drive.supply)
    return House(time, sky, inside, box, drive, busy, zones, handlers, hot, chilled_water(sky, handlers))


def _drive(time: Clock, sky: Weather, inside: Gains, busy: Bools, rng: np.random.Generator) -> Drive:
    runs = scheduled(time, sky.temperature) | busy
    dark = np.zeros(len(time.utc))
    sun = np.stack([solar_gain(z, dark if z.facing == "core" else sky.facade[z.facing]) for z in ZONES], 1)
    return Drive(
        sky.temperature,
        supply_setpoint(sky.temperature),
        runs,
        _setpoints(time, runs, rng),
        inside.heat + 0.3 * sun,
        0.7 * sun,
        faults.drift(time),
        faults.leak(time),
    )


def _setpoints(time: Clock, runs: Bools, rng: np.random.Generator) -> Floats:
    """Heating and cooling setpoints, degC: set back out of hours, shifted by the occupants now and then."""
    days = int(time.day_number[-1]) + 1
    changes = rng.random((days, len(ZONES))) < 0.012
    draw = rng.choice([-0.5, 0.0, 0.0, 0.5, 1.0], (days, len(ZONES)))
    index = np.maximum.accumulate(np.where(changes, np.arange(days)[:, None], 0), axis=0)
    shift = np.take_along_axis(draw, index, axis=0)[time.day_number]
    comfort = np.repeat(runs, len(ZONES) // len(AHUS), axis=1)
    heating = np.where(comfort, 21.0 + shift, 16.0)
    return np.stack([heating, np.where(comfort, 24.0 + shift, 30.0)], axis=1)


def signals(made: House) -> Iterator[Signal]:
    """Yield the signal of every point, once."""
    for zone in ZONES:
        yield from _vav_signals(made, ZONE_INDEX[zone.vav], zone.vav)
    for zone in CO2_ZONES:
        index = ZONE_INDEX[zone.vav]
        yield zone.vav, "occupancy", made.gains.people[:, index] > 0
        yield zone.vav, "co2", _co2(made, index)
    for ahu, handler in zip(AHUS, made.handlers, strict=True):
        yield from _ahu_signals(made, ahu, handler)
    yield from _plant_signals(made)
    yield from _meter_signals(made)


def _vav_signals(made: House, index: int, vav: str) -> Iterator[Signal]:
    flow = made.zones.flow[:, index]
    measured = made.zones.temperature[:, index]
    if index == faults.DRIFTING_ZONE:
        measured = measured + made.drive.drift
    yield vav, "zone-temperature", measured
    yield vav, "heating-setpoint", made.drive.setpoints[:, 0, index]
    yield vav, "cooling-setpoint", made.drive.setpoints[:, 1, index]
    yield vav, "air-flow", flow * 3600
    yield vav, "damper", 100 * (flow / made.box.cooling[index]) ** 0.7
    yield vav, "reheat-valve", 100 * made.zones.valve[:, index]
    yield vav, "supply-temperature", _lagged_supply(made, index)


def _lagged_supply(made: House, index: int) -> Floats:
    """Behind the box: what it supplies, or the zone's air while the air stands still."""
    still = made.zones.flow[:, index] == 0
    return lag(np.where(still, made.zones.temperature[:, index], made.zones.supply[:, index]), 1.5)


def _co2(made: House, index: int) -> Floats:
    """CO2 in ppm from a mass balance: 18.7 l/h a person (EN 16798-1), outside air at 420 ppm."""
    volume = ZONES[index].area * 3.0
    damper = made.handlers[AHUS.index(ZONES[index].ahu)].damper
    fresh = made.zones.flow[:, index] * damper + 0.2 * volume / 3600
    source = made.gains.people[:, index] * 18.7e3 / 3600 + fresh * 420.0
    level, per_step, out = 450.0, volume / STEP_SECONDS, np.empty(len(fresh))
    for i, (flow, gain) in enumerate(zip(fresh.tolist(), source.tolist(), strict=True)):
        out[i] = level = (per_step * level + gain) / (per_step + flow)
    return out


def _ahu_signals(made: House, ahu: str, air: AirHandler) -> Iterator[Signal]:
    speed = 100 * air.on * np.maximum(0.25, air.load)
    yield ahu, "enable", air.on
    yield ahu, "supply-temperature", air.supply_air
    yield ahu, "supply-setpoint", made.drive.supply
    yield ahu, "return-temperature", air.return_air
    yield ahu, "mixed-temperature", air.mixed_air
    yield ahu, "pressure", 250.0 * air.on
    yield ahu, "pressure-setpoint", np.full(len(air.on), 250.0)
    yield f"{ahu}-SupplyFan", "status", air.on
    yield f"{ahu}-SupplyFan", "speed", speed
    yield f"{ahu}-SupplyFan", "power", air.fan
    yield f"{ahu}-ReturnFan", "speed", 0.9 * speed
    yield f"{ahu}-HeatingValve", "position", 100 * np.minimum(air.heating / HEATING_COIL_KW, 1.0)
    yield f"{ahu}-CoolingValve", "position", 100 * np.minimum(air.cooling / COOLING_COIL_KW, 1.0)
    yield f"{ahu}-OutsideDamper", "command", 100 * air.damper_command
    yield f"{ahu}-OutsideDamper", "position", 100 * air.damper
    yield f"{ahu}-Filter", "pressure", air.filter_loss


def _plant_signals(made: House) -> Iterator[Signal]:
    hot, cold, sky = made.hot, made.cold, made.sky
    yield "Boiler", "enable", hot.on
    yield "Boiler", "supply", hot.supply
    yield "Boiler", "return", hot.back
    yield "Boiler", "setpoint", hot.setpoint
    yield "Chiller", "enable", cold.on
    yield "Chiller", "supply", cold.leaving
    yield "Chiller", "return", cold.entering
    yield "Chiller", "setpoint", np.full(len(cold.on), 7.0)
    yield "Chiller", "power", cold.power
    yield "WeatherStation", "temperature", sky.temperature
    yield "WeatherStation", "humidity", np.minimum(sky.humidity, 98.0)
    yield "WeatherStation", "irradiance", sky.irradiance
    yield "WeatherStation", "wind", sky.wind


def _meter_signals(made: House) -> Iterator[Signal]:
    fans = sum((h.fan + h.return_fan for h in made.handlers), np.zeros(len(made.time.utc)))
    hvac = fans + made.cold.power + made.hot.pump + 0.4
    lights = made.gains.lights.sum(axis=1) / 1000 + 0.6
    plugs = made.gains.plugs.sum(axis=1) / 1000 + 1.8
    cell = made.sky.temperature + 0.03 * made.sky.irradiance
    sun = PV_PEAK_KW * 0.86 * made.sky.irradiance / 1000 * (1.0 - 0.004 * (cell - 25.0))
    yield from _meter("Meter-Main", hvac + lights + plugs, 412_380.0)
    yield from _meter("Meter-HVAC", hvac, 131_204.0)
    yield "Meter-Lighting", "power", lights
    yield "Meter-Lighting", "energy", _exchanged(made.time, _count(lights, 98_517.0))
    yield from _meter("Meter-Plug", plugs, 176_530.0)
    yield from _meter("Meter-PV", sun, 88_042.0)
    yield from _meter("Meter-Heat", made.hot.heat, 504_911.0)
    yield "Meter-Gas", "volume", _count(made.hot.gas, 51_660.0)


def _meter(key: str, power: Floats, before: float) -> Iterator[Signal]:
    yield key, "power", power
    yield key, "energy", _count(power, before)


def _count(power: Floats, before: float) -> Floats:
    """Return a counter: what has been used since the warm-up on top of what it showed."""
    used = np.cumsum(power) * (STEP_MINUTES / 60)
    return np.asarray(before + used - used[WARM_UP_DAYS * STEPS_PER_DAY])


def _exchanged(time: Clock, counter: Floats) -> Floats:
    """Return the lighting counter, starting from 0 after the latest meter exchange."""
    out = faults.exchanging(time)
    begin = np.maximum.accumulate(np.where(out, np.arange(len(counter)), -1))
    return counter - np.where(begin >= 0, counter[begin], 0.0)
