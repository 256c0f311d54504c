"""Takes readings in: each identifier becomes the UUID of a series, and what no point has is reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from server.errors import Problem, bad_request
from server.tables.compute import Column
from server.tables.errors import BadReadings, shown
from server.twin.resolve import PointIndex, derived_series
from storage.series.receipts import Receipt
from storage.series.store import ENCODED, SeriesStore

MOST_SHOWN = 100


@dataclass(slots=True)
class IngestReport:
    """What was stored. `unknown` counts the readings of each series that no point of the graph has, by identifier;
    `ignored` those that were left out.
    """

    readings: int = 0
    points: int = 0
    unknown: dict[str, int] = field(default_factory=dict)
    ignored: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Resolver:
    """Turns the identifiers of batches into UUIDs, looking each up once.

    `source` is where the ids are from, as models name it in `ref:storedAt`. A `file` is looked up likewise, but an id
    that nobody knows does not become another series for each file that it comes in. With `known_only`, readings whose
    identifier is neither a UUID nor known are left out: a column of a wide table that is no series. Readings after
    `latest` are refused.
    """

    index: PointIndex
    source: str | None = None
    file: str | None = None
    known_only: bool = False
    latest: datetime | None = None
    _uuids: dict[str, str | None] = field(default_factory=dict)  # of those that were looked up one by one
    _counts: Counter[str] = field(default_factory=Counter)  # of the same
    _found: pa.Array[Any] = field(default_factory=lambda: pa.array([], pa.string()))  # the others' UUIDs, each once
    _rows: int = 0

    def resolve(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the batch with UUIDs for ids (columns of `storage.series.store.ENCODED`). Raises BadReadings."""
        self._refuse_future(batch)
        ids = cast("pa.DictionaryArray[Any, Any]", pc.dictionary_encode(batch.column("id")))
        self._rows += batch.num_rows
        resolved = self._resolved(ids)
        columns: list[Column] = [resolved, *(batch.column(name) for name in ENCODED.names[1:])]
        rows = pa.RecordBatch.from_arrays(columns, schema=ENCODED)
        return rows.filter(pc.is_valid(resolved)) if resolved.null_count else rows

    def _refuse_future(self, batch: pa.RecordBatch) -> None:
        if self.latest is None or not batch.num_rows:
            return
        beyond = pc.greater(batch.column("time"), pa.scalar(self.latest, pa.timestamp("us")))
        if pc.any(beyond).as_py():
            row = batch.filter(beyond).slice(0, 1).to_pylist()[0]
            raise BadReadings(
                f"{row['time']} of {shown(row['id'])} is too far in the future",
                hint="check time_unit and the sender's clock; TWINHOUSE_FUTURE_DAYS says how far may be",
            )

    def _resolved(self, ids: pa.DictionaryArray[Any, Any]) -> pa.DictionaryArray[Any, Any]:
        """Return the UUIDs of the ids; null for those that are left out."""
        known = self.index.known_texts(ids.dictionary, self.source or self.file)
        if not known.null_count:
            self._found = pc.unique(pa.concat_arrays([self._found, known]))
            return pa.DictionaryArray.from_arrays(ids.indices, known)
        names = [str(name) for name in ids.dictionary.to_pylist()]
        for name, count in zip(names, np.bincount(ids.indices.to_numpy(), minlength=len(names)), strict=True):
            self._counts[name] += int(count)
        return _encoded([self._lookup(name) for name in names], ids.indices)

    def _lookup(self, identifier: str) -> str | None:
        if identifier not in self._uuids:
            self._uuids[identifier] = self._find(identifier)
        return self._uuids[identifier]

    def _find(self, identifier: str) -> str | None:
        if found := self.index.series_text(identifier, self.source or self.file):
            return found
        if self.known_only:
            return None
        if self.index.ambiguous(identifier):
            raise bad_request(
                f'several points have the series id "{identifier}"',
                hint="say which file or store the readings are from (source), or use UUIDs",
            )
        return str(derived_series(identifier, self.source))

    def report(self) -> IngestReport:
        """Return what has been resolved so far."""
        stored = {name: uuid for name, uuid in self._uuids.items() if uuid is not None}
        ignored = {name: self._counts[name] for name, uuid in self._uuids.items() if uuid is None}
        known = self.index.uuids
        return IngestReport(
            readings=self._rows - sum(ignored.values()),
            points=len(pc.unique(pa.concat_arrays([self._found, pa.array(stored.values(), pa.string())]))),
            unknown={name: self._counts[name] for name, uuid in stored.items() if uuid not in known},
            ignored=ignored,
        )


def _encoded(uuids: Sequence[str | None], indices: pa.Array[Any]) -> pa.DictionaryArray[Any, Any]:
    """Return the UUIDs that rows have by their indices; null for those that are None."""
    known = [uuid for uuid in uuids if uuid is not None]
    if len(known) < len(uuids):
        numbers = iter(range(len(known)))
        indices = pa.array([next(numbers) if uuid else None for uuid in uuids], pa.int32()).take(indices)
    return pa.DictionaryArray.from_arrays(indices, pa.array(known, pa.string()))


def ingest(
    store: SeriesStore,
    batches: Iterator[pa.RecordBatch],
    resolver: Resolver,
    receipt: Callable[[IngestReport], Receipt | None] = lambda _: None,
) -> IngestReport:
    """Store all readings and a receipt or, when `batches` raises, none. Durable and visible when it returns."""
    store_all(store, (resolver.resolve(batch) for batch in batches), lambda: receipt(resolver.report()))
    return resolver.report()


def store_all(
    store: SeriesStore, batches: Iterator[pa.RecordBatch], receipt: Callable[[], Receipt | None] = lambda: None
) -> None:
    """Store batches of `storage.series.store.ENCODED`, all or, when `batches` raises, none.

    Durable and visible when it returns. The receipt is made when they have ended.
    """
    most = store.options.bulk_rows
    head: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        head.append(batch)
        rows += batch.num_rows
        if rows >= most:
            _store_stream(store, head, batches, receipt)
            return
    store.append(pa.Table.from_batches(head, ENCODED), receipt())


def at_most(batches: Iterator[pa.RecordBatch], most: int) -> Iterator[pa.RecordBatch]:
    """Yield the batches. Raises a 413 problem where they have more rows."""
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        if rows > most:
            hint = "send it in parts; each request is stored whole or not at all"
            raise Problem(413, "too-many-readings", f"the body has more than {most:,} readings", hint=hint)
        yield batch


def _store_stream(
    store: SeriesStore,
    head: list[pa.RecordBatch],
    rest: Iterator[pa.RecordBatch],
    receipt: Callable[[], Receipt | None],
) -> None:
    """Stream into one run. An error of the source is raised as it was, not as the engine passes it on."""
    failed: list[Exception] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from head
            yield from rest
        except Exception as error:
            failed.append(error)
            raise

    try:
        store.append_stream(pa.RecordBatchReader.from_batches(ENCODED, batches()), receipt)
    except Exception:
        if failed:
            raise failed[0] from None
        raise
