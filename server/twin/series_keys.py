"""Which point a series of line protocol belongs to.

A tag of the line may name the point, for its only field or the one called `value`. Else it is the point whose series
id is the series' key (`measurement,tag=value field`, tags in order) at this store, or at none; and where no point has
that, the one with the UUID that derives from store and key, which is made once it is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from server.errors import Problem
from server.tables.compute import Column
from server.tables.line_protocol.grammar import BadKey, RawSeries, series_name
from server.tables.line_protocol.read import Batch
from server.twin.known_series import Known, Names
from server.twin.resolve import PointIndex, derived_series
from storage.series.store import ENCODED

MOST_NEW = 100_000
"""Series that one request may bring for the first time."""
_VALUE = "value"


class UnknownPoint(ValueError):
    """No point of the graph has this series, and none may be made."""


@dataclass(slots=True)
class SeriesKeys:
    """Turns the series of one request into UUIDs. `new` are those that no point has, with their keys.

    `tag` is the one that names a point, empty for none. With `create`, a series that no point has gets one, as
    long as line protocol has made fewer than `most` (what others make meanwhile is not seen). Readings after `latest`
    are refused.
    """

    index: PointIndex
    known: Known
    store: str | None
    tag: str
    create: bool
    most: int
    latest: datetime
    new: dict[UUID, str] = field(default_factory=dict)
    readings: int = 0
    _names: Names = field(init=False)
    _new_uuids: dict[RawSeries, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._names = self.known.of(self.index, self.store)

    def resolve(self, batch: Batch) -> pa.RecordBatch:
        """Return the batch with UUIDs (columns of `storage.series.store.ENCODED`).

        Raises BadReadings, naming the line, or a 413 problem where too many series are new.
        """
        self._refuse_future(batch)
        uuids = pa.DictionaryArray.from_arrays(pa.array(batch.codes, pa.int32()), self._uuids_of(batch))
        self.readings += len(uuids)
        columns: list[Column] = [uuids, batch.time, batch.value, batch.text, pa.nulls(len(uuids), pa.string())]
        return pa.RecordBatch.from_arrays(columns, schema=ENCODED)

    def _uuids_of(self, batch: Batch) -> Column:
        """Return the UUID of each series of a batch, as text."""
        found = self._names.find(batch.series)
        if not found.null_count:
            return found
        missing = np.flatnonzero(found.is_null().to_numpy(zero_copy_only=False))
        others = pa.array([self._uuid_of(batch, number) for number in missing.tolist()], pa.string())
        whole: Column = pc.replace_with_mask(found, found.is_null(), others)
        return whole

    def _uuid_of(self, batch: Batch, number: int) -> str:
        raw = batch.series[number]
        return self._names.get(raw) or self._new_uuids.get(raw) or self._found(batch, number, raw)

    def remember_new(self) -> None:
        """Remember what was new, once it has its points."""
        for raw, uuid in self._new_uuids.items():
            self.known.remember(self._names, raw, uuid)

    def _refuse_future(self, batch: Batch) -> None:
        beyond = pc.greater(batch.time, pa.scalar(self.latest, pa.timestamp("us")))
        if (row := pc.index(beyond, True).as_py()) >= 0:
            hint = "check precision and the sender's clock; TWINHOUSE_FUTURE_DAYS says how far may be"
            raise batch.error(row, f"the time {batch.time[row]} is too far in the future", hint)

    def _found(self, batch: Batch, number: int, raw: RawSeries) -> str:
        try:
            uuid, is_new = self._find(raw)
        except (BadKey, UnknownPoint) as error:
            raise batch.error(batch.first_row(number), str(error)) from None
        if is_new:
            if len(self._new_uuids) < 2 * MOST_NEW:  # one series may be written in many ways
                self._new_uuids[raw] = str(uuid)
        else:
            self.known.remember(self._names, raw, str(uuid))
        return str(uuid)

    def _find(self, raw: RawSeries) -> tuple[UUID, bool]:
        """Return the UUID, and whether its point has to be made. Raises BadKey, UnknownPoint or a 413 problem."""
        key, raw_field, alone = raw
        name = series_name(key, raw_field)
        if self.tag and (alone or name.field == _VALUE) and (point := name.tag(self.tag)):
            uuid = self.index.series(point, self.store)
            if uuid and (self.create or uuid in self.index.by_uuid):
                return uuid, False
        key = str(name)
        uuid = self.index.kept_at(key, self.store) or derived_series(key, self.store)
        if uuid in self.index.by_uuid:
            return uuid, False
        if not self.create:
            raise UnknownPoint(f"no point has the series {key[:200]}")
        if uuid not in self.new and self.index.made + len(self.new) >= self.most:
            full = f"line protocol may make {self.most:,} series (TWINHOUSE_INFLUX_SERIES)"
            raise UnknownPoint(f"no point has the series {key[:200]}, and {full}")
        self.new[uuid] = key
        if len(self.new) > MOST_NEW:
            raise _too_many_new()
        return uuid, True


def _too_many_new() -> Problem:
    return Problem(
        413,
        "too-many-series",
        f"more than {MOST_NEW:,} series come for the first time",
        hint="does a tag change with every reading? Else send the body in parts",
    )
