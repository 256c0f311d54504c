"""People, lights and plugs: who is in which zone when, and the heat that brings."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from server.demo.layout import ZONES, Zone
from server.demo.schedule import Clock, Floats
from server.demo.weather import Weather

HEAT_PER_PERSON: Final = 75.0
"""Sensible heat of a person in light office work, W (VDI 2078)."""
LIGHT_DENSITY: Final = 7.0
PLUG_DENSITY: Final = {"office": 8.0, "meeting": 6.0, "cafe": 12.0, "common": 4.0}
STANDBY_DENSITY: Final = 1.2
"""Installed and standby loads, W/m2."""
_OFFICE: Final = ((6.5, 0.0), (9.0, 1.0), (11.7, 1.0), (12.5, 0.6), (13.3, 1.0), (15.5, 0.9), (18.6, 0.0))
_CAFE: Final = ((7.5, 0.0), (9.0, 0.1), (11.3, 0.12), (12.2, 1.0), (13.0, 0.8), (14.0, 0.1), (16.5, 0.0))


@dataclass(frozen=True)
class Gains:
    """Per step and zone: persons, and the electrical power of lights and plugs in W."""

    people: Floats
    lights: Floats
    plugs: Floats

    @property
    def heat(self) -> Floats:
        """Sensible heat to the zone air, W."""
        return self.people * HEAT_PER_PERSON + self.lights + self.plugs


def gains(time: Clock, sky: Weather, rng: np.random.Generator) -> Gains:
    days = int(time.day_number[-1]) + 1
    people = np.stack([_people(zone, time, days, rng) for zone in ZONES], axis=1)
    used = np.minimum(1.0, 1.6 * people / np.array([zone.seats for zone in ZONES]))
    area = np.array([zone.area for zone in ZONES])
    cleaning = 0.3 * (time.workday & (time.hour >= 18.7) & (time.hour < 20.5))
    lights = np.maximum(used * _dimming(sky), cleaning[:, None]) * area * LIGHT_DENSITY
    density = np.array([PLUG_DENSITY[zone.use] for zone in ZONES])
    return Gains(people, lights, area * (STANDBY_DENSITY + density * used))


def _people(zone: Zone, time: Clock, days: int, rng: np.random.Generator) -> Floats:
    """Return how many persons are in the zone: whole numbers."""
    match zone.use:
        case "meeting":
            share = _bookings(time, days, rng)
        case "cafe":
            share = _presence(_CAFE, time, days, rng)
        case "common":
            share = 0.5 * _presence(_OFFICE, time, days, rng)
        case "office":
            share = _presence(_OFFICE, time, days, rng)
    return np.round(share * zone.seats)


def _presence(shape: tuple[tuple[float, float], ...], time: Clock, days: int, rng: np.random.Generator) -> Floats:
    """Share of the seats taken: a weekday profile, shifted and scaled anew each day."""
    number = time.day_number
    shift, scale = rng.normal(0.0, 0.25, days), rng.uniform(0.55, 0.98, days)
    hours, shares = zip(*shape, strict=True)
    friday = (time.day.astype(np.int64) + 3) % 7 == 4
    leaving = np.where(friday & (time.hour > 14.0), 0.55, 1.0)
    present = np.interp(time.hour + shift[number], hours, shares)
    return np.asarray(present * scale[number] * leaving * time.workday)


def _bookings(time: Clock, days: int, rng: np.random.Generator) -> Floats:
    """Share of the seats taken in a meeting room: an hour is booked or not, for 50 minutes."""
    booked = rng.random((days, 24)) < 0.45
    booked[:, :8] = booked[:, 12] = booked[:, 17:] = False
    share = booked * rng.uniform(0.3, 1.0, (days, 24))
    slot = time.hour.astype(np.int64)
    return share[time.day_number, slot] * (time.hour - slot < 50 / 60) * time.workday


def _dimming(sky: Weather) -> Floats:
    """Share of the lights that burns: less where daylight falls on the facade."""
    light = np.stack([_daylight(zone, sky) for zone in ZONES], axis=1)
    return 1.0 - 0.55 * np.minimum(light / 180.0, 1.0)


def _daylight(zone: Zone, sky: Weather) -> Floats:
    return np.zeros(len(sky.cloud)) if zone.facing == "core" else sky.facade[zone.facing]
