"""The catalog of rollups (storage.series.rollups): which file has those of which segments.

Each segment gets files of its own at first. Small ones are merged later, so that a series lies together in a few;
what such a file has of a segment that has gone since is left out by its days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

SCHEMA = """
CREATE TABLE IF NOT EXISTS rollups (
    segment BIGINT NOT NULL, tier VARCHAR NOT NULL, rows BIGINT NOT NULL, bytes BIGINT NOT NULL
);
ALTER TABLE rollups ADD COLUMN IF NOT EXISTS file BIGINT;
ALTER TABLE rollups ADD COLUMN IF NOT EXISTS parts BIGINT;
ALTER TABLE rollups ADD COLUMN IF NOT EXISTS form BIGINT;
"""
FORM = 1
"""The number of the form of files (storage.series.rollup_form): those of another are made anew."""
_FILE = "coalesce(file, segment)"  # one of its own has the segment's number
LAST_FILE = f"(SELECT max({_FILE}) FROM rollups)"


@dataclass(frozen=True, slots=True)
class RollupFile:
    """A file of rollups of one tier. It is `whole` as long as all segments that it was made of are there."""

    number: int
    tier: str
    whole: bool = field(default=True, compare=False)

    @property
    def file_name(self) -> str:
        """Its name in `series/rollups/`."""
        return f"{self.number:010d}.{self.tier}.parquet"


RolledUp = Mapping[int, Mapping[str, RollupFile]]
"""By the number of each segment that has rollups, the file of each tier for which there is one."""


def rolled_up(cursor: duckdb.DuckDBPyConnection) -> RolledUp:
    """Return what the catalog says."""
    found = cursor.execute(
        f"SELECT segment, tier, rows, {_FILE}, count(*) OVER (PARTITION BY tier, {_FILE}) = coalesce(parts, 1)"
        " FROM rollups"
    ).fetchall()
    known: dict[int, dict[str, RollupFile]] = {}
    for segment, tier, rows, number, whole in found:
        files = known.setdefault(segment, {})
        if rows:
            files[tier] = RollupFile(number, tier, whole)
    return known


def outdated(cursor: duckdb.DuckDBPyConnection) -> list[int]:
    """Return the segments whose rollups an early version has written, in another form."""
    found = cursor.execute("SELECT DISTINCT segment FROM rollups WHERE form IS DISTINCT FROM ?", [FORM]).fetchall()
    return [number for (number,) in found]


def files_of(known: RolledUp) -> set[RollupFile]:
    """Return all files."""
    return {file for files in known.values() for file in files.values()}


def rows_of(cursor: duckdb.DuckDBPyConnection, tier: str) -> dict[int, int]:
    """Return how many rows each segment has in the files of a tier."""
    return dict(cursor.execute("SELECT segment, rows FROM rollups WHERE tier = ? AND rows > 0", [tier]).fetchall())


def enter(cursor: duckdb.DuckDBPyConnection, segment: int, tier: str, rows: int, size: int) -> None:
    """Enter the rollup of a segment that is catalogued; one without rows says that there is not to be a file."""
    cursor.execute(
        "INSERT INTO rollups SELECT segment, ?, ?, ?, NULL, NULL, ? FROM segments WHERE segment = ?",
        [tier, rows, size, FORM, segment],
    )


def enter_merged(
    cursor: duckdb.DuckDBPyConnection, file: RollupFile, segments: Sequence[int], size: int
) -> list[RollupFile]:
    """Enter one file in place of those that some segments had; returns what goes. Its bytes are theirs by rows."""
    before = files_of(rolled_up(cursor))
    cursor.execute(
        "UPDATE rollups SET file = ?, parts = ?, bytes = ? * rows // (SELECT sum(rows) FROM rollups WHERE tier = ?"
        " AND segment IN (SELECT unnest(?::BIGINT[]))) WHERE tier = ? AND segment IN (SELECT unnest(?::BIGINT[]))",
        [file.number, len(segments), size, file.tier, list(segments), file.tier, list(segments)],
    )
    return _gone(cursor, before)


def forget(cursor: duckdb.DuckDBPyConnection, segments: Sequence[int]) -> list[RollupFile]:
    """Forget the rollups of segments; returns the files that no other segment has."""
    before = files_of(rolled_up(cursor))
    cursor.execute("DELETE FROM rollups WHERE segment IN (SELECT unnest(?::BIGINT[]))", [list(segments)])
    return _gone(cursor, before)


def _gone(cursor: duckdb.DuckDBPyConnection, before: set[RollupFile]) -> list[RollupFile]:
    return sorted(before - files_of(rolled_up(cursor)), key=lambda file: file.file_name)
