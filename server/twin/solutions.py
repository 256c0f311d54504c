"""The solutions of a SELECT as typed columns, however many rows there are, in a bounded part of memory.

A column's type needs all its terms. So an answer is read twice: as it comes, when its cells go to a temporary file
and all that is kept is what each column can be; and from there, when they become values.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from server.twin import columns
from server.twin.columns import best, names_of, read_cells
from server.twin.terms import Kind
from storage.files import disk_errors

_BLOCK = 4 << 20  # bytes of lines that are read at a time
_IN_MEMORY = 8 << 20
_ANSWER = "the answer, which becomes a table,"
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


Cells: TypeAlias = "pa.Array[Any]"


@dataclass(frozen=True, slots=True)
class Reading:
    """How cells of a column are read: what it can be besides text (None: they say nothing), and its values then."""

    kinds: Callable[[Cells], set[Kind] | None]
    values: Callable[[Cells, Kind | None], pa.Array[Any]]


class TypedSolutions:
    """Takes an answer to its end: then `schema` is known, and `batches` can be had. Closing twice is fine."""

    def __init__(
        self, names: Sequence[str], readings: Sequence[Reading], cells: Iterable[pa.RecordBatch], folder: Path
    ) -> None:
        """The batches have a column for each name. The temporary file is in `folder`.

        Raises what the answer does, and DiskFailed.
        """
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(folder))  # noqa: SIM115 - `close` closes it
        self._readings = readings
        try:
            with disk_errors(_ANSWER):
                self._kinds = [best(found or ()) for found in self._take(cells)]
        except BaseException:
            self.close()
            raise
        types = [kind.type if kind else pa.string() for kind in self._kinds]
        self.schema = pa.schema(list(zip(names, types, strict=True)))

    def _take(self, batches: Iterable[pa.RecordBatch]) -> list[set[Kind] | None]:
        possible: list[set[Kind] | None] = [None for _ in self._readings]
        writer: pa.ipc.RecordBatchStreamWriter | None = None
        for batch in batches:
            possible = [
                _both(known, seen, reading.kinds)
                for known, seen, reading in zip(possible, batch.columns, self._readings, strict=True)
            ]
            writer = writer or pa.ipc.new_stream(self._file, batch.schema, options=_OPTIONS)
            writer.write_batch(batch)
        if writer is not None:
            writer.close()
        return possible

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows. Raises DiskFailed."""
        with disk_errors(_ANSWER):
            if not self._file.tell():
                return
            self._file.seek(0)
            for cells in pa.ipc.open_stream(self._file):
                columns = zip(self._readings, cells.columns, self._kinds, strict=True)
                values = [reading.values(column, kind) for reading, column, kind in columns]
                yield pa.RecordBatch.from_arrays(values, schema=self.schema)

    def close(self) -> None:
        """Let go of the temporary file."""
        self._file.close()


def from_tsv(answer: Iterable[bytes], folder: Path) -> TypedSolutions:
    """Return the solutions of an answer in TSV. Raises what it does, and DiskFailed."""
    blocks = _blocks(answer)
    head, _, rest = next(blocks, b"\n").partition(b"\n")
    names = names_of(head)
    cells = (read_cells(names, lines) for lines in chain((rest,), blocks) if names)
    return TypedSolutions(names, [Reading(columns.kinds, columns.column)] * len(names), cells, folder)


def _both(known: set[Kind] | None, cells: Cells, kinds: Callable[[Cells], set[Kind] | None]) -> set[Kind] | None:
    """Return what a column can be that was known to be one of these, and goes on with these cells."""
    if known is not None and not known:
        return known
    found = kinds(cells)
    if known is None or found is None:
        return known if found is None else found
    return known & found


def _blocks(answer: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the answer in blocks of whole lines."""
    parts: list[bytes] = []
    size = 0
    for chunk in answer:
        parts.append(chunk)
        size += len(chunk)
        if size >= _BLOCK and (end := chunk.rfind(b"\n") + 1):
            parts[-1] = chunk[:end]
            yield b"".join(parts)
            parts = [chunk[end:]]
            size = len(parts[0])
    if size:
        yield b"".join(parts)
