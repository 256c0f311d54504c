"""Weather of a place in south-west Germany: seasons, days, passing fronts, clouds and the sun.

Formulas: declination after Cooper (1969); clear sky after Haurwitz (1945); clouds and the diffuse part
after Kasten and Czeplak (1980); vapour pressure after Magnus.
"""

from dataclasses import dataclass

import numpy as np

from server.demo.layout import LATITUDE, LONGITUDE, STEPS_PER_DAY, Facing
from server.demo.schedule import Clock, Floats

AZIMUTH: dict[Facing, float] = {"N": 180.0, "E": -90.0, "S": 0.0, "W": 90.0}
"""Direction of a facade's outward normal in degrees from south, west positive."""


@dataclass(frozen=True)
class Weather:
    """Per step: degC, %RH, m/s, cloud cover 0-1, W/m2 on the horizontal, W/m2 on each facade."""

    temperature: Floats
    humidity: Floats
    wind: Floats
    cloud: Floats
    irradiance: Floats
    facade: dict[Facing, Floats]


@dataclass(frozen=True)
class _Sun:
    """Cosine of the zenith angle (0 at night) and azimuth from south in radians, west positive."""

    cos_zenith: Floats
    azimuth: Floats


def weather(time: Clock, rng: np.random.Generator) -> Weather:
    steps = len(time.utc)
    cloud = np.clip(0.58 + 0.34 * fronts(steps, 14.0, rng) + 0.12 * fronts(steps, 1.0, rng), 0.0, 1.0)
    sun = _sun(time)
    total, diffuse = _irradiance(sun, cloud)
    slow = _season(time) + 3.4 * fronts(steps, 60.0, rng)
    temperature = slow + _daily_swing(time, cloud) + 0.5 * fronts(steps, 1.5, rng)
    humidity = _humidity(temperature, slow, cloud, 1.2 * fronts(steps, 12.0, rng))
    wind = 2.6 * np.exp(0.42 * fronts(steps, 10.0, rng) + 0.14 * fronts(steps, 0.5, rng))
    facade = {facing: _on_facade(sun, total, diffuse, angle) for facing, angle in AZIMUTH.items()}
    return Weather(temperature, humidity, wind, cloud, total, facade)


def fronts(steps: int, hours: float, rng: np.random.Generator) -> Floats:
    """Return noise of unit variance that forgets itself in about `hours` (a first-order process)."""
    per_point = max(1, int(min(hours, 3.0) * STEPS_PER_DAY / 24 / 3))
    count = steps // per_point + 2
    keep = float(np.exp(-per_point / (hours * STEPS_PER_DAY / 24)))
    kicks = rng.standard_normal(count) * np.sqrt(1.0 - keep * keep)
    values = np.empty(count)
    last = float(rng.standard_normal())
    for i, kick in enumerate(kicks.tolist()):
        values[i] = last = keep * last + kick
    return np.interp(np.arange(steps) / per_point, np.arange(count), values)


def _season(time: Clock) -> Floats:
    """Daily mean outdoor temperature of an average year: 0.7 degC in January, 19.7 in July."""
    return 10.2 - 9.5 * np.cos(2 * np.pi * (time.year_fraction - 19 / 365))


def _daily_swing(time: Clock, cloud: Floats) -> Floats:
    """Day and night: coldest about 3 h, warmest about 15 h, wider under a clear sky and in summer."""
    width = (2.8 - 1.4 * np.cos(2 * np.pi * time.year_fraction)) * (1.9 - 1.3 * cloud)
    return width * np.cos(2 * np.pi * (time.hour - 15.0) / 24)


def _humidity(temperature: Floats, slow: Floats, cloud: Floats, noise: Floats) -> Floats:
    """Relative humidity from a dew point that follows the air mass, not the time of day."""
    dew = np.minimum(slow - 1.5 - 4.5 * (1.0 - cloud) + noise, temperature)
    return np.clip(100.0 * vapour_pressure(dew) / vapour_pressure(temperature), 15.0, 100.0)


def vapour_pressure(temperature: Floats) -> Floats:
    """Saturation vapour pressure in hPa at `temperature` in degC (Magnus)."""
    return 6.112 * np.exp(17.62 * temperature / (243.12 + temperature))


def _sun(time: Clock) -> _Sun:
    declination = np.radians(23.45) * np.sin(2 * np.pi * (time.year_fraction * 365 + 285) / 365)
    midnight = time.utc.astype("datetime64[D]")
    solar_hour = (time.utc - midnight) / np.timedelta64(3600, "s") + LONGITUDE / 15
    angle = np.radians(15.0 * (solar_hour - 12.0))
    phi = np.radians(LATITUDE)
    height = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(angle)
    west = np.cos(declination) * np.sin(angle)
    south = np.sin(phi) * np.cos(declination) * np.cos(angle) - np.cos(phi) * np.sin(declination)
    return _Sun(np.maximum(height, 0.0), np.arctan2(west, south))


def _irradiance(sun: _Sun, cloud: Floats) -> tuple[Floats, Floats]:
    """Total and diffuse irradiance on the horizontal, W/m2."""
    clear = 1098.0 * sun.cos_zenith * np.exp(-0.057 / np.maximum(sun.cos_zenith, 0.01))
    total = clear * (1.0 - 0.75 * cloud**3.4)
    return total, total * (0.3 + 0.7 * cloud**2)


def _on_facade(sun: _Sun, total: Floats, diffuse: Floats, azimuth: float) -> Floats:
    """Irradiance on a vertical wall: the beam, half the sky, and a ground of albedo 0.2."""
    sin_zenith = np.sqrt(1.0 - sun.cos_zenith**2)
    incidence = np.maximum(sin_zenith * np.cos(sun.azimuth - np.radians(azimuth)), 0.0)
    beam = np.minimum((total - diffuse) / np.maximum(sun.cos_zenith, 0.08), 900.0)
    return np.asarray(beam * incidence * (sun.cos_zenith > 0) + 0.5 * diffuse + 0.1 * total)
