"""Air handlers, boiler and chiller: everything that follows from what the zones asked for.

Nothing here feeds back on the zones (the coils are large enough), so it is computed for all steps at
once. Powers are in kW, flows in m3/s, temperatures in degC, positions 0-1.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from server.demo.faults import STUCK_DAMPER, STUCK_POSITION
from server.demo.layout import STEPS_PER_DAY, ZONES_PER_AHU
from server.demo.schedule import Bools, Clock, Floats
from server.demo.weather import Weather
from server.demo.zones import AIR_HEAT, Box, Zones

LEAST_OUTSIDE_AIR: Final = 0.35
FAN_KW: Final = 5.0
RETURN_FAN_SHARE: Final = 0.55
HEATING_COIL_KW: Final = 70.0
COOLING_COIL_KW: Final = 70.0
FILTER_CHANGE_DAYS: Final = 182
GAS_KWH_PER_M3: Final = 10.4
BOILER_EFFICIENCY: Final = 0.94
HOT_WATER_KW_PER_K: Final = 12.0
CHILLED_WATER_KW_PER_K: Final = 22.0


@dataclass(frozen=True)
class AirHandler:
    """One air handler over time."""

    on: Bools
    flow: Floats
    load: Floats  # share of the largest flow
    return_air: Floats
    mixed_air: Floats
    supply_air: Floats
    damper: Floats
    damper_command: Floats
    heating: Floats
    cooling: Floats
    fan: Floats
    return_fan: Floats
    filter_loss: Floats  # Pa


@dataclass(frozen=True)
class HotWater:
    """The boiler and its loop."""

    on: Bools
    heat: Floats
    supply: Floats
    setpoint: Floats
    back: Floats
    pump: Floats

    @property
    def gas(self) -> Floats:
        """Gas burnt, m3/h."""
        return self.heat / BOILER_EFFICIENCY / GAS_KWH_PER_M3


@dataclass(frozen=True)
class ChilledWater:
    """The air-cooled chiller and its loop; `power` with its pump."""

    on: Bools
    cold: Floats
    leaving: Floats
    entering: Floats
    power: Floats


def supply_setpoint(outdoor: Floats) -> Floats:
    """Supply air reset: 18 degC below 5 degC outside, down to 14 above 22; a new value each hour."""
    hourly = outdoor[:: STEPS_PER_DAY // 24].repeat(STEPS_PER_DAY // 24)[: len(outdoor)]
    return np.round(2 * np.interp(hourly, [5.0, 22.0], [18.0, 14.0])) / 2


def lag(values: Floats, steps: float) -> Floats:
    """Return a first-order lag of `values` with a time constant of `steps`."""
    kernel = np.exp(-np.arange(int(5 * steps) + 1) / steps)
    padded = np.concatenate([np.full(len(kernel) - 1, values[0]), values])
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def air_handler(
    index: int, time: Clock, sky: Weather, zones: Zones, box: Box, setpoint: Floats, fresh: Bools
) -> AirHandler:
    """Return the air handler serving the `index`-th dozen of zones; `fresh` when people need outside air."""
    mine = slice(index * ZONES_PER_AHU, (index + 1) * ZONES_PER_AHU)
    on, flow = zones.running[:, index], zones.flow[:, mine].sum(axis=1)
    weight = np.where(on[:, None], zones.flow[:, mine], 1.0)
    return_air = lag((zones.temperature[:, mine] * weight).sum(axis=1) / weight.sum(axis=1), 2.0)
    command = on * _outside_air(sky.temperature, return_air, setpoint, fresh)
    damper = np.where(STUCK_DAMPER.active(time), STUCK_POSITION, command) if index == 0 else command
    mixed = return_air + damper * (sky.temperature - return_air)
    needed = on * AIR_HEAT / 1000 * flow * (setpoint - mixed - 0.6)
    load = flow / float(box.cooling[mine].sum())
    fan = on * FAN_KW * (0.04 + 0.96 * (load / 0.75) ** 3)
    return AirHandler(
        on,
        flow,
        load,
        return_air,
        lag(np.where(on, mixed, 0.7 * return_air + 0.3 * mixed), 2.0),
        lag(np.where(on, setpoint, return_air - 1.0), 2.0),
        damper,
        command,
        np.maximum(needed, 0.0),
        np.maximum(-needed, 0.0) * _latent(sky),
        fan,
        RETURN_FAN_SHARE * fan,
        on * 190.0 * load**1.6 * (1.0 + 0.9 * _filter_age(time)),
    )


def _outside_air(outdoor: Floats, return_air: Floats, setpoint: Floats, fresh: Bools) -> Floats:
    """Economizer: mix to the setpoint while it is cooler outside than inside, else the least share."""
    gap = np.maximum(return_air - outdoor, 0.1)
    free = np.clip((return_air - setpoint + 0.6) / gap, LEAST_OUTSIDE_AIR, 1.0)
    return np.where(outdoor < return_air, free, LEAST_OUTSIDE_AIR) * fresh


def _latent(sky: Weather) -> Floats:
    """Factor by which drying humid air adds to the sensible cooling."""
    return 1.0 + 0.35 * np.clip((sky.temperature - 20.0) / 12.0, 0.0, 1.0) * sky.humidity / 100


def _filter_age(time: Clock) -> Floats:
    """How far the filter is through its life, 0-1: changed on 1 January and early July."""
    days = time.year_fraction * 365.25
    return np.mod(days, FILTER_CHANGE_DAYS + 1) / FILTER_CHANGE_DAYS


def hot_water(sky: Weather, zones: Zones, handlers: list[AirHandler], before: Floats) -> HotWater:
    """Return the boiler loop: reheat of air that is `before` the boxes, heating coils, pipe losses."""
    reheat = AIR_HEAT / 1000 * (zones.flow * (zones.supply - before[:, None])).sum(axis=1)
    wanted = reheat + sum((h.heating for h in handlers), np.zeros(len(reheat)))
    on = lag(wanted, 3.0) > 1.0
    heat = on * (lag(wanted, 2.0) + 1.5)
    setpoint = np.round(np.interp(sky.temperature, [-10.0, 18.0], [68.0, 45.0]))
    supply = lag(np.where(on, setpoint, 24.0), 5.0)
    return HotWater(
        on, heat, supply, setpoint, supply - lag(heat / HOT_WATER_KW_PER_K, 2.0), on * np.full(len(on), 1.1)
    )


def chilled_water(sky: Weather, handlers: list[AirHandler]) -> ChilledWater:
    """Return the chiller loop; the coefficient of performance falls with the outdoor temperature."""
    wanted = sum((h.cooling for h in handlers), np.zeros(len(sky.cloud)))
    on = (lag(wanted, 3.0) > 3.0) & (sky.temperature > 12.0)
    cold = on * lag(wanted, 2.0)
    performance = np.clip(3.1 + 0.09 * (35.0 - sky.temperature), 2.5, 5.5)
    leaving = lag(np.where(on, 7.0, 17.0), 6.0)
    entering = leaving + lag(cold / CHILLED_WATER_KW_PER_K, 2.0)
    return ChilledWater(on, cold, leaving, entering, cold / performance + on * 1.6)
