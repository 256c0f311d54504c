"""The solutions of a SELECT as typed columns, however many rows there are, in a bounded part of memory.

A column's type needs all its terms. So an answer is read twice: as it comes, when its cells go to a temporary file
and all that is kept is what each column can be; and from there, when they become values.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import pyarrow as pa

from server.twin.columns import best, column, kinds, names_of, read_cells
from server.twin.terms import Kind
from storage.errors import DiskFailed

_BLOCK = 4 << 20  # bytes of lines that are read at a time
_IN_MEMORY = 8 << 20
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


class TypedSolutions:
    """Takes an answer in TSV to its end: then `schema` is known, and `batches` can be had. Closing twice is fine."""

    def __init__(self, answer: Iterable[bytes], folder: Path) -> None:
        """The temporary file is in `folder`. Raises what the answer does, and DiskFailed."""
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(folder))  # noqa: SIM115 - `close` closes it
        try:
            with _disk_errors():
                self.schema, self._kinds = self._take(answer)
        except BaseException:
            self.close()
            raise

    def _take(self, answer: Iterable[bytes]) -> tuple[pa.Schema, list[Kind | None]]:
        blocks = _blocks(answer)
        head, _, rest = next(blocks, b"\n").partition(b"\n")
        names = names_of(head)
        possible: list[set[Kind] | None] = [None for _ in names]
        with pa.ipc.new_stream(self._file, pa.schema([(n, pa.string()) for n in names]), options=_OPTIONS) as writer:
            for lines in chain((rest,), blocks) if names else ():
                cells = read_cells(names, lines)
                possible = [_both(known, seen) for known, seen in zip(possible, cells.columns, strict=True)]
                writer.write_batch(cells)
        chosen = [best(found or ()) for found in possible]
        types = [kind.type if kind else pa.string() for kind in chosen]
        return pa.schema(list(zip(names, types, strict=True))), chosen

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows. Raises DiskFailed."""
        with _disk_errors():
            self._file.seek(0)
            for cells in pa.ipc.open_stream(self._file):
                values = map(column, cells.columns, self._kinds)
                yield pa.RecordBatch.from_arrays(list(values), schema=self.schema)

    def close(self) -> None:
        """Let go of the temporary file."""
        self._file.close()


def _both(known: set[Kind] | None, cells: pa.Array) -> set[Kind] | None:  # type: ignore[type-arg] # of any type
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


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DiskFailed(f"the answer cannot be kept on disk: {error.strerror or error}") from error
