"""Arrow IPC (stream or file) and Parquet in pieces of typed columns.

Everything that comes in is validated in full before use, as offsets in a hostile file could point anywhere.
A row group of Parquet may unpack to 1 GiB; a record batch of Arrow is read as it was
sent, so whoever accepts one bounds the size of the body.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from server.tables.errors import BadReadings
from server.tables.options import Roles
from server.tables.sources import Piece

MAX_ROW_GROUP_BYTES = 1 << 30
_ROWS = 131_072
_FILE_MAGIC = b"ARROW1"


class ArrowTable:
    """An Arrow stream or file, told apart by its first bytes. The schema is read when the table is made."""

    typed, decimal_comma = True, False

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        with _plain_errors("Arrow"):
            self._reader = _open_arrow(self._source)
            self.columns = _column_names(self._reader.schema)

    @property
    def bytes_read(self) -> int:
        return self._source.tell()

    def pieces(self, roles: Roles) -> Iterator[Piece]:
        batches = self._batches()
        while True:
            with _plain_errors("Arrow"):
                batch = next(batches, None)
                if batch is None:
                    return
                batch.validate(full=True)
            wanted = batch if roles.wide else batch.select(roles.named)
            for start in range(0, wanted.num_rows, _ROWS):
                yield Piece(wanted.slice(start, _ROWS))

    def _batches(self) -> Iterator[pa.RecordBatch]:
        if isinstance(self._reader, pa.RecordBatchFileReader):
            for index in range(self._reader.num_record_batches):
                yield self._reader.get_batch(index)
        else:
            yield from self._reader


class ParquetTable:
    """A Parquet file. Its footer is read when the table is made."""

    typed, decimal_comma = True, False

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.bytes_read = 0
        with _plain_errors("Parquet"):
            self._file = pq.ParquetFile(self._source)
            self.columns = _column_names(self._file.schema_arrow)

    def pieces(self, roles: Roles) -> Iterator[Piece]:
        wanted = list(self.columns) if roles.wide else roles.named
        for group in range(self._file.num_row_groups):
            self._check_size(group)
            batches = self._file.iter_batches(_ROWS, row_groups=[group], columns=wanted)
            while True:
                with _plain_errors("Parquet"):
                    batch = next(batches, None)
                    if batch is None:
                        break
                    batch.validate(full=True)
                yield Piece(batch)
            self.bytes_read = self._source.tell()

    def _check_size(self, group: int) -> None:
        """By the sum in the footer: asking pyarrow 26 for a damaged column's own metadata ends the process."""
        if self._file.metadata.row_group(group).total_byte_size > MAX_ROW_GROUP_BYTES:
            limit = f"row group {group + 1} unpacks to more than {MAX_ROW_GROUP_BYTES >> 30} GiB"
            raise BadReadings(limit, hint="write the file with smaller row groups")


def _open_arrow(source: BinaryIO) -> pa.RecordBatchFileReader | pa.RecordBatchStreamReader:
    start = source.read(len(_FILE_MAGIC))
    source.seek(-len(start), io.SEEK_CUR)
    file = pa.PythonFile(source, mode="r")  # type: ignore[arg-type]  # any file object will do
    return pa.ipc.open_file(file) if start == _FILE_MAGIC else pa.ipc.open_stream(file)


@contextmanager
def _plain_errors(name: str) -> Iterator[None]:
    """pyarrow's errors as BadReadings: a file cut short or corrupt shows as any of these."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError, MemoryError, EOFError) as error:
        if isinstance(error, BadReadings):
            raise
        raise BadReadings(f"not {name}, or damaged: {str(error)[:200]}") from None


def _column_names(schema: pa.Schema) -> tuple[str, ...]:
    names = tuple(schema.names)
    for kind in schema.types:
        _check_zone(kind.value_type if isinstance(kind, pa.DictionaryType) else kind)
    if len(set(names)) < len(names):
        raise BadReadings("two columns have the same name")
    return names


def _check_zone(kind: pa.DataType) -> None:
    """Raises UnicodeDecodeError, a ValueError, for a time zone that is not UTF-8, here and not later."""
    if isinstance(kind, pa.TimestampType):
        _ = kind.tz
