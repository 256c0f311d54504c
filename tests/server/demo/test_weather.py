"""The weather: plausible for south-west Germany."""

from datetime import date

import numpy as np
import pytest

from server.demo.schedule import clock
from server.demo.weather import Weather, vapour_pressure, weather


@pytest.fixture(scope="module")
def year() -> Weather:
    return weather(clock(date(2025, 11, 22), 365), np.random.default_rng(7))


def test_temperatures_of_a_year(year: Weather) -> None:
    assert 8.0 < year.temperature.mean() < 12.5
    assert -18.0 < year.temperature.min() < -3.0
    assert 28.0 < year.temperature.max() < 40.0


def test_sunshine_of_a_year(year: Weather) -> None:
    total = year.irradiance.sum() * 5 / 60 / 1000
    assert 950.0 < total < 1450.0  # kWh/m2; Stuttgart has about 1150
    assert year.irradiance.min() == 0.0
    assert year.irradiance.max() < 1050.0


def test_south_sees_most_sun_and_north_least(year: Weather) -> None:
    means = {facing: float(values.mean()) for facing, values in year.facade.items()}
    assert means["S"] > means["E"] > means["N"]
    assert means["E"] == pytest.approx(means["W"], rel=0.15)


def test_other_weather_stays_in_range(year: Weather) -> None:
    assert 15.0 <= year.humidity.min() <= year.humidity.max() <= 100.0
    assert 0.0 < year.wind.min() < year.wind.max() < 30.0
    assert vapour_pressure(np.array([20.0]))[0] == pytest.approx(23.4, abs=0.1)
