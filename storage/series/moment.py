"""What one read sees of the catalog: of one moment, and with the files that it names kept on disk."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

import duckdb

from storage.series.catalog import Segment
from storage.series.hot import hot_extent
from storage.series.known import Catalog, Known
from storage.series.layers import Days, Deleted, days_between, deleted
from storage.series.quarantine import refuse_lost
from storage.series.rolled_up import RolledUp, RollupFile
from storage.series.segments import SegmentFiles
from storage.series.spans import Spans
from storage.series.sql import Window


class Moment:
    """The catalog in the transaction of a cursor, in which nothing may have been read before.

    Else a file could go between what the transaction sees and its lease. It is about so many `series`, those of the
    table `wanted`, which may come later; or about all of them.
    """

    def __init__(
        self, cursor: duckdb.DuckDBPyConnection, files: SegmentFiles, series: int | None, known: Known | None = None
    ) -> None:
        """`known` is the catalog as others have read it; a transaction that has changed it has none."""
        self.cursor = cursor
        self.series = series
        self.some = series is not None
        self._files = files
        self._known = known
        self._leased = files.lease(self._look)
        self._used: set[Segment | RollupFile] = set()
        self.segments = list(self._catalog.segments)

    def _look(self) -> list[Segment | RollupFile]:
        if self._known is not None:
            self._catalog, self.hot = self._known.look(self.cursor)
        else:
            self._catalog, self.hot = Catalog.read(self.cursor), hot_extent(self.cursor)
        return self._catalog.files

    @cached_property
    def extent(self) -> tuple[datetime, datetime] | None:
        """The first and last time of all that is stored."""
        spans = [*([self.hot] if self.hot else []), *((s.first, s.last) for s in self.segments)]
        return (min(first for first, _ in spans), max(last for _, last in spans)) if spans else None

    @cached_property
    def hot_days(self) -> Days:
        """The days of hot readings."""
        return days_between(self.cursor, *self.hot) if self.hot else Days(())

    @property
    def run_days(self) -> dict[int, Days]:
        """The days of each run."""
        return self._catalog.run_days

    @cached_property
    def touched(self) -> Spans:
        """The times of the days of what is not compacted."""
        return Spans.of_days(day for days in (self.hot_days, *self.run_days.values()) for day in days)

    @cached_property
    def gone(self) -> list[Deleted]:
        """What was deleted."""
        return deleted(self.cursor, some=self.some) if self._catalog.deletions else []

    @property
    def rolled_up(self) -> RolledUp:
        """The files of the rollups of each segment that has some."""
        return self._catalog.rolled_up

    def refuse_lost(self, window: Window) -> None:
        """Raise InQuarantine where readings of a window are that it is about."""
        if self._catalog.lost:
            refuse_lost(self.cursor, window, some=self.some)

    def use(self, files: Iterable[Segment | RollupFile]) -> None:
        """Keep files beyond the planning."""
        self._used.update(files)

    def planned(self) -> None:
        """Let go of all files that are not used."""
        spare = [file for file in self._leased if file not in self._used]
        self._leased = [file for file in self._leased if file in self._used]
        self._files.let_go(spare)

    def close(self) -> None:
        """Let go of all files. Closing twice is fine."""
        leased, self._leased = self._leased, []
        self._files.let_go(leased)
