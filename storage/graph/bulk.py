"""Loads documents into a store that nobody else has open: without transactions, in bounded memory.

The engine is fastest with many quads at a time, on all processors; but what it needs grows with them. So of N-Quads
and N-Triples, where a statement is a line, it gets pieces, two at a time, and reads them itself. It gives blank nodes
other labels in each piece: lines that may have some are put aside, and come last, parted by blank nodes or in one go.
"""

from __future__ import annotations

import gc
import os
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import chain, islice
from pathlib import Path
from typing import IO, NamedTuple

import pyoxigraph as ox

from storage.errors import DiskFailed
from storage.files import sync_directory, sync_file
from storage.graph import sharing
from storage.graph.blank_nodes import Parts
from storage.graph.compaction import compacting, put_off
from storage.graph.filling import finish

LINE_FORMATS = (ox.RdfFormat.N_QUADS, ox.RdfFormat.N_TRIPLES)
_STEP = 4 << 20  # bytes that are read at a time
_LONGEST = 64 << 20  # bytes of a line: four terms, each as long as the engine reads
_PIECE = 48 << 20  # bytes of a piece, or
_LINES = 300_000  # lines: some 300 MB in the engine
_BATCH = 250_000  # quads that the engine sorts in memory at a time: some 250 MB
# Bytes of a document for which compaction is put off: with less there is little of it, and with more there are
# hundreds of files of a kind, which it would merge in one go.
_PUT_OFF = range(512 << 20, 8 << 30)
_WORKERS = min(2, os.cpu_count() or 1)
_STATEMENT = re.compile(rb"[ \t]*[<_]")
_NEXT_STATEMENT = re.compile(rb"\n[ \t]*[<_]")  # a literal first byte: far faster than `^`
Graph = ox.NamedNode | ox.BlankNode | ox.DefaultGraph


class NotInLines(ValueError):
    """A line is too long for a piece."""


class Lines(NamedTuple):
    """A document of lines."""

    path: Path
    format: ox.RdfFormat


def make_store(path: Path, lines: Lines | None, quads: Callable[[], Iterator[ox.Quad]]) -> tuple[int, set[Graph]]:
    """Make a store of a document, given as `lines` or else as `quads`; returns the number of these, and the graphs.

    It is on disk when this returns, compacted, and says what its graphs share. Blank nodes are renamed. With large
    `lines`, other stores of this process are compacted later than they would be. Raises what `quads` raises,
    DiskFailed, and WriterCrashed.
    """
    try:
        large = lines is not None and lines.path.stat().st_size in _PUT_OFF
        found = _filled(path, lines, quads, large=large)
        gc.collect()  # the traceback of an error in the lines may hold the store, which is to be closed
        if large:
            finish(path)
        else:
            sync_store(path)
    except OSError as error:
        raise DiskFailed(f"the graph could not be written: {error.strerror or error}") from error
    return found


def _filled(
    path: Path, lines: Lines | None, quads: Callable[[], Iterator[ox.Quad]], *, large: bool
) -> tuple[int, set[Graph]]:
    """Return what make_store does; of one that is `large` the rest is for another process."""
    store, count = ox.Store(str(path)), None
    if large:
        put_off()
    if lines is not None:
        with suppress(SyntaxError, NotInLines):  # of what went wrong, the quads tell the place in the document
            count = load_lines(store, lines, path.parent, rename=True)
    if count is None:
        count = load_quads(store, quads())
    if not large:
        with compacting(store, path):
            sharing.find(store, path)
    graphs = set[Graph](store.named_graphs())
    if next(store.quads_for_pattern(None, None, None, ox.DefaultGraph()), None) is not None:
        graphs.add(ox.DefaultGraph())
    return count, graphs


def sync_store(path: Path) -> None:
    """Make a store durable. It must be closed, or the engine would remove some of its files meanwhile."""
    for file in path.iterdir():
        sync_file(file)
    sync_directory(path)


def load_quads(store: ox.Store, quads: Iterator[ox.Quad]) -> int:
    """Add quads; returns how many there are. Blank nodes keep their labels."""
    count = 0

    def counted(batch: Iterator[ox.Quad]) -> Iterator[ox.Quad]:
        nonlocal count
        for quad in batch:
            count += 1
            yield quad

    for first in quads:
        store.bulk_extend(counted(chain([first], islice(quads, _BATCH - 1))))
    return count


def load_lines(store: ox.Store, lines: Lines, folder: Path, *, rename: bool = False) -> int:
    """Add the quads of a document; returns how many there are. Blank nodes keep their labels, or all get new ones.

    What is put aside is in files without names, in the folder. Raises SyntaxError, whose place is that in a piece,
    or NotInLines. Then only some of the quads that have no blank nodes are there.
    """
    with lines.path.open("rb") as file, closing(Parts(folder, os.fstat(file.fileno()).st_size)) as parts:
        pieces = _Pieces(file, parts.add if rename else parts.rest.write)
        _load_each(store, iter(pieces), lines.format)
        if rename:
            _load_each(store, parts.take(), lines.format)
        parts.rest.seek(0)
        load_quads(store, ox.parse(parts.rest, lines.format, rename_blank_nodes=rename))
    return pieces.statements


def _load_each(store: ox.Store, pieces: Iterator[bytes], format_: ox.RdfFormat) -> None:
    """Load the pieces, some at a time. Raises SyntaxError, and what `pieces` raises."""
    door, failed = threading.Lock(), threading.Event()

    def take() -> bytes | None:
        with door:
            return None if failed.is_set() else next(pieces, None)

    def load_some() -> None:
        try:
            while (piece := take()) is not None:
                store.bulk_load(piece, format_)
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(_WORKERS) as threads:
        for worker in [threads.submit(load_some) for _ in range(_WORKERS)]:
            worker.result()


class _Pieces:
    """The lines of a file, so many at a time, without those that may have a blank node, which are put aside."""

    def __init__(self, file: IO[bytes], put_aside: Callable[[bytes], object]) -> None:
        self.statements = 0
        self._file = file
        self._put_aside = put_aside

    def __iter__(self) -> Iterator[bytes]:
        for lines in _whole_lines(self._file):
            self.statements += bool(_STATEMENT.match(lines)) + sum(1 for _ in _NEXT_STATEMENT.finditer(lines))
            piece, others = _parted(lines)
            self._put_aside(others)
            if piece:
                yield piece


def _whole_lines(file: IO[bytes]) -> Iterator[bytes]:
    steps, size, count = list[bytes](), 0, 0
    while step := file.read(_STEP):
        rest = b"" if step.endswith(b"\n") else file.readline(_LONGEST)
        if len(rest) == _LONGEST and not rest.endswith(b"\n"):
            raise NotInLines(f"a line has more than {_LONGEST >> 20} MiB")
        steps += [step, rest]
        size += len(step) + len(rest)
        count += step.count(b"\n")
        if size >= _PIECE or count >= _LINES:
            yield b"".join(steps)
            steps, size, count = [], 0, 0
    if steps:
        yield b"".join(steps)


def _parted(lines: bytes) -> tuple[bytes, bytes]:
    """Return the lines without blank nodes, and those that may have some."""
    at = lines.find(b"_:")
    if at < 0:
        return lines, b""
    plain, others, done = list[bytes](), list[bytes](), 0
    while at >= 0:
        start = lines.rfind(b"\n", 0, at) + 1
        end = (lines.find(b"\n", at) + 1) or len(lines)
        plain.append(lines[done:start])
        others.append(lines[start:end])
        done = end
        at = lines.find(b"_:", end)
    plain.append(lines[done:])
    if not others[-1].endswith(b"\n"):
        others.append(b"\n")
    return b"".join(plain), b"".join(others)
