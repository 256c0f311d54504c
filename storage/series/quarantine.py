"""Files that are not what was written: set apart, so that the rest is served, and never passed over in silence.

The tables `quarantine` and `quarantine_series` keep what the catalog said of them. A selection that would need one of
their readings is an error, until an intact copy of the file is back or somebody gives its readings up.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import duckdb

from storage.errors import InQuarantine
from storage.series import catalog
from storage.series.catalog import Segment
from storage.series.engine import engine_errors, table_of
from storage.series.hot import HotTier
from storage.series.rolled_up import RollupFile
from storage.series.segments import ARCHIVE, SegmentFiles, describe, digest, ends_in
from storage.series.sql import Window, quote, timestamp

_FIELDS = "segment, level, seq, first_day, last_day, first, last, rows, bytes, digest"
# What of a quarantined series has not been deleted as a whole since.
_NEEDED = """
SELECT DISTINCT q.segment FROM quarantine_series AS q JOIN quarantine USING (segment)
ANTI JOIN deletions AS d ON d.id = q.id AND d.seq > quarantine.seq AND d.first <= q.first AND d.last > q.last
WHERE {window} AND {some}
"""

# The series whose latest value may be known from a quarantined file alone.
_LATEST = """
SELECT latest.id::VARCHAR AS id FROM latest JOIN quarantine_series AS q USING (id)
WHERE q.segment = {number} AND latest.time >= q.first AND latest.time <= q.last
"""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A file that was set apart, and why."""

    segment: Segment
    reason: str

    def __str__(self) -> str:
        segment = self.segment
        return (
            f"{segment.file_name} is in quarantine (it {self.reason}): {segment.rows:,} readings from"
            f" {segment.first_day} to {segment.last_day} cannot be read"
        )


def quarantined(cursor: duckdb.DuckDBPyConnection) -> list[Quarantined]:
    """Return what is set apart."""
    found = cursor.execute(f"SELECT reason, {_FIELDS} FROM quarantine ORDER BY segment").fetchall()
    return [Quarantined(Segment(*row), reason) for reason, *row in found]


def refuse_lost(cursor: duckdb.DuckDBPyConnection, window: Window, *, some: bool) -> None:
    """Raise InQuarantine where readings of a window are, of any series or with `some`, of those in `wanted`."""
    if not cursor.execute("SELECT 1 FROM quarantine LIMIT 1").fetchall():
        return
    parts = [f"q.last >= {timestamp(window.start)}"] if window.start else []
    parts += [f"q.first < {timestamp(window.end)}"] if window.end else []
    ids = "q.id::VARCHAR IN (SELECT id FROM wanted)" if some else "true"
    found = cursor.execute(_NEEDED.format(window=" AND ".join(parts) or "true", some=ids)).fetchall()
    refuse(cursor, {number for (number,) in found})


def refuse(cursor: duckdb.DuckDBPyConnection, needed: Iterable[int]) -> None:
    """Raise InQuarantine where one of these segments is in quarantine."""
    lost = [str(found) for found in quarantined(cursor) if found.segment.number in set(needed)]
    if lost:
        raise InQuarantine("; ".join(lost))


class Quarantine:
    """Sets files apart, takes them back, gives them up. The caller keeps the keeper at rest."""

    def __init__(self, hot: HotTier, files: SegmentFiles) -> None:
        self._hot = hot
        self._files = files

    def held(self) -> list[Quarantined]:
        """Return what is set apart."""
        with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
            return quarantined(cursor)

    def set_apart(self, broken: Sequence[tuple[Segment, str]]) -> None:
        """Take files out of the catalog, each with the reason. Durable when it returns."""
        if not broken:
            return
        orphans: list[RollupFile] = []
        with self._hot.transaction() as cursor:
            for segment, reason in broken:
                number = segment.number
                cursor.execute(
                    f"INSERT INTO quarantine ({_FIELDS}, reason) SELECT {_FIELDS}, {quote(reason)} FROM segments"
                    f" WHERE segment = {number}"
                )
                cursor.execute(f"INSERT INTO quarantine_series SELECT * FROM segment_series WHERE segment = {number}")
                orphans += catalog.remove(cursor, [segment])
            left = catalog.segments(cursor)
        self._files.retire(orphans)
        self._files.publish(left)
        for segment, _ in broken:
            self._files.set_apart(segment)

    def take_back(self) -> list[Segment]:
        """Catalog again what is whole by now; returns it. As a run: newer files may have its days meanwhile."""
        with contextlib.closing(self._hot.cursor()) as cursor, engine_errors():
            whole = [q.segment for q in quarantined(cursor) if self._is_whole(q.segment)]
            for segment in whole:
                path, archive = self._files.take_back(segment), segment.level == ARCHIVE
                written = describe(cursor, segment.number, path, ARCHIVE if archive else 0)
                ends = None if archive else ends_in(cursor, path, segment.seq)
                with self._hot.transaction() as transaction:
                    _forget(transaction, segment)
                    catalog.enter(transaction, [written], segment.seq)
                    if ends is not None:
                        self._hot.latest.enter(transaction, ends)
        return whole

    def _is_whole(self, segment: Segment) -> bool:
        for path in (self._files.apart(segment), self._files.path(segment)):
            with contextlib.suppress(OSError):
                if path.stat().st_size == segment.bytes and segment.digest in (None, digest(path)):
                    return True
        return False

    def give_up(self, number: int, settle: Callable[[duckdb.DuckDBPyConnection], object]) -> bool:
        """Forget a file and its readings for good; returns whether it was in quarantine.

        `settle` finds other latest values for the series of the table `wanted`.
        """
        with self._hot.revising() as (cursor, _):
            found = [q.segment for q in quarantined(cursor) if q.segment.number == number]
            for segment in found:
                cursor.register("wanted", table_of(cursor, _LATEST.format(number=number)))
                _forget(cursor, segment)
                cursor.execute("DELETE FROM latest WHERE id IN (SELECT id::UUID FROM wanted)")
                settle(cursor)
        for segment in found:
            self._files.apart(segment).unlink(missing_ok=True)
        return bool(found)


def _forget(cursor: duckdb.DuckDBPyConnection, segment: Segment) -> None:
    for table in ("quarantine", "quarantine_series"):
        cursor.execute(f"DELETE FROM {table} WHERE segment = ?", [segment.number])
