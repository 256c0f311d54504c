"""Which point a series of line protocol belongs to.

A tag of the line may name the point, for its only field or the one called `value`. Else it is the point whose series
id is the series' key (`measurement,tag=value field`, tags in order) at this store, or at none; and where no point has
that, the one with the UUID that derives from store and key, which is made once it is needed.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

from server.errors import Problem
from server.tables.compute import Column
from server.tables.line_protocol.grammar import BadKey, RawSeries, series_name
from server.tables.line_protocol.read import Batch
from server.twin.resolve import PointIndex, derived_series
from storage.series.store import ENCODED

MOST_NEW = 100_000
"""Series that one request may bring for the first time."""
_VALUE = "value"
_MOST_BYTES = 128 << 20  # of names that are remembered
_BYTES_EACH = 400  # besides the text: four strings, a tuple, a place in a dict
_LONGEST = 1_000


class UnknownPoint(ValueError):
    """No point of the graph has this series, and none may be made."""


class Known:
    """Remembers the UUID of each series that came lately, as it was sent: looking it up again takes no parsing."""

    def __init__(self) -> None:
        self._index: PointIndex | None = None
        self._uuids: dict[str | None, dict[RawSeries, str]] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def of(self, index: PointIndex, store: str | None) -> dict[RawSeries, str]:
        """Return what is remembered of a store, to look up and to add to; nothing of what another index says is."""
        with self._lock:
            if index is not self._index or self._bytes > _MOST_BYTES:
                self._index, self._uuids, self._bytes = index, {}, 0
            if store not in self._uuids:
                self._bytes += _BYTES_EACH + len(store or "")
            return self._uuids.setdefault(store, {})

    def remember(self, uuids: dict[RawSeries, str], raw: RawSeries, uuid: str) -> None:
        """Add one to what `of` returned, unless it is full: then that is empty the next time."""
        size = len(raw[0]) + len(raw[1])
        if size <= _LONGEST and self._bytes <= _MOST_BYTES:
            uuids[raw] = uuid
            self._bytes += size + _BYTES_EACH

    def grow(self, before: PointIndex, after: PointIndex) -> None:
        """Let what is remembered stand, when an index has become one with more points."""
        with self._lock:
            if self._index is before:
                self._index = after


@dataclass(slots=True)
class SeriesKeys:
    """Turns the series of one request into UUIDs. `new` are those that no point has, with their keys.

    `tag` is the one that names a point, empty for none. With `create`, a series that no point has gets one. Readings
    after `latest` are refused.
    """

    index: PointIndex
    known: Known
    store: str | None
    tag: str
    create: bool
    latest: datetime
    new: dict[UUID, str] = field(default_factory=dict)
    readings: int = 0
    _uuids: dict[RawSeries, str] = field(init=False)
    _new_uuids: dict[RawSeries, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._uuids = self.known.of(self.index, self.store)

    def resolve(self, batch: Batch) -> pa.RecordBatch:
        """Return the batch with UUIDs (columns of `storage.series.store.ENCODED`).

        Raises BadReadings, naming the line, or a 413 problem where too many series are new.
        """
        self._refuse_future(batch)
        known, new = self._uuids, self._new_uuids
        found = [known.get(raw) or new.get(raw) or self._found(batch, raw) for raw in batch.series]
        uuids = pa.DictionaryArray.from_arrays(pa.array(batch.codes, pa.int32()), pa.array(found, pa.string()))
        self.readings += len(uuids)
        columns: list[Column] = [uuids, batch.time, batch.value, batch.text, pa.nulls(len(uuids), pa.string())]
        return pa.RecordBatch.from_arrays(columns, schema=ENCODED)

    def remember_new(self) -> None:
        """Remember what was new, once it has its points."""
        for raw, uuid in self._new_uuids.items():
            self.known.remember(self._uuids, raw, uuid)

    def _refuse_future(self, batch: Batch) -> None:
        beyond = pc.greater(batch.time, pa.scalar(self.latest, pa.timestamp("us")))
        if (row := pc.index(beyond, True).as_py()) >= 0:
            hint = "check precision and the sender's clock; TWINHOUSE_FUTURE_DAYS says how far may be"
            raise batch.error(row, f"the time {batch.time[row]} is too far in the future", hint)

    def _found(self, batch: Batch, raw: RawSeries) -> str:
        try:
            uuid, is_new = self._find(raw)
        except (BadKey, UnknownPoint) as error:
            row = batch.first_row(batch.series.index(raw))
            raise batch.error(row, str(error)) from None
        if is_new:
            if len(self._new_uuids) < 2 * MOST_NEW:  # one series may be written in many ways
                self._new_uuids[raw] = str(uuid)
        else:
            self.known.remember(self._uuids, raw, str(uuid))
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
