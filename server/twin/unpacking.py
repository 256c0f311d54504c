"""Documents that come packed, as gzip or zstd, in bounded memory: their first bytes tell."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO

from ontologies.errors import FormatError
from server.edge.codings import UNPACKERS, Broken
from server.errors import Problem

Source = bytes | IO[bytes] | Path
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_LONGEST = 4
_IN_MEMORY = 1 << 20
_CHUNK = 1 << 16
ENDINGS = (".gz", ".zst")


def coding_of(source: Source) -> str | None:
    """Return what a document is packed with; None for one that is not."""
    head = head_of(source, _LONGEST)
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)


def head_of(source: Source, size: int) -> bytes:
    """Return a document's first bytes, and leave it where it was: at its beginning."""
    if isinstance(source, bytes):
        return source[:size]
    if isinstance(source, Path):
        with source.open("rb") as file:
            return file.read(size)
    source.seek(0)
    head = source.read(size)
    source.seek(0)
    return head


def bare_name(name: str) -> str:
    """Return a file's name without the ending that says how it is packed."""
    return next((name[: -len(ending)] for ending in ENDINGS if name.lower().endswith(ending)), name)


@contextlib.contextmanager
def unpacked(source: Source, most: int) -> Iterator[Source]:
    """Lend a document unpacked; one that is not packed as it is.

    Raises FormatError for what is damaged, and a 413 problem for what has more than `most` bytes.
    """
    coding = coding_of(source)
    if coding is None:
        yield source
        return
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as file:
        _unpack(source, coding, file, most)
        file.seek(0)
        yield file


def _unpack(source: Source, coding: str, target: IO[bytes], most: int) -> None:
    unpacker = UNPACKERS[coding]()
    size = 0
    try:
        with _opened(source) as packed:
            while chunk := packed.read(_CHUNK):
                for piece in unpacker.unpack(chunk):
                    size += len(piece)
                    if size > most:
                        raise _too_large(most)
                    target.write(piece)
    except Broken as error:
        raise FormatError(f"the file is not {coding}, or damaged: {error}") from None
    if not unpacker.complete:
        raise FormatError(f"the file is {coding}, and ends too early")


def _too_large(most: int) -> Problem:
    return Problem(413, "body-too-large", f"the document is larger than {most >> 20:,} MiB once it is unpacked")


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[IO[bytes]]:
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield file
    else:
        yield BytesIO(source) if isinstance(source, bytes) else source
