"""What a form of models is: it recognises a document, reads it into quads, and writes quads as such a document.

A new form is a module with one object that has `Form`'s members, and a line in ``registry.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from pyoxigraph import DefaultGraph, NamedNode, Quad

from ontologies.errors import FormatError
from ontologies.models.report import Report

Source = bytes | IO[bytes] | Path

HEAD = 1 << 16
"""Bytes of a document's beginning, unpacked, that ``Form.recognises`` is shown."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a document is read or written.

    ``graph`` is where the quads of a document without graphs go. ``base`` begins the IRI of each entity that its
    document names in another way than by IRI. ``lenient`` repairs, and reports, what a strict reading refuses.
    ``settings`` are those of one form alone, such as the columns of a table; a form documents its own.
    """

    graph: NamedNode | DefaultGraph = field(default_factory=DefaultGraph)
    base: str = "urn:twinhouse:entity:"
    lenient: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Model:
    """A document's quads, as they are read; ``report`` is complete once the last one has been."""

    quads: Iterator[Quad]
    report: Report


class Form(Protocol):
    """A form of models.

    ``name`` is what options and answers call it (``haystack-zinc``), ``title`` what people do. The first of its
    ``media_types`` and ``endings`` (without a dot) is what it is written as.
    """

    @property
    def name(self) -> str:
        """Return the name."""

    @property
    def title(self) -> str:
        """Return the title."""

    @property
    def media_types(self) -> tuple[str, ...]:
        """Return the media types that mean this form, lower-case, without parameters."""

    @property
    def endings(self) -> tuple[str, ...]:
        """Return the endings of its files' names, lower-case, without a dot."""

    def recognises(self, name: str, head: bytes) -> bool:
        """Tell whether a document is of this form, by its content: the name alone is no reason."""

    def read(self, source: Source, options: Options) -> Model:
        """Read a document. While its quads are read, FormatError is raised for what breaks the grammar."""

    def write(self, quads: Iterable[Quad], sink: IO[bytes], options: Options) -> Report:
        """Write quads as a document; the report tells what the form cannot express."""


def content(source: Source) -> bytes:
    """Return a document's bytes. Raises OSError."""
    if isinstance(source, bytes):
        return source
    return source.read_bytes() if isinstance(source, Path) else source.read()


def text(source: Source) -> str:
    """Return a document's text, UTF-8 with or without a byte order mark. Raises FormatError with the line."""
    document = content(source)
    try:
        return document.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = document.count(b"\n", 0, error.start) + 1
        raise FormatError(f"not UTF-8 at byte {error.start}", line=line) from None
