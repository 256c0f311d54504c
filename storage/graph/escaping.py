"""What XML 1.0 cannot hold as the engine writes it: some characters not at all, a carriage return only escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import IO, cast

import pyoxigraph as ox

from storage.errors import NotInFormat

_CONTROLS = bytes(code for code in range(0x20) if code not in b"\t\n\r")
_NONCHARACTERS = ("\ufffe".encode(), "\uffff".encode())


def escaped(xml: bytes, before: bytes = b"") -> bytes:
    """Return XML in which a carriage return stays one (XML 1.0, section 2.11); `before` are the bytes before it.

    Raises NotInFormat where it has a character that is none of XML (section 2.2), which no escape can stand for.
    """
    if len(xml.translate(None, _CONTROLS)) != len(xml):
        raise _not_in_xml(next(code for code in xml if code in _CONTROLS))
    seen = before[-2:] + xml
    for noncharacter in _NONCHARACTERS:
        if noncharacter in seen:
            raise _not_in_xml(ord(noncharacter.decode()))
    return xml.replace(b"\r", b"&#13;")


class Escaping:
    """A file for XML as the engine writes it; what it writes on is escaped. Its `write` raises as `escaped` does."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._before = b""

    def write(self, xml: bytes) -> int:
        """Write a piece."""
        self._file.write(escaped(xml, self._before))
        self._before = (self._before + xml)[-2:]
        return len(xml)

    def flush(self) -> None:
        """Write everything."""
        self._file.flush()


def sink_for(fmt: ox.RdfFormat, file: IO[bytes]) -> IO[bytes]:
    """Return where the engine is to write a format, for `file` to be right."""
    return cast("IO[bytes]", Escaping(file)) if fmt == ox.RdfFormat.RDF_XML else file


def serialize(
    statements: Iterable[ox.Triple] | Iterable[ox.Quad], fmt: ox.RdfFormat, prefixes: Mapping[str, str] | None = None
) -> bytes:
    """Return a document of statements. Raises NotInFormat."""
    file = BytesIO()
    ox.serialize(statements, sink_for(fmt, file), fmt, prefixes=dict(prefixes or {}))
    return file.getvalue()


def _not_in_xml(code: int) -> NotInFormat:
    return NotInFormat(f"the answer has the character U+{code:04X}, which XML cannot hold")
