"""Copies of the series, and the check of what is on disk."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

import duckdb

from storage.errors import DirectoryError
from storage.files import make_directory, sync_directory, sync_file
from storage.series import catalog
from storage.series.catalog import Segment
from storage.series.engine import engine_errors
from storage.series.hot import HotTier
from storage.series.quarantine import refuse_lost
from storage.series.rolled_up import RollupFile, files_of, rolled_up
from storage.series.segments import ARCHIVE, SegmentFiles, digest
from storage.series.sql import Window, parquet


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file that never changes a second name: a hard link, or across file systems a copy."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise  # to copy over it would change whatever else has that file
    except OSError:
        shutil.copyfile(source, target)
        sync_file(target)


def copy(hot: HotTier, files: SegmentFiles, target: Path) -> None:
    """Copy the hot tier and the segments that it names to `target`, both as of one commit. Durable at return."""
    make_directory(target / "segments")
    with contextlib.closing(hot.cursor()) as cursor:
        cursor.execute("BEGIN")
        segments = files.lease(lambda: catalog.segments(cursor))
        try:
            hot.copy_to(target / "hot.duckdb", cursor)
            for segment in segments:
                link_or_copy(files.path(segment), target / "segments" / segment.file_name)
        finally:
            files.let_go(segments)
    sync_file(target / "hot.duckdb")
    sync_directory(target / "segments")
    sync_directory(target)


def refuse_full(target: Path) -> None:
    """Raise DirectoryError where there is something."""
    if target.exists() and any(target.iterdir()):
        raise DirectoryError(f"{target} is not empty")


def export(hot: HotTier, files: SegmentFiles, target: Path) -> None:
    """Copy the compacted segments to `target` as a hive-partitioned data set.

    Raises InQuarantine where it would lack readings.
    """
    with contextlib.closing(hot.cursor()) as cursor, engine_errors():
        refuse_lost(cursor, Window(), some=False)
        segments = files.lease(lambda: [s for s in catalog.segments(cursor) if s.level == 1])
    try:
        make_directory(target)
        for segment in segments:
            public = target / segment.public_name
            make_directory(public.parent)
            link_or_copy(files.path(segment), public)
    finally:
        files.let_go(segments)


def check(hot: HotTier, files: SegmentFiles) -> list[tuple[Segment, str]]:
    """Read every segment and compare it with the catalog; returns the broken ones, and what is wrong with each."""
    with contextlib.closing(hot.cursor()) as cursor:
        segments = files.lease(lambda: catalog.segments(cursor))
        try:
            found = ((segment, check_segment(cursor, files.path(segment), segment)) for segment in segments)
            return [(segment, fault) for segment, fault in found if fault]
        finally:
            files.let_go(segments)


def broken_rollups(hot: HotTier, files: SegmentFiles) -> list[RollupFile]:
    """Read every file of rollups; returns those that cannot be read."""
    with contextlib.closing(hot.cursor()) as cursor:
        rollups = files.lease(lambda: sorted(files_of(rolled_up(cursor)), key=lambda file: file.file_name))
        try:
            return [file for file in rollups if not _can_be_read(cursor, files.rollup(file))]
        finally:
            files.let_go(rollups)


def _can_be_read(cursor: duckdb.DuckDBPyConnection, path: Path) -> bool:
    try:
        cursor.execute(f"SELECT sum(hash(r)) FROM {parquet([path])} AS r").fetchall()
    except (duckdb.Error, UnicodeDecodeError):
        return False
    return True


def check_segment(cursor: duckdb.DuckDBPyConnection, path: Path, segment: Segment) -> str | None:
    """Read a whole segment; returns what is wrong with it, or None."""
    if not path.exists():
        return "is missing"
    if segment.digest and digest(path) != segment.digest:
        return "is not what was written"
    if segment.level == ARCHIVE:  # the digest says it all
        return None
    try:
        [(found, ordered)] = cursor.execute(
            "SELECT count(*), count(*) FILTER (previous IS NULL OR (id, time) > previous) FROM ("
            f"SELECT id, time, value, text, status, lag((id, time)) OVER (ORDER BY file_row_number) AS previous"
            f" FROM {parquet([path], row_numbers=True)})"
        ).fetchall()
    except duckdb.Error as error:
        return f"cannot be read: {str(error).splitlines()[0]}"
    if found != segment.rows:
        return f"has {found:,} readings, the catalog says {segment.rows:,}"
    return None if ordered == found else "is not in order of id and time, each once"
