"""The catalog as it was read last, for as long as it does not change: most reads need not ask for it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import duckdb

from storage.series import catalog
from storage.series.catalog import Segment
from storage.series.layers import Days, days_of

Extent = tuple[datetime, datetime] | None


@dataclass(frozen=True, slots=True)
class Catalog:
    """What reads are planned by: the files, their rollups and days, and whether anything is deleted or lost."""

    segments: tuple[Segment, ...]
    rolled_up: dict[int, set[str]]
    run_days: dict[int, Days]
    deletions: bool
    lost: bool

    @classmethod
    def read(cls, cursor: duckdb.DuckDBPyConnection) -> Catalog:
        """Return the catalog of the cursor's transaction."""
        segments = tuple(catalog.segments(cursor))
        [(deletions, lost)] = cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM deletions), EXISTS (SELECT 1 FROM quarantine)"
        ).fetchall()
        runs = days_of(cursor, [segment for segment in segments if segment.level == 0])
        return cls(segments, catalog.rolled_up(cursor), runs, deletions, lost)


class Known:
    """Keeps the catalog of the newest version that was read.

    `version` gives a number that is odd while a change of the catalog is being committed, and another one afterwards.
    """

    def __init__(self, version: Callable[[], int]) -> None:
        self._version = version
        self._kept: tuple[int, Catalog] | None = None

    def look(self, cursor: duckdb.DuckDBPyConnection) -> tuple[Catalog, Extent]:
        """Return the catalog, and the first and last time of hot readings, as the cursor's transaction sees them.

        The transaction must not have read anything yet: what it sees is settled by its first statement. So if no
        change is committed around that, it sees the catalog of that version.
        """
        before, kept = self._version(), self._kept
        extent = hot_extent(cursor)
        settled = before == self._version() and before % 2 == 0
        if settled and kept is not None and kept[0] == before:
            return kept[1], extent
        found = Catalog.read(cursor)
        if settled:
            self._kept = before, found
        return found, extent


def hot_extent(cursor: duckdb.DuckDBPyConnection) -> Extent:
    """Return the first and last time of hot readings."""
    [(first, last)] = cursor.execute("SELECT min(time), max(time) FROM readings").fetchall()
    return (first, last) if first is not None else None
