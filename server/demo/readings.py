"""The readings of the demo building: rounded, with noise, gaps and slow controllers, month by month."""

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa

from server.demo import faults
from server.demo.layout import STEP_MINUTES, STEPS_PER_DAY, WARM_UP_DAYS, ZONES
from server.demo.points import points
from server.demo.schedule import Bools, Floats, Times
from server.demo.signals import House, Progress, house, signals

SEED: Final = 20_260
STEPS: Final = (5, 10, 15, 20, 30, 60)
SCHEMA: Final = pa.schema(
    [
        ("id", pa.dictionary(pa.int32(), pa.string())),
        ("time", pa.timestamp("us")),
        ("value", pa.float64()),
    ]
)
_GAPS_A_YEAR: Final = 20
_LONGEST_GAP: Final = 2 * 60 // STEP_MINUTES
_SIMULATION_SHARE: Final = 0.6
_FIRST: Final = WARM_UP_DAYS * STEPS_PER_DAY


def readings(
    start: date,
    days: int = 365,
    *,
    step_minutes: int = STEP_MINUTES,
    seed: int = SEED,
    progress: Progress | None = None,
) -> Iterator[pa.Table]:
    """Yield the readings of `days` from midnight UTC of `start`, a table a month, ordered by time.

    Columns: `id` (the series' UUID as text, dictionary encoded), `time` (UTC, no zone), `value`. The same
    arguments always give the same readings. `step_minutes` thins them out.
    `progress` hears the share done, from 0 to 1.
    """
    if days < 1 or step_minutes not in STEPS:
        raise ValueError(f"days must be positive and step_minutes one of {STEPS}")
    return _generate(start, days, step_minutes // STEP_MINUTES, seed, progress or (lambda _: None))


def _generate(start: date, days: int, thin: int, seed: int, tell: Progress) -> Iterator[pa.Table]:
    time, values, there = _simulated(start, days, seed, tell)
    for first, last in _months(time):
        part = slice(first, last, thin)  # a month begins on a full hour
        yield _table(time[part], values[:, part], there[:, part])
        tell(_SIMULATION_SHARE + (1 - _SIMULATION_SHARE) * last / len(time))


def _simulated(start: date, days: int, seed: int, tell: Progress) -> tuple[Times, Floats, Bools]:
    """Return the times, and per point what was measured and whether it arrived."""
    made = house(start, days, seed, lambda share: tell(share * _SIMULATION_SHARE))
    rng = np.random.default_rng([seed, start.toordinal(), 1])
    return made.time.utc[_FIRST:], _measured(made, rng), _arrived(made, rng)


def _measured(made: House, rng: np.random.Generator) -> Floats:
    """Return what the sensors read, a row a point."""
    known = {(owner, signal): values for owner, signal, values in signals(made)}
    out = np.empty((len(points()), len(made.time.utc) - _FIRST))
    for row, point in zip(out, points(), strict=True):
        row[:] = known.pop((point.owner, point.signal))[_FIRST:]
        if point.noise:
            moving = row != 0.0  # a flow or a pressure of nothing reads zero
            row += point.noise * rng.standard_normal(len(row), dtype=np.float32) * moving
        if (point.owner, point.signal) == (faults.FROZEN_CO2.subject, "co2"):
            row[:] = row[faults.frozen(made.time)[_FIRST:] - _FIRST]
        np.round(row, point.decimals, out=row)
        row += 0.0  # -0.0 becomes 0.0
    return out


def _arrived(made: House, rng: np.random.Generator) -> Bools:
    """Return which readings were recorded: random short gaps, and the documented faults."""
    time = made.time
    there = np.ones((len(points()), len(time.utc) - _FIRST), dtype=np.bool_)
    off, swapped = faults.FLOOR_OUTAGE.active(time)[_FIRST:], faults.exchanging(time)[_FIRST:]
    slow = time.utc[_FIRST:] != time.utc[_FIRST:].astype("datetime64[h]")
    level = int(faults.FLOOR_OUTAGE.subject.removeprefix("Level-"))
    floor = {zone.vav for zone in ZONES if zone.level == level}
    for row, point in zip(there, points(), strict=True):
        _lose(row, rng)
        if point.owner in floor:
            row &= ~off
        if point.owner == faults.HOURLY_CONTROLLER.subject:
            row &= ~slow
        if point.owner == faults.METER_EXCHANGE.subject:
            row &= ~swapped
    return there


def _lose(row: Bools, rng: np.random.Generator) -> None:
    """Cut some gaps of up to two hours into a point's readings."""
    for _ in range(rng.poisson(_GAPS_A_YEAR * len(row) / (365 * STEPS_PER_DAY))):
        first = int(rng.integers(len(row)))
        row[first : first + int(rng.integers(1, _LONGEST_GAP))] = False


def _months(time: Times) -> Iterator[tuple[int, int]]:
    """Yield where each calendar month begins and ends."""
    month = time.astype("datetime64[M]")
    edges = [0, *(np.flatnonzero(month[1:] != month[:-1]) + 1).tolist(), len(time)]
    yield from pairwise(edges)


def _table(time: Times, values: Floats, there: Bools) -> pa.Table:
    """Return one month, ordered by time and then by point."""
    step, point = np.nonzero(there.T)
    names = pa.array([str(known.uuid) for known in points()], pa.string())
    columns = [
        pa.DictionaryArray.from_arrays(point.astype(np.int32), names),
        pa.array(time[step]),
        pa.array(values.T[there.T]),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)
