"""Local time, holidays and running hours."""

from datetime import date

import numpy as np
import pytest

from server.demo.schedule import clock, easter, holidays, occupied, scheduled


@pytest.mark.parametrize("sunday", [date(2024, 3, 31), date(2025, 4, 20), date(2026, 4, 5), date(2038, 4, 25)])
def test_easter(sunday: date) -> None:
    assert easter(sunday.year) == sunday


def test_holidays_of_every_year_touched() -> None:
    closed = holidays(date(2025, 12, 20), 30)
    assert {date(2025, 12, 25), date(2026, 1, 1), date(2026, 5, 14)} <= closed


def test_the_hour_skips_and_repeats_with_daylight_saving() -> None:
    spring = clock(date(2026, 3, 29), 1).hour
    assert spring[0] == 1.0
    assert spring[12] == 3.0
    autumn = clock(date(2026, 10, 25), 1).hour
    assert autumn[0] == autumn[12] == 2.0


def test_closed_on_weekends_and_holidays() -> None:
    time = clock(date(2026, 5, 1), 4)  # from a Friday that is a holiday into Tuesday, local time
    open_days = {str(day) for day in time.day[time.workday]}
    assert open_days == {"2026-05-04", "2026-05-05"}


def test_the_plant_starts_earlier_in_the_cold() -> None:
    time = clock(date(2026, 1, 13), 1)
    mild, cold = (scheduled(time, np.full(288, outdoor)) for outdoor in (15.0, -5.0))
    assert occupied(time).sum() < mild.sum() < cold.sum()
    assert (cold.sum(axis=0) <= occupied(time).sum(axis=0) + 4 * 12).all()
