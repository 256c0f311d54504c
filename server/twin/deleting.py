"""Deletes readings of points, or says how many that would be."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from storage.series.sql import Window
from storage.series.store import SeriesStore


@dataclass(frozen=True, slots=True)
class DeleteReport:
    """How many readings of how many points were deleted, or with `dry_run`, would be."""

    readings: int
    points: int
    dry_run: bool


def delete(store: SeriesStore, bindings: pa.Table, window: Window, *, seconds: float, dry_run: bool) -> DeleteReport:
    """Delete the readings of the series in `bindings` (a column `id`). Durable and visible when it returns.

    Raises DeadlineExceeded, with nothing deleted, where counting them takes longer than `seconds`.
    """
    ids = sorted({str(uuid) for uuid in bindings.column("id").to_pylist()})
    readings = store.count(ids, window, seconds=seconds)
    if not dry_run:
        store.delete(ids, window)
    return DeleteReport(readings, len(ids), dry_run)
