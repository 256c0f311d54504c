"""The catalog as it was read last, for as long as it does not change: most reads need not ask for it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import duckdb

from storage.series import catalog, rolled_up
from storage.series.catalog import FOREVER, Segment
from storage.series.hot import hot_extent
from storage.series.layers import Days, days_of
from storage.series.rolled_up import RolledUp, RollupFile

Extent = tuple[datetime, datetime] | None
_MARKS = f"""
SELECT EXISTS (SELECT 1 FROM deletions), EXISTS (SELECT 1 FROM deletions WHERE seq < {FOREVER}),
    (SELECT max(last) FROM deletions WHERE seq = {FOREVER}), EXISTS (SELECT 1 FROM quarantine)
"""


@dataclass(frozen=True, slots=True)
class Catalog:
    """What reads are planned by: the files, their rollups and days, and whether anything is deleted or lost.

    `removed` tells whether anything is deleted that has not had its time; `retired` is until when readings have.
    """

    segments: tuple[Segment, ...]
    rolled_up: RolledUp
    run_days: dict[int, Days]
    deletions: bool
    removed: bool
    retired: datetime | None
    lost: bool

    @property
    def files(self) -> list[Segment | RollupFile]:
        """All that a read may need on disk."""
        return [*self.segments, *rolled_up.files_of(self.rolled_up)]

    @classmethod
    def read(cls, cursor: duckdb.DuckDBPyConnection) -> Catalog:
        """Return the catalog of the cursor's transaction."""
        segments = tuple(catalog.segments(cursor))
        [(deletions, removed, retired, lost)] = cursor.execute(_MARKS).fetchall()
        runs = days_of(cursor, [segment for segment in segments if segment.level == 0])
        return cls(segments, rolled_up.rolled_up(cursor), runs, deletions, removed, retired, lost)


class Known:
    """Keeps the catalog of the newest version that was read.

    `version` gives a number that is odd while a change of the catalog is being committed, and another one afterwards.
    """

    def __init__(self, version: Callable[[], int]) -> None:
        self._version = version
        self._kept: tuple[int, Catalog] | None = None

    def settled(self) -> Catalog | None:
        """Return the catalog that is kept if it is that of this moment, the same object until something changes."""
        version, kept = self._version(), self._kept
        return kept[1] if kept is not None and kept[0] == version else None

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
