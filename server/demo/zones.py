"""The zones' thermal model and the VAV boxes that control them.

Each zone has two heat capacities (air with furniture; floor and walls) as in VDI 6007 / ISO 52016's
simplest form. The air balance is solved implicitly, so a step of five minutes is stable at any flow:

    T' = (Ca T + He Tout + Hm Tm + G Tsupply + Q) / (Ca + He + Hm + G)

with Ca the capacity divided by the step, He, Hm the conductances outwards and to the mass, and G the
air's heat capacity flow, all in W/K. The VAV box follows ASHRAE Guideline 36's dual maximum logic:
between the setpoints the least flow, above them more cold air, below them the reheat valve and more air.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from server.demo.faults import DRIFTING_ZONE, LEAKING_ZONE
from server.demo.layout import AHUS, STEP_SECONDS, ZONES, ZONES_PER_AHU, Use, Zone
from server.demo.schedule import Bools, Floats

AIR_HEAT: Final = 1206.0
"""Volumetric heat capacity of air, J/(m3 K)."""
HOT_SUPPLY: Final = 35.0
"""Supply air temperature of a box with its reheat valve fully open, degC."""
FROST_GUARD: Final = 16.0
"""Below this zone temperature an air handler starts at night, degC."""
_GUARD_BAND: Final = 2.0
_GUARD_SETPOINT: Final = FROST_GUARD + 3.0
_GAIN: Final = 0.5
_RESET: Final = 0.02
_PEAK_FLOW: Final = {"S": 15.0, "E": 14.0, "W": 14.0, "N": 11.0, "core": 10.0}
_LEAST_FLOW: Final[dict[Use, float]] = {"meeting": 8.0, "cafe": 7.0}
"""Cooling flow by facade, and the least flow of crowded rooms, m3/(h m2)."""


@dataclass(frozen=True)
class Box:
    """What each VAV box can move, m3/s, one entry a zone."""

    least: Floats
    heating: Floats
    cooling: Floats


@dataclass(frozen=True)
class Drive:
    """What acts on the zones at each step: temperatures in degC, heat in W."""

    outdoor: Floats
    supply: Floats
    scheduled: Bools
    setpoints: Floats  # (step, heating | cooling, zone)
    heat: Floats
    sun: Floats
    drift: Floats
    leak: Floats


@dataclass(frozen=True)
class Zones:
    """The outcome: true degC, m3/s, valve command 0-1, degC behind the box, air handlers running."""

    temperature: Floats
    flow: Floats
    valve: Floats
    supply: Floats
    running: Bools


def boxes() -> Box:
    area = np.array([zone.area for zone in ZONES]) / 3600
    peak = np.array([20.0 if zone.use == "meeting" else _PEAK_FLOW[zone.facing] for zone in ZONES]) * area
    least = np.array([_LEAST_FLOW.get(zone.use, 4.0) for zone in ZONES]) * area
    return Box(least, np.maximum(0.6 * peak, least), peak)


def _envelope(zone: Zone) -> float:
    """Conductance to the outside, W/(m2 K) of floor: facade, roof or ground, and leaks."""
    wall = 0.05 if zone.facing == "core" else 0.45
    return wall + (0.18 if zone.level == 3 else 0.0) + (0.08 if zone.level == 0 else 0.0) + 0.1


class _House:
    """The heat balance of all zones, stepped together."""

    def __init__(self) -> None:
        area = np.array([zone.area for zone in ZONES])
        self._air = 15e3 * area / STEP_SECONDS
        self._out = np.array([_envelope(zone) for zone in ZONES]) * area
        self._inner = 6.0 * area
        self._per_mass = STEP_SECONDS / (220e3 * area)
        self._fixed = self._air + self._out + self._inner
        self.air = np.full(len(ZONES), 20.5)
        self.mass = np.full(len(ZONES), 20.5)

    def step(self, outdoor: float, flow: Floats, supply: Floats, heat: Floats, sun: Floats) -> None:
        moved = AIR_HEAT * flow
        total = self._air * self.air + self._out * outdoor + self._inner * self.mass + moved * supply + heat
        self.air = total / (self._fixed + moved)
        self.mass += (self._inner * (self.air - self.mass) + sun) * self._per_mass


class _Controller:
    """Proportional-integral control of heating and cooling in every zone: signals from 0 to 1."""

    _SIGN: Final = np.array([[-1.0], [1.0]])

    def __init__(self) -> None:
        self._sum = np.zeros((2, len(ZONES)))

    def signals(self, measured: Floats, setpoints: Floats, on: Floats) -> Floats:
        error = self._SIGN * (measured - setpoints)
        self._sum += _RESET * error
        np.maximum(self._sum, 0.0, out=self._sum)
        np.minimum(self._sum, 1.0, out=self._sum)
        self._sum *= on
        wanted = np.minimum(np.maximum(_GAIN * error + self._sum, 0.0), 1.0)
        return np.asarray(wanted * on)


class _NightGuard:
    """Starts an air handler out of hours while one of its zones is too cold."""

    def __init__(self) -> None:
        self._heating = [False] * len(AHUS)

    def running(self, scheduled: list[bool], measured: Floats) -> list[bool]:
        for i, regular in enumerate(scheduled):
            coldest = float(measured[i * ZONES_PER_AHU : (i + 1) * ZONES_PER_AHU].min())
            limit = FROST_GUARD + (_GUARD_BAND if self._heating[i] else 0.0)
            self._heating[i] = not regular and coldest < limit
        return self._heating


def simulate(drive: Drive, progress: Callable[[float], None] | None = None) -> Zones:
    """Step through time; `progress` hears the share done, about once a simulated week."""
    steps, box = len(drive.outdoor), boxes()
    out = np.empty((4, steps, len(ZONES)))
    running = np.empty((steps, len(AHUS)), dtype=np.bool_)
    house, controller, guard = _House(), _Controller(), _NightGuard()
    scheduled = drive.scheduled.tolist()
    scalars = zip(
        drive.outdoor.tolist(), drive.supply.tolist(), drive.drift.tolist(), drive.leak.tolist(), strict=True
    )
    on = np.zeros(len(ZONES))
    for i, (outdoor, supply, drift, leak) in enumerate(scalars):
        measured = house.air.copy()
        measured[DRIFTING_ZONE] += drift
        night, setpoints = guard.running(scheduled[i], measured), drive.setpoints[i]
        if any(night):
            setpoints = np.maximum(setpoints, [[_GUARD_SETPOINT], [0.0]])
        for k, regular in enumerate(scheduled[i]):
            running[i, k] = regular or night[k]
            on[k * ZONES_PER_AHU : (k + 1) * ZONES_PER_AHU] = running[i, k]
        valve, cooling = controller.signals(measured, setpoints, on)
        flow = on * box.least + (box.heating - box.least) * valve + (box.cooling - box.least) * cooling
        out[2, i] = valve
        if leak:
            valve[LEAKING_ZONE] = max(valve[LEAKING_ZONE], leak)
        behind = supply + valve * (HOT_SUPPLY - supply)
        house.step(outdoor, flow, behind, drive.heat[i], drive.sun[i])
        out[0, i], out[1, i], out[3, i] = house.air, flow, behind
        if progress and i % 2016 == 0:
            progress(i / steps)
    return Zones(out[0], out[1], out[2], out[3], running)


def solar_gain(zone: Zone, facade: Floats) -> Floats:
    """Heat through the windows, W: glass is 18 % of the floor, blinds come down above 250 W/m2."""
    transmitted = np.minimum(facade, 250.0) * 0.34 + np.maximum(facade - 250.0, 0.0) * 0.06
    return np.asarray(transmitted * 0.18 * zone.area)
