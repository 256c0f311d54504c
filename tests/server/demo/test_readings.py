"""The readings look like a building, and hold the faults the documentation names."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from server.demo import FAULTS, SCHEMA, points, readings
from server.demo.layout import ZONES
from tests.server.demo.conftest import Stretch

BOXES = [zone.vav for zone in ZONES]
SUBMETERS = ("Meter-HVAC", "Meter-Lighting", "Meter-Plug")


def test_the_same_arguments_give_the_same_readings() -> None:
    first, again = (pa.concat_tables(readings(date(2026, 6, 1), 2)) for _ in range(2))
    other = pa.concat_tables(readings(date(2026, 6, 1), 2, seed=1))
    assert first.equals(again)
    assert not first.equals(other)


def test_tables_are_months_in_order_without_repeats() -> None:
    tables = list(readings(date(2026, 5, 31), 2))
    assert [table.schema for table in tables] == [SCHEMA, SCHEMA]
    whole = pa.concat_tables(tables).to_pandas()
    assert whole["time"].is_monotonic_increasing
    assert not whole.duplicated(["id", "time"]).any()
    assert set(whole["id"]) == {str(point.uuid) for point in points()}
    assert not whole["value"].isna().any()
    assert (str(whole["time"].min()), str(whole["time"].max())) == (
        "2026-05-31 00:00:00",
        "2026-06-01 23:55:00",
    )


def test_a_longer_step_thins_the_same_readings_out() -> None:
    fine = pa.concat_tables(readings(date(2026, 6, 1), 1)).to_pandas()
    coarse = pa.concat_tables(readings(date(2026, 6, 1), 1, step_minutes=30)).to_pandas()
    kept = fine[fine["time"].dt.minute % 30 == 0]
    assert kept.reset_index(drop=True).equals(coarse)


@pytest.mark.parametrize(("days", "step"), [(0, 5), (1, 7), (1, 0), (1, 90)])
def test_nonsense_is_refused(days: int, step: int) -> None:
    with pytest.raises(ValueError, match="step_minutes"):
        readings(date(2026, 6, 1), days, step_minutes=step)


def test_progress_rises_to_one() -> None:
    heard: list[float] = []
    list(readings(date(2026, 6, 1), 1, progress=heard.append))
    assert heard == sorted(heard)
    assert heard[-1] == 1.0


def test_values_have_the_resolution_of_the_sensor(march: Stretch) -> None:
    for point in points():
        values = march.values(f"{point.owner}/{point.signal}")
        values = values[~np.isnan(values)]
        assert np.array_equal(values, np.round(values, point.decimals)), point


def test_nights_and_weekends_use_less(october: Stretch) -> None:
    power, weekend = october.filled("Meter-Main/power"), october.weekday >= 5
    day, night = (october.hour >= 9) & (october.hour < 16), october.hour < 4
    assert power[day & ~weekend].mean() > 2.5 * power[day & weekend].mean()
    assert power[day & ~weekend].mean() > 2.5 * power[night].mean()
    assert power.min() > 1.0


def comfort(stretch: Stretch, vav: str) -> NDArray[np.bool_]:
    setpoint = stretch.filled(f"{vav}/heating-setpoint")
    return (setpoint > 17) & (stretch.hour >= 8) & (stretch.hour < 18)


@pytest.mark.parametrize("vav", [vav for vav in BOXES if vav not in ("VAV-1-4", "VAV-2-3")])
def test_occupied_zones_are_comfortable(october: Stretch, vav: str) -> None:
    busy = comfort(october, vav)
    measured = october.filled(f"{vav}/zone-temperature")[busy]
    low, high = (october.filled(f"{vav}/{which}-setpoint")[busy] for which in ("heating", "cooling"))
    fine = (measured > low - 0.8) & (measured < high + 1.2)
    assert busy.sum() > 800
    assert fine.mean() > 0.97


def test_the_main_meter_is_the_sum_of_its_submeters(october: Stretch) -> None:
    parts = sum((october.values(f"{meter}/power") for meter in SUBMETERS), np.zeros(len(october.frame)))
    difference = np.abs(october.values("Meter-Main/power") - parts)
    assert np.nanmax(difference) < 0.03


def test_counters_count_their_power(october: Stretch) -> None:
    for meter in ("Meter-Main", "Meter-HVAC", "Meter-Plug", "Meter-Heat", "Meter-PV"):
        counter, power = october.filled(f"{meter}/energy"), october.filled(f"{meter}/power")
        assert (np.diff(counter) >= 0).all(), meter
        assert counter[-1] - counter[0] == pytest.approx(power.sum() / 12, rel=0.02), meter


def test_gas_covers_the_heat(october: Stretch) -> None:
    gas, heat = (np.ptp(october.filled(name)) for name in ("Meter-Gas/volume", "Meter-Heat/energy"))
    assert 0.85 < heat / (gas * 10.4) < 1.0


def test_a_damper_at_rest_moves_no_air(october: Stretch) -> None:
    off = october.values("AHU-1/enable") == 0
    assert np.nansum(october.values("VAV-1-1/air-flow")[off]) == 0
    assert np.nanmax(october.values("AHU-1-SupplyFan/power")[off]) == 0


def test_meetings_raise_co2(october: Stretch) -> None:
    level, there = october.filled("VAV-1-5/co2"), october.filled("VAV-1-5/occupancy") == 1
    assert level[there].mean() > level[~there].mean() + 80
    assert 390 < level.min() < level.max() < 2500


def test_some_readings_are_missing_but_few(october: Stretch) -> None:
    regular = [f"{p.owner}/{p.signal}" for p in points() if p.owner != "VAV-3-4"]
    missing = october.frame[regular].isna().to_numpy().mean()
    assert 0.0005 < missing < 0.01


def test_the_meter_exchange_resets_the_counter(october: Stretch) -> None:
    counter = october.frame["Meter-Lighting/energy"]
    times = [str(time) for time in counter.index]
    gap = counter.iloc[times.index("2026-10-15 08:00:00") : times.index("2026-10-15 08:40:00")]
    assert gap.isna().all()
    falls = np.flatnonzero(np.diff(october.filled("Meter-Lighting/energy")) < 0)
    assert [times[i + 1] for i in falls] == ["2026-10-15 08:40:00"]
    assert october.filled("Meter-Lighting/energy")[-1] < 1000


def test_the_drifting_sensor_hides_a_cold_room(october: Stretch) -> None:
    """Its room's setpoint is met by what it reads; its box works less than its neighbour's."""
    busy = comfort(october, "VAV-1-4")
    read = october.filled("VAV-1-4/zone-temperature")[busy]
    assert (read > 20).mean() > 0.97
    drifting, sound = (october.filled(f"{vav}/reheat-valve").mean() for vav in ("VAV-1-4", "VAV-3-4"))
    assert drifting < 0.5 * sound


def test_the_floor_is_silent_for_its_local_day(march: Stretch) -> None:
    silent = [c for c in march.frame.columns if c.startswith("VAV-2-")]
    there = march.frame[silent].notna().any(axis=1)
    gone = there.index[~there]
    assert (str(gone[0]), str(gone[-1])) == ("2026-03-10 23:00:00", "2026-03-11 22:55:00")
    assert march.frame["VAV-1-1/zone-temperature"].notna().mean() > 0.9


def test_one_controller_reports_hourly(march: Stretch) -> None:
    reported = march.frame["VAV-3-4/zone-temperature"].dropna()
    assert {time.minute for time in reported.index} == {0}


def test_the_stuck_damper_parts_from_its_command(stretch: Callable[[date, int], Stretch]) -> None:
    january = stretch(date(2026, 1, 12), 2)
    assert set(january.filled("AHU-1-OutsideDamper/position")) == {70.0}
    assert january.filled("AHU-1-OutsideDamper/command").max() < 70
    valve = [january.filled(f"{ahu}-HeatingValve/position").mean() for ahu in ("AHU-1", "AHU-2")]
    assert valve[0] > 2 * valve[1]


def test_the_air_handler_left_on_runs_at_night(stretch: Callable[[date, int], Stretch]) -> None:
    february = stretch(date(2026, 2, 14), 2)  # a weekend
    assert february.filled("AHU-2/enable").min() == 1


def test_the_leaking_valve_warms_the_air_it_should_not(stretch: Callable[[date, int], Stretch]) -> None:
    may = stretch(date(2026, 5, 19), 2)
    shut = (may.filled("VAV-2-3/reheat-valve") == 0) & (may.hour >= 10) & (may.hour < 17)
    leaking, sound = (may.filled(f"{vav}/supply-temperature")[shut].mean() for vav in ("VAV-2-3", "VAV-3-3"))
    assert shut.any()
    assert leaking > sound + 3


def test_the_frozen_sensor_repeats_itself(stretch: Callable[[date, int], Stretch]) -> None:
    november = stretch(date(2026, 11, 3), 3)
    assert len(set(november.filled("VAV-2-5/co2")[300:])) == 1
    assert len(set(november.filled("VAV-1-5/co2")[300:])) > 20


def test_the_faults_are_documented() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 6
    assert all(fault.first <= fault.last and fault.what.endswith(".") for fault in FAULTS)
