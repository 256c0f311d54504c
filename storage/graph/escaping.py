"""What a format cannot hold as the engine writes it.

XML 1.0 has some characters not at all, a carriage return only escaped, and RDF/XML no predicate that ends in no name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import IO, cast

import pyoxigraph as ox

from storage.errors import NotInFormat

_CONTROLS = bytes(code for code in range(0x20) if code not in b"\t\n\r")
_NONCHARACTERS = ("\ufffe".encode(), "\uffff".encode())
_NAMELESS = b"<oxprefix: "  # no element of XML; the engine reads it back, and nobody else does
_REFUSALS = ("RDF/XML ", "JSON-LD ")
BEFORE = len(_NAMELESS) - 1
"""So many bytes before a piece of XML are to be known, to find what lies across."""


def escaped(xml: bytes, before: bytes = b"") -> bytes:
    """Return XML in which a carriage return stays one (XML 1.0, section 2.11); `before` are the bytes before it.

    Raises NotInFormat where it has a character that is none of XML (section 2.2), which no escape can stand for, or a
    predicate that no element can be named by (RDF/XML, section 2.14).
    """
    if len(xml.translate(None, _CONTROLS)) != len(xml):
        raise _not_in_xml(next(code for code in xml if code in _CONTROLS))
    seen = before[-BEFORE:] + xml
    if _NAMELESS in seen:
        raise NotInFormat("the answer has a predicate whose IRI does not end in a name, which RDF/XML cannot hold")
    for noncharacter in _NONCHARACTERS:
        if noncharacter in seen:
            raise _not_in_xml(ord(noncharacter.decode()))
    return xml.replace(b"\r", b"&#13;")


def is_refusal(error: Exception) -> bool:
    """Tell whether the engine says of an answer that a format does not have it, such as triple terms in JSON-LD."""
    return isinstance(error, OSError) and str(error).startswith(_REFUSALS)


@contextmanager
def refusals() -> Iterator[None]:
    """Raise the engine's refusals as NotInFormat."""
    try:
        yield
    except OSError as error:
        if is_refusal(error):
            raise NotInFormat(str(error)) from None
        raise


class Escaping:
    """A file for XML as the engine writes it; what it writes on is escaped. Its `write` raises as `escaped` does."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._before = b""

    def write(self, xml: bytes) -> int:
        """Write a piece."""
        self._file.write(escaped(xml, self._before))
        self._before = (self._before + xml)[-BEFORE:]
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
    with refusals():
        ox.serialize(statements, sink_for(fmt, file), fmt, prefixes=dict(prefixes or {}))
    return file.getvalue()


def _not_in_xml(code: int) -> NotInFormat:
    return NotInFormat(f"the answer has the character U+{code:04X}, which XML cannot hold")
