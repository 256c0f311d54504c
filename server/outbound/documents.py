"""Documents of other servers, as N-Triples.

What the engine LOADs must mean the same wherever it lies: relative IRIs resolved against the document's own URL, and
nothing in it that sends the engine elsewhere (the remote contexts of JSON-LD).

Large and hazardous ones are read in a process of their own, which gets a line of JSON on stdin, writes to a file that
it inherits, and answers on a socket by another: `{"ok": null}` or `{"error": message}`. It ends with the server.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import IO, Any, cast
from urllib.parse import urlsplit

import pyoxigraph as ox

from ontologies.errors import FormatError, UnknownFormat
from ontologies.formats import format_of_file, format_of_media_type, read_quads
from ontologies.hazards import is_hazardous
from server.outbound.budget import Budget
from server.outbound.fetch import Answer
from storage.children import Children
from storage.errors import OutboundFailed
from storage.graph.lifeline import begin

N_TRIPLES = "application/n-triples"
ACCEPT = "text/turtle, application/n-triples, application/rdf+xml;q=0.9, application/ld+json;q=0.5, */*;q=0.1"
MEMORY = 1 << 30
_SMALL = 256 << 10  # bytes; what is larger takes longer to read than a process to start
_VAGUE = frozenset(
    {"", "text/plain", "application/octet-stream", "binary/octet-stream", "application/xml", "text/xml"}
)


def write_ntriples(answer: Answer, target: IO[bytes], budget: Budget, children: Children) -> None:
    """Write the document to `target` as N-Triples, which may have as many bytes as the budget has left.

    One of `children` reads what is large or hazardous. Raises OutboundFailed or Closed.
    """
    fmt, head = _format(answer), answer.body.read(_SMALL)
    is_large = bool(answer.body.read(1))
    answer.body.seek(0)
    try:
        if is_large or is_hazardous(head, fmt):
            _write_apart(answer, fmt, target, budget, children)
        else:
            _write(answer.body, fmt, answer.url.text, _Bounded(target, budget.spend))
    except FormatError as error:
        raise OutboundFailed(f"{answer.url.text} cannot be read: {error}") from None


def _write(source: IO[bytes], fmt: ox.RdfFormat, base: str, target: _Bounded) -> None:
    quads = read_quads(source, fmt, base_iri=base)
    ox.serialize(_triples(quads), cast("IO[bytes]", target), ox.RdfFormat.N_TRIPLES)


def _write_apart(answer: Answer, fmt: ox.RdfFormat, target: IO[bytes], budget: Budget, children: Children) -> None:
    source, written = answer.body.fileno(), target.fileno()  # of files on disk, also where they were in memory
    answer.body.flush()
    ours, theirs = socket.socketpair()
    request = {
        "source": source,
        "target": written,
        "answers": theirs.fileno(),
        "format": fmt.media_type,
        "base": answer.url.text,
        "most": budget.bytes_left,
    }
    with ours, theirs, budget.spending(), budget.holding(ours):
        with children.started(
            ["-m", "server.outbound.documents", str(MEMORY)],
            stdin=subprocess.PIPE,  # which closes with this process, and ends that one
            stderr=subprocess.DEVNULL,
            pass_fds=(source, written, theirs.fileno()),
        ) as process:
            theirs.close()
            assert process.stdin is not None  # noqa: S101 - opened with a pipe, for the type checker
            with contextlib.suppress(BrokenPipeError):
                # Past its buffer, which would be flushed once more when it is closed.
                os.write(process.stdin.fileno(), json.dumps(request).encode() + b"\n")
            line = ours.makefile("rb").readline()  # which ends when the budget does
            if not line:
                process.kill()
        budget.seconds()
    if not line:
        raise FormatError(
            f"that needs more than {MEMORY >> 20:,} MiB of memory, or its parts are too deep in each other"
        )
    if "error" in (document := json.loads(line)):
        raise FormatError(document["error"])
    budget.spend(target.seek(0, os.SEEK_END))


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
    """A file that tells how it grows: a long prefix can make a short document very long."""

    def __init__(self, file: IO[bytes], spend: Callable[[int], None]) -> None:
        """`spend` gets the bytes of each piece before it is written, and raises where they are too many."""
        self._file = file
        self._spend = spend

    def write(self, data: bytes) -> int:
        self._spend(len(data))
        return self._file.write(data)

    def flush(self) -> None:
        """Do nothing: the engine expects the method of a file."""


def main() -> None:
    """Serve one request. The argument is the memory cap in bytes."""
    request = begin()
    answer: dict[str, str | None] = {"ok": None}
    try:
        _serve(request)
    except MemoryError:
        os.abort()  # as the engine does
    except Exception as error:  # whatever it is, the server gets its name
        answer = {"error": str(error) or type(error).__name__}
    with socket.socket(fileno=request["answers"]) as answers:
        answers.sendall(json.dumps(answer).encode() + b"\n")
    os._exit(0)


def _serve(request: dict[str, Any]) -> None:
    left = Budget(0, request["most"])
    with os.fdopen(request["source"], "rb") as source, os.fdopen(request["target"], "wb") as target:
        source.seek(0)
        _write(source, format_of_media_type(request["format"]), request["base"], _Bounded(target, left.spend))


if __name__ == "__main__":
    main()
