"""Text files in blocks of whole lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from server.tables.errors import BadReadings

BLOCK_BYTES = 4 << 20
"""How much text is read at a time; no line may be longer."""


def blocks(source: BinaryIO, quoted: bool = False) -> Iterator[bytes]:
    """The file in blocks of whole lines; where `quoted`, a line end between double quotes ends no line.

    Raises BadReadings when a line is longer than BLOCK_BYTES.
    """
    rest = b""
    while data := _filled(source, BLOCK_BYTES):
        data = rest + data
        end = _lines_end(data, quoted)
        if end == 0 and len(data) > BLOCK_BYTES:
            end = _lines_end(data, quoted=False)  # quotes that never pair are part of the text
            if end == 0:
                raise BadReadings(f"a line is longer than {BLOCK_BYTES >> 20} MiB")
        if end:
            yield data[:end]
        rest = data[end:]
    if rest:
        yield rest


def _filled(source: BinaryIO, size: int) -> bytes:
    """As `read`, but short only at the end of the file."""
    data = source.read(size) or b""
    while 0 < len(data) < size and (more := source.read(size - len(data))):
        data += more
    return data


def _lines_end(data: bytes, quoted: bool) -> int:
    """The offset behind the last line that is whole; 0 when none is."""
    end = data.rfind(b"\n") + 1
    if not quoted:
        return end
    quotes = data.count(b'"', 0, end)
    while end and quotes % 2:
        shorter = data.rfind(b"\n", 0, end - 1) + 1
        quotes -= data.count(b'"', shorter, end)
        end = shorter
    return end


def utf8_error(block: bytes) -> int | None:
    """The line (from 0) of the block that is not UTF-8, or None."""
    try:
        block.decode()
    except UnicodeDecodeError as error:
        return block.count(b"\n", 0, error.start)
    return None
