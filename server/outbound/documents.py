"""Documents of other servers, as N-Triples.

What the engine LOADs must mean the same wherever it lies: relative IRIs resolved against the document's own URL, and
nothing in it that sends the engine elsewhere (the remote contexts of JSON-LD).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, cast
from urllib.parse import urlsplit

import pyoxigraph as ox

from ontologies.errors import FormatError, UnknownFormat
from ontologies.formats import format_of_file, format_of_media_type, read_quads
from ontologies.hazards import is_hazardous
from server.outbound.budget import Budget
from server.outbound.fetch import Answer
from storage.errors import OutboundFailed

N_TRIPLES = "application/n-triples"
ACCEPT = "text/turtle, application/n-triples, application/rdf+xml;q=0.9, application/ld+json;q=0.5, */*;q=0.1"
_LOOKED_AT = 256 << 10  # bytes
_VAGUE = frozenset(
    {"", "text/plain", "application/octet-stream", "binary/octet-stream", "application/xml", "text/xml"}
)


def write_ntriples(answer: Answer, target: IO[bytes], budget: Budget) -> None:
    """Write the document to `target` as N-Triples; they may have as many bytes as are left. Raises OutboundFailed."""
    fmt, head = _format(answer), answer.body.read(_LOOKED_AT)
    answer.body.seek(0)
    if is_hazardous(head, fmt):
        raise OutboundFailed(f"{answer.url.text} has entities or is deep, and not read here: POST /models?url= does")
    quads = read_quads(answer.body, fmt, base_iri=answer.url.text)
    try:
        ox.serialize(_triples(quads), cast("IO[bytes]", _Bounded(target, budget)), ox.RdfFormat.N_TRIPLES)
    except FormatError as error:
        raise OutboundFailed(f"{answer.url.text} cannot be read: {error}") from None


def _format(answer: Answer) -> ox.RdfFormat:
    """Return the document's format by its media type, or where that says little, by the ending of its name."""
    said = answer.content_type
    named = PurePosixPath(urlsplit(answer.url.text).path).name
    if said.partition(";")[0].strip().lower() in _VAGUE:
        with contextlib.suppress(UnknownFormat):
            return format_of_file(named)
    try:
        return format_of_media_type(said)
    except UnknownFormat:
        raise OutboundFailed(f"{answer.url.text} is {said or 'of no Content-Type'}, which is no RDF") from None


def _triples(quads: Iterator[ox.Quad]) -> Iterator[ox.Triple]:
    for quad in quads:
        if not isinstance(quad.graph_name, ox.DefaultGraph):
            raise FormatError("it has named graphs, and LOAD is for one graph")
        yield quad.triple


class _Bounded:
    """A file that grows within the budget: a long prefix can make a short document very long."""

    def __init__(self, file: IO[bytes], budget: Budget) -> None:
        self._file = file
        self._budget = budget

    def write(self, data: bytes) -> int:
        self._budget.spend(len(data))
        return self._file.write(data)

    def flush(self) -> None:
        """Do nothing: the engine expects the method of a file."""
