"""The readings: what sensors of a building report, the same in each run, made in blocks of whole days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid5

import numpy as np
import numpy.typing as npt

STEP = 300  # seconds
STEPS_A_DAY = 86_400 // STEP
LATE = 30  # seconds after the full five minutes: no reading lies on the edge of a bucket, which not all cut alike
BOX, FLOOR = 16, 1_000  # points
SITE = "https://bench.example/site#"
_NAMESPACE = UUID("5f0c2f0e-6a5e-4c3e-9b1e-0d5c1d7f3a10")
_BLOCK = 1_000_000  # readings, or a day of all points where that is more


@dataclass(frozen=True, slots=True)
class DataSet:
    """Points that report every five minutes for some days. `name` tells their series from those of another set."""

    name: str
    points: int
    days: int
    start: int  # seconds since 1970, a midnight

    @property
    def readings(self) -> int:
        return self.points * self.days * STEPS_A_DAY

    @property
    def end(self) -> int:
        return self.start + self.days * 86_400

    def uuid(self, point: int) -> str:
        """Return the UUID of a point's series."""
        return str(uuid5(_NAMESPACE, f"{self.name}-{point}"))

    def box(self, point: int) -> str:
        return f"{self.name}-box{point // BOX}"

    def floor(self, point: int) -> str:
        return f"{self.name}-floor{point // FLOOR}"

    def blocks(self, days: int | None = None, first: int = 0, last: int | None = None) -> Iterator[Block]:
        """Yield the readings of the days from `first` until before `last`, or the end, in the order of time.

        A block has so many days, or as many as make a good body.
        """
        days, last = days or max(1, _BLOCK // (self.points * STEPS_A_DAY)), self.days if last is None else last
        state = np.zeros(self.points)
        for day in range(first):
            state = _walk(state, self.points, day)[-1]
        for day in range(first, last, days):
            many = min(days, last - day)
            walks = []
            for each in range(day, day + many):
                walk = _walk(state, self.points, each)
                state = walk[-1]
                walks.append(walk)
            times = self.start + LATE + (day * STEPS_A_DAY + np.arange(many * STEPS_A_DAY)) * STEP
            yield Block(self, times, _rounded(np.concatenate(walks)))


@dataclass(frozen=True, slots=True)
class Block:
    """Readings of all points: `values` has a row for each of `times` (seconds since 1970), a column a point."""

    of: DataSet
    times: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]

    @property
    def readings(self) -> int:
        return self.values.size

    def parts(self, readings: int) -> Iterator[Block]:
        """Yield parts of about so many readings each, whole steps of all points."""
        steps = max(1, readings // self.of.points)
        for first in range(0, len(self.times), steps):
            yield Block(self.of, self.times[first : first + steps], self.values[first : first + steps])


def _walk(state: npt.NDArray[np.float64], points: int, day: int) -> npt.NDArray[np.float64]:
    random = np.random.default_rng((points, day))
    moves = random.standard_normal((STEPS_A_DAY, points), dtype=np.float32).astype(np.float64)
    moves[0] += state
    return np.cumsum(moves, axis=0)


def _rounded(walk: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Make of walks of 1 a step temperatures (0.1 K), humidities (1 %RH), ppm (integers) and states (0 and 1)."""
    values = np.empty_like(walk)
    values[:, 0::4] = np.round(21 + walk[:, 0::4] * 0.1, 1)
    values[:, 1::4] = np.abs(np.round(45 + walk[:, 1::4] * 0.3))
    values[:, 2::4] = np.abs(np.round(600 + walk[:, 2::4] * 8))
    values[:, 3::4] = np.floor(walk[:, 3::4] / 8) % 2
    return values


def midnight(year: int, month: int = 1, day: int = 1) -> int:
    """Return the seconds since 1970."""
    return int(datetime(year, month, day, tzinfo=UTC).timestamp())


def model(*sets: DataSet) -> str:
    """Return the points in Brick, as Turtle: each in a box and on a floor, with its series."""
    lines = [
        f"@prefix : <{SITE}> .",
        "@prefix brick: <https://brickschema.org/schema/Brick#> .",
        "@prefix ref: <https://brickschema.org/schema/Brick/ref#> .",
    ]
    for each in sets:
        for point in range(each.points):
            name, box, floor = f":{each.name}-{point}", f":{each.box(point)}", f":{each.floor(point)}"
            reference = f'[ a ref:TimeseriesReference ; ref:hasTimeseriesId "{each.uuid(point)}" ]'
            if point % BOX == 0:
                lines.append(f"{box} a brick:VAV .")
            lines.append(
                f"{name} a brick:Point ; brick:isPointOf {box} ; brick:hasLocation {floor} ; "
                f"ref:hasExternalReference {reference} ."
            )
    return "\n".join(lines)
