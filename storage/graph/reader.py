"""A reader process: answers one request after another from a read-only checkpoint, over its pipes.

The engine cannot be told to stop, so a process can: the kernel ends it at its deadline (SIGALRM), and the
memory cap (RLIMIT_DATA) makes a failing allocation abort it. The parent tells which by the exit status.

Frames from this process are a type (one byte), the payload's length (four bytes, big-endian), the rows of the
answer up to here (eight bytes) and the payload: `D` result bytes, `E` the end (nothing), `X` an error (JSON: kind,
message, line, column).

Requests to it are two lengths (four bytes each, big-endian), the moment of the monotonic clock by which to be done
(eight bytes), JSON, and the text of a query, in packets of a socket; one to open a snapshot gets an `E`. The next may
be there before the last is answered. The JSON of one query is mostly that of another, so it is made and read once for
all that have the same.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import resource
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import pyoxigraph as ox

from storage.errors import NotInFormat
from storage.graph import escaping
from storage.graph.extensions import extensions
from storage.graph.guard import Form, form, keywords
from storage.graph.overlay import copy_snapshot, is_small, stands_apart, update_of
from storage.graph.rewriting import ask
from storage.graph.rewriting.shared import NOTHING, UNKNOWN, Shared
from storage.graph.rows import Counter, counter
from storage.graph.sharing import read

CHUNK = 1 << 16
HEADER = struct.Struct(">cIQ")
REQUEST = struct.Struct(">IId")
PACKET = 1 << 15  # bytes of a request that come at once
_ODD = "surrogatepass"  # what is no Unicode is for the engine to refuse
_SHORT = 4096  # bytes of JSON that is kept
_SHORTEST = 0.001  # seconds; none at all would be no deadline
_NICE = 5  # readers give way to the server, which has all others' requests to pass on, and to writes

_RESULTS = {
    "application/sparql-results+json": ox.QueryResultsFormat.JSON,
    "application/sparql-results+xml": ox.QueryResultsFormat.XML,
    "text/csv": ox.QueryResultsFormat.CSV,
    "text/tab-separated-values": ox.QueryResultsFormat.TSV,
}


class LimitError(Exception):
    """A limit is passed; the argument names which."""


class Output:
    """The file that the engine writes a result to: counts, enforces the limits, and sends frames."""

    def __init__(self, pipe: BinaryIO, rows: Counter, max_rows: int, max_bytes: int) -> None:
        self._pipe = pipe
        self._count = rows
        self._max_rows = max_rows
        self._left = max_bytes
        self._pieces: list[bytes] = []
        self._size = 0
        self.rows = 0

    def write(self, data: bytes) -> int:
        """Take the engine's next bytes; raises LimitError when they pass a limit."""
        size = len(data)
        self._pieces.append(data)
        self._size += size
        if self._size >= CHUNK:
            self._pipe.write(self._frame())
            self._pipe.flush()
        return size

    def flush(self) -> None:
        """Do nothing: a file has this method, but frames go out when they are full."""

    def finish(self) -> None:
        """Send what is left together with the end, so that a small result is one write."""
        rest = self._frame() if self._pieces else b""
        self._pipe.write(rest + HEADER.pack(b"E", 0, self.rows))
        self._pipe.flush()

    def _frame(self) -> bytes:
        chunk = self._taken()
        self._left -= len(chunk)
        self.rows = self._count(chunk)
        if self.rows > self._max_rows:
            raise LimitError("rows")
        if self._left < 0:
            raise LimitError("bytes")
        return HEADER.pack(b"D", len(chunk), self.rows) + chunk

    def _taken(self) -> bytes:
        chunk = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return chunk


class XmlOutput(Output):
    """One of XML, which needs an escape that the engine does not write, and cannot hold every character."""

    _before = b""

    def _taken(self) -> bytes:
        chunk = super()._taken()
        before, self._before = self._before, (self._before + chunk)[-escaping.BEFORE :]
        return escaping.escaped(chunk, before)


def _error(error: Exception) -> bytes:
    """Name an error for the parent (`storage.graph.results` turns the kinds into exceptions)."""
    payload = json.dumps(_description(error)).encode()
    return HEADER.pack(b"X", len(payload), 0) + payload


def _description(error: Exception) -> dict[str, Any]:
    if isinstance(error, LimitError):
        return {"kind": str(error), "message": ""}
    if isinstance(error, SyntaxError):
        return {"kind": "syntax", "message": error.msg, "line": error.lineno, "column": error.offset}
    if isinstance(error, NotInFormat) or escaping.is_refusal(error):
        return {"kind": "format", "message": str(error)}
    if isinstance(error, MemoryError):
        return {"kind": "memory", "message": ""}
    if isinstance(error, OSError) and "No space left" in str(error):
        return {"kind": "disk", "message": str(error)}
    kind = "evaluation" if isinstance(error, (RuntimeError, ValueError)) else "internal"
    return {"kind": kind, "message": str(error) or type(error).__name__}


def _graph(iri: str | None) -> ox.NamedNode | ox.DefaultGraph:
    return ox.NamedNode(iri) if iri is not None else ox.DefaultGraph()


def _answer(store: ox.Store, shared: Shared, request: dict[str, Any], pipe: BinaryIO) -> Output:
    media_type = request["format"]
    kind = XmlOutput if media_type.endswith("+xml") else Output
    output = kind(pipe, counter(media_type), request["max_rows"], request["max_bytes"])
    target = cast("IO[bytes]", output)
    if "query" in request:
        _query(store, shared, request, target)
    elif request["whole"]:
        store.dump(target, _rdf_format(media_type))
    else:
        store.dump(target, _rdf_format(media_type), from_graph=_graph(request["graph"]))
    return output


def _query(store: ox.Store, shared: Shared, request: dict[str, Any], output: IO[bytes]) -> None:
    text, defaults, named = request["query"], request["default_graphs"], request["named_graphs"]
    names_graphs = _has_from(text)
    is_union = request["union"] and defaults is None and named is None and not names_graphs
    is_merge = is_union or names_graphs or (defaults is not None and len(defaults) > 1)
    run = partial(
        store.query,
        base_iri=request["base"],
        use_default_graph_as_union=is_union,
        default_graph=None if defaults is None else [_graph(iri) for iri in defaults],
        named_graphs=None if named is None else [ox.NamedNode(iri) for iri in named],
        **extensions(text),
    )
    known = shared if is_merge else NOTHING
    results = ask(text, run, known)
    if not isinstance(results, ox.QueryTriples):
        results.serialize(output, _RESULTS[request["format"]])
    elif known and form(text) is Form.DESCRIBE:
        ox.serialize(_once(results), output, _rdf_format(request["format"]))
    else:
        results.serialize(output, _rdf_format(request["format"]))


def _once(triples: Iterable[ox.Triple]) -> Iterator[ox.Triple]:
    """Yield each triple once: the engine goes thing by thing, and has one as often as there are graphs with it."""
    for _, of_one in groupby(triples, lambda triple: triple.subject):
        yield from dict.fromkeys(of_one)


def _has_from(text: str) -> bool:
    """Tell whether a query names its dataset (SPARQL 1.1 Query, section 13.2): the engine's union would hide that."""
    return "FROM" in text.upper() and "FROM" in keywords(text)


def _rdf_format(media_type: str) -> ox.RdfFormat:
    fmt = ox.RdfFormat.from_media_type(media_type)
    if fmt is None:
        raise ValueError(f"no RDF format has the media type {media_type}")
    return fmt


def _overlaid(store: ox.Store, snapshot: Path, overlay: Path) -> ox.Store:
    """Return a store of a snapshot after the update of an overlay, and with its quads; see storage.graph.overlay."""
    if is_small(snapshot):
        both = ox.Store()
        both.bulk_extend(store)
    else:
        copy_snapshot(snapshot, overlay / "store")
        both = ox.Store(str(overlay / "store"))
    if (update := update_of(overlay)) is not None:
        text, base = update
        ask(text, partial(both.update, base_iri=base, **extensions(text)))
    if (quads := overlay / "quads.nq").exists():
        both.bulk_load(path=str(quads), format=ox.RdfFormat.N_QUADS)
    return both


def packed(details: bytes, text: str = "", until: float = math.inf) -> bytes:
    """Return a request, of JSON and a text, to be done `until` a moment of the monotonic clock."""
    query = text.encode(errors=_ODD)
    return REQUEST.pack(len(details), len(query), until) + details + query


def _requests(packets: socket.socket) -> Iterator[tuple[dict[str, Any], float]]:
    """Yield what each request says, and until when; its text, where there is one, is its `query`."""
    while message := _message(packets):
        details, _, until = REQUEST.unpack_from(message)
        behind = REQUEST.size + details
        found = (_details if details < _SHORT else _details.__wrapped__)(message[REQUEST.size : behind])
        text = {"query": message[behind:].decode(errors=_ODD)} if "query" in found else {}
        yield {**found, **text}, until


def _message(packets: socket.socket) -> bytes:
    """Return the next request, of one packet or more; nothing at the end."""
    message = packets.recv(PACKET)
    if len(message) < PACKET:
        return message
    details, text, _ = REQUEST.unpack_from(message)
    pieces, missing = [message], REQUEST.size + details + text - len(message)
    while missing > 0 and (piece := packets.recv(PACKET)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces) if missing <= 0 else b""


@lru_cache(256)
def _details(json_text: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json_text)
    return found


def _serve(requests: socket.socket, pipe: BinaryIO) -> None:
    store: ox.Store | None = None
    snapshot, shared = Path(), UNKNOWN
    for request, until in _requests(requests):
        if "open" in request:
            store = None  # the old one goes first, so that there are never two in memory
            snapshot = Path(request["open"])
            store, shared = ox.Store.read_only(str(snapshot)), read(snapshot)
            pipe.write(HEADER.pack(b"E", 0, 0))
            pipe.flush()
        elif store is not None:
            seconds = min(request["seconds"], until - time.monotonic())
            _answer_within(seconds, store, shared, snapshot, request, pipe)


def _answer_within(
    seconds: float, store: ox.Store, shared: Shared, snapshot: Path, request: dict[str, Any], pipe: BinaryIO
) -> None:
    try:
        _end_after(seconds)
        if overlay := request.get("overlay"):
            store = _overlaid(store, snapshot, Path(overlay))
            shared = shared if stands_apart(Path(overlay)) else UNKNOWN
        output = _answer(store, shared, request, pipe)
        output.finish()  # a store of an overlay is closed by now, and its folder may go
    except Exception as error:  # whatever it is, the parent gets its name
        pipe.write(_error(error))
        pipe.flush()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _end_after(seconds: float) -> None:
    """Have the process end; raises LimitError where there were none left when the request came to its turn."""
    if seconds <= 0:
        raise LimitError("seconds")
    signal.setitimer(signal.ITIMER_REAL, max(seconds, _SHORTEST))


def main() -> None:
    """Serve until the parent closes the pipe. The argument is the memory cap in bytes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C at the terminal is the parent's to handle
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    cap = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_DATA, (cap, cap))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):  # where the machine runs out of memory, the readers go and the server stays
        Path("/proc/self/oom_score_adj").write_text("500")
    os.nice(_NICE)
    _serve(socket.socket(fileno=sys.stdin.fileno()), sys.stdout.buffer)


if __name__ == "__main__":
    main()
