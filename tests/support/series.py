"""Readings for tests: short ids, times in minutes, and what a store holds as plain Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from storage.series.selection import Selection
from storage.series.store import SCHEMA, Options, SeriesStore

START = datetime(2026, 1, 30)
Value = float | str | None
Reading = tuple[str, datetime, float | None, str | None, str | None]  # id, time, value, text, status

QUIET = Options(memory=256 << 20, threads=1, seal_seconds=3600.0, seal_rows=1 << 40, compact_runs=1 << 30)


def series_id(number: int) -> str:
    """Return the id of the test series with this number."""
    return str(UUID(int=number))


def minute(number: float) -> datetime:
    """Return the time so many minutes after START."""
    return START + timedelta(minutes=number)


def reading(series: int, at: float, value: Value, status: str | None = None) -> Reading:
    """Return a reading; a text value goes to `text`."""
    text = value if isinstance(value, str) else None
    return series_id(series), minute(at), None if text is not None else value, text, status  # type: ignore[return-value]


def table(rows: Sequence[Reading]) -> pa.Table:
    """Return readings as the store takes them."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(SCHEMA.names)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def rows_of(result: pa.Table | Iterable[pa.RecordBatch]) -> list[tuple[object, ...]]:
    """Return the rows of a result as tuples."""
    batches = result.to_batches() if isinstance(result, pa.Table) else list(result)
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


def answer_for(store: SeriesStore, data: Mapping[int, float], selection: Selection) -> list[tuple[object, ...]]:
    """Return the answer for a series of `data` (by the minute) alone, stored partly hot and partly not."""
    rows = [reading(1, at, value) for at, value in data.items()]
    store.append_stream(table(rows[::2]).to_reader())
    store.append(table(rows[1::2]))
    return rows_of(store.select(selection, pa.table({"id": [series_id(1)]})))


def everything(store: SeriesStore) -> list[tuple[object, ...]]:
    """Return all readings of a store, by id and time."""
    return rows_of(store.select(Selection()))


def public_rows(directory: Path) -> list[tuple[object, ...]]:
    """Return the readings of the public data set, by id and time, as somebody else reads them."""
    files = sorted((directory / "readings").rglob("*.parquet"))
    found = pa.concat_tables([pq.read_table(file, partitioning=None) for file in files] or [table([])])
    return rows_of(found.sort_by([("id", "ascending"), ("time", "ascending")]))


def public_files(directory: Path) -> list[str]:
    """Return the files of the public data set."""
    readings = directory / "readings"
    return sorted(str(p.relative_to(readings)) for p in readings.rglob("*") if not p.is_dir())
