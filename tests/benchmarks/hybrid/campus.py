"""A campus: buildings with a power meter, floors with an air handler each, and zones; and its readings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.join import CHUNK, KINDS, PREFIXES, STEP, table, uuid_of

FLOORS, ZONES = 4, 16
POINTS_A_FLOOR = 2 + ZONES * len(KINDS)
POINTS_A_BUILDING = 1 + FLOORS * POINTS_A_FLOOR
SILENT = 97  # one point of so many has said nothing since the first half


_REFERENCE = 'ref:hasExternalReference [ a ref:TimeseriesReference ; ref:hasTimeseriesId "{uuid}" ]'


@dataclass(frozen=True)
class Campus:
    """So many points (whole buildings), and days of readings every five minutes."""

    points: int
    days: int

    @property
    def buildings(self) -> int:
        return max(1, round(self.points / POINTS_A_BUILDING))

    @property
    def steps(self) -> int:
        """Readings a point."""
        return self.days * 86_400 // STEP

    @cached_property
    def names(self) -> list[str]:
        """The local names of all points; a point's place is its number."""
        return [name for building in range(self.buildings) for name, *_ in _points(building)]

    @property
    def readings(self) -> int:
        silent = len(range(0, len(self.names), SILENT))
        return len(self.names) * self.steps - silent * (self.steps - self.steps // 2)

    def model(self, reference: str = _REFERENCE) -> str:
        """Return the graph as Turtle; `reference` is what is said of a point, and of `{name}` and `{uuid}`."""
        lines, number = [PREFIXES], 0
        for building in range(self.buildings):
            lines.append(f":b{building} a brick:Building .")
            for floor in range(FLOORS):
                lines.append(
                    f":b{building} brick:hasPart :b{building}f{floor} . :b{building}f{floor} a brick:Floor ."
                )
                lines.append(f":b{building}a{floor} a brick:AHU ; brick:hasLocation :b{building}f{floor} .")
                lines += [
                    f":b{building}a{floor} brick:feeds :b{building}v{floor}-{zone} ."
                    f" :b{building}v{floor}-{zone} a brick:VAV ; brick:hasLocation :b{building}f{floor} ."
                    for zone in range(ZONES)
                ]
            for name, kind, of in _points(building):
                said = reference.replace("{name}", name).replace("{uuid}", uuid_of(number))
                lines.append(f":{of} brick:hasPoint :{name} .")
                lines.append(f":{name} a brick:{kind} ; {said} .")
                lines.append(f":{name} brick:isPointOf :{of} .")
                number += 1
        return "\n".join(lines)

    def write(self, path: Path) -> None:
        """Write the readings as one Parquet file, by point."""
        with pq.ParquetWriter(path, table(range(1), range(1), 0).schema, compression="zstd") as writer:
            for first in range(0, len(self.names), CHUNK):
                writer.write_table(self._some(range(first, min(first + CHUNK, len(self.names)))))

    def _some(self, points: range) -> pa.Table:
        whole = table(points, range(self.steps), points.start)
        numbers = np.repeat(np.arange(points.start, points.stop), self.steps)
        late = np.tile(np.arange(self.steps) >= self.steps // 2, len(points))
        return whole.filter(pa.array(~((numbers % SILENT == 0) & late)))


def _points(building: int) -> Iterator[tuple[str, str, str]]:
    """Yield the name and class of each point, and what it is a point of."""
    here = f"b{building}"
    yield f"{here}power", "Electric_Power_Sensor", here
    for floor in range(FLOORS):
        yield f"{here}a{floor}t", "Supply_Air_Temperature_Sensor", f"{here}a{floor}"
        yield f"{here}a{floor}s", "Supply_Air_Temperature_Setpoint", f"{here}a{floor}"
        for zone in range(ZONES):
            for kind in KINDS:
                yield f"{here}v{floor}-{zone}{kind.lower()}", kind, f"{here}v{floor}-{zone}"
