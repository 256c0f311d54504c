"""Files and bodies of readings -> canonical batches (`READINGS`), streamed in bounded memory.

Limits: a batch has at most 131,072 readings; a line of CSV or NDJSON 4 MiB; CSV 10,000 columns; a JSON
document 64 MiB (NDJSON has no limit); a Parquet row group 1 GiB unpacked. `ReadOptions.max_rows` bounds the
whole.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

import pyarrow as pa

from server.tables.arrow_table import ArrowTable, ParquetTable
from server.tables.canonical import READINGS, Cells, Tally, long_batches, wide_batches
from server.tables.csv_table import CsvTable
from server.tables.errors import BadCell, BadReadings
from server.tables.formats import PACKED, TABLE_FORMATS, TableFormat, format_of, format_of_path
from server.tables.json_rows import JsonTable, NdjsonTable
from server.tables.options import ReadOptions, roles_of
from server.tables.rebatch import rebatched
from server.tables.sources import Piece, Source
from server.tables.times import TimeRules

__all__ = ["READINGS", "BadReadings", "ReadOptions", "ReadingsSource", "open_readings"]

MAX_BATCH_ROWS = 131_072
_NEED_TO_SEEK = frozenset({"arrow", "parquet"})

_SOURCES: dict[str, Callable[[BinaryIO, ReadOptions], Source]] = {
    "json": JsonTable,
    "ndjson": NdjsonTable,
    "csv": CsvTable,
    "arrow": lambda source, _options: ArrowTable(source),
    "parquet": lambda source, _options: ParquetTable(source),
}


def open_readings(
    source: BinaryIO | Path, media_type: str | None = None, options: ReadOptions | None = None
) -> ReadingsSource:
    """The readings of a file or body; of a path, the ending tells the format when no media type is given.

    A file ending in .gz or .zst is unpacked as it is read. Arrow and Parquet that cannot seek are copied to a
    temporary file first: close the result to close it.
    Raises BadReadings when the format is not known, or the header or footer is not what it should be; OSError
    when the path cannot be read.
    """
    settings = options or ReadOptions()
    table_format = _format(source, media_type)
    file, is_ours = _file(source, table_format)
    try:
        table = _SOURCES[table_format.name](file, settings)
        return ReadingsSource(table, settings, file if is_ours else None)
    except BaseException:
        if is_ours:
            file.close()
        raise


def _file(source: BinaryIO | Path, table_format: TableFormat) -> tuple[BinaryIO, bool]:
    """The file to read, and whether it is ours to close."""
    seeks = table_format.name in _NEED_TO_SEEK
    if isinstance(source, Path) and source.suffix.lower() not in PACKED:
        return source.open("rb"), True
    if isinstance(source, Path):
        unpacked = cast("BinaryIO", pa.input_stream(str(source), compression="detect"))
        if not seeks:
            return unpacked, True
        with unpacked:
            return _copied(unpacked), True
    return (_copied(source), True) if seeks and not source.seekable() else (source, False)


def _copied(source: BinaryIO) -> BinaryIO:
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - the ReadingsSource closes it
    shutil.copyfileobj(source, copy, 1 << 20)
    copy.seek(0)
    return cast("BinaryIO", copy)


def _format(source: BinaryIO | Path, media_type: str | None) -> TableFormat:
    found = format_of(media_type) if media_type is not None else None
    if media_type is None and isinstance(source, Path):
        found = format_of_path(source)
    if found is None:
        given = media_type or (source.suffix if isinstance(source, Path) else "none given")
        known = ", ".join(one.media_type for one in TABLE_FORMATS.values())
        raise BadReadings(f"no table format is known as {given[:100]}", hint=f"use one of {known}")
    return found


class ReadingsSource:
    """Readings as they stream in, and what has been seen of them so far.

    A context manager: it closes a file that it opened.
    """

    def __init__(self, source: Source, options: ReadOptions, file: BinaryIO | None = None) -> None:
        self._source = source
        self._options = options
        self._file = file
        self._tally = Tally()
        self.roles = roles_of(source.columns, options)
        self._left_out = {"", *options.ignore} - {self.roles.time}
        self._cells = Cells(
            self.roles,
            TimeRules(options.timezone, options.time_unit),
            pa.array(options.missing, pa.string()),
            source.typed,
            source.decimal_comma,
        )

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Batches of `READINGS`, once. Raises BadReadings, after the batches before the bad row."""
        return rebatched(self._canonical(), MAX_BATCH_ROWS)

    def _canonical(self) -> Iterator[pa.RecordBatch]:
        for piece in self._source.pieces(self.roles):
            before = self._tally.rows_read
            try:
                yield from self._converted(piece)
            except BadCell as error:
                line = piece.line_of(error.offset) if piece.line_of else None
                raise error.at(before, line) from None

    def _converted(self, piece: Piece) -> Iterator[pa.RecordBatch]:
        rows = piece.rows
        if self.roles.wide:
            rows = rows.select([name for name in rows.schema.names if name not in self._left_out])
        convert = wide_batches if self.roles.wide else long_batches
        for batch in convert(rows, self._cells, self._tally):
            self._tally.readings += batch.num_rows
            if self._options.max_rows is not None and self._tally.readings > self._options.max_rows:
                raise BadReadings(f"more than {self._options.max_rows} readings")
            yield batch

    @property
    def columns(self) -> tuple[str, ...]:
        """Of a wide table the series found so far; of a long one the columns in use."""
        if not self.roles.wide:
            return tuple(self.roles.named)
        return tuple(name for name, is_series in self._tally.series.items() if is_series)

    @property
    def ignored(self) -> tuple[str, ...]:
        """The columns that are not read; of a wide table, as far as they are known to hold no numbers."""
        if self.roles.wide:
            text = {name for name, is_series in self._tally.series.items() if not is_series}
            return tuple(name for name in self._source.columns if name in text | self._left_out)
        return tuple(name for name in self._source.columns if name not in self.roles.named)

    @property
    def rows_read(self) -> int:
        """Rows of the source so far."""
        return self._tally.rows_read

    @property
    def rows_missing(self) -> int:
        """Rows, or cells of a wide table, that held no reading."""
        return self._tally.rows_missing

    @property
    def readings(self) -> int:
        """Readings given out so far."""
        return self._tally.readings

    @property
    def ambiguous_times(self) -> int:
        """Local times that came twice as the clocks went back, and were taken as the earlier."""
        return self._tally.ambiguous_times

    @property
    def bytes_read(self) -> int:
        """Bytes of the source consumed so far, roughly."""
        return self._source.bytes_read

    def close(self) -> None:
        """Closes the file when this opened it; closing twice is fine."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> ReadingsSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
