"""The writer process: it alone has the store open, so that a write that runs away can be ended with it.

The engine cannot be told to stop, so a process is: until it writes to its log, nothing of a change is in the store.
There are two sockets, so that questions are answered while a write goes on. On both a request is one line of JSON,
and so is its answer: `{"ok": …}`, or `{"error": kind, "message": …, "line": …, "column": …}`. A group of updates gets
two: an error ends it.

Arguments: the store's directory, the memory cap in bytes, the file descriptors of the sockets for writes and for
questions. It ends when the latter is closed, and when stdin is, so that it never outlives its parent.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyoxigraph as ox

from storage.graph.counting import graph_of, size
from storage.graph.extensions import extensions
from storage.graph.lifeline import end_with_parent
from storage.graph.recording.applying import apply
from storage.graph.recording.recorder import Change, n_quads
from storage.graph.recording.running import Functions, noted, recorded
from storage.graph.rewriting import ask
from storage.graph.rewriting.shared import NOTHING
from storage.graph.sharing import Note, Sharing
from storage.graph.sync import Logs
from storage.graph.together import Text, run_all
from storage.graph.using import names_several, with_union

Request = dict[str, Any]


class _NotSynced(Exception):
    """The disk did not confirm what was written to the log."""


_KINDS: dict[type[Exception], str] = {
    _NotSynced: "sync",
    OSError: "disk",
    MemoryError: "memory",
    RuntimeError: "evaluation",
    ValueError: "evaluation",
}


def _writes(store: ox.Store, logs: Logs, sharing: Sharing, request: Request) -> Iterator[object]:
    """Carry out a request; yields its answer, or in turn those about `updates` (see there)."""
    if "updates" in request:
        yield from _updates(store, logs, sharing, request)
    else:
        yield _write(store, sharing, request)


def _updates(store: ox.Store, logs: Logs, sharing: Sharing, request: Request) -> Iterator[object]:
    """Run updates: yields for each what `_write` returns, or its error; and then, when all is on disk, nothing.

    What they change, if that is to be recorded, comes before the sync, for the parent to record it meanwhile.
    """
    record = request["record"]

    def run(update: Text) -> Change | None:
        text, base = update
        return _update(store, sharing, {"update": text, "base": base, "record": record})

    outcomes = run_all(store, sharing, request["updates"], run, record=record)
    answers = [_fault(each) if isinstance(each, Exception) else _document(each) for each in outcomes]
    if not record:
        _sync(logs)
    yield answers
    if record:
        _sync(logs)
    yield None


def _write(store: ox.Store, sharing: Sharing, request: Request) -> object:
    """Carry out a request; returns what it changes where that is asked for and known (recording.recorder.Change)."""
    if "update" in request:
        return _document(_update(store, sharing, request))
    if "apply" in request:
        return _document(apply(store, Change.parse(request["apply"]), Note(sharing, store)))
    if "forget" in request:
        sharing.forget()
        return None
    Note(sharing, store).see(ox.parse(request["quads"], ox.RdfFormat.N_QUADS))
    store.load(request["quads"], ox.RdfFormat.N_QUADS)
    return None


def _document(change: Change | None) -> object:
    return None if change is None else change.document()


def _update(store: ox.Store, sharing: Sharing, request: Request) -> Change | None:
    text, base, copied = request["update"], request["base"], None
    if request.get("union"):
        text, copied = _over_union(store, text)
    known, note = extensions(text), Note(sharing, store, copied)
    shared = sharing.shared if names_several(text) else NOTHING

    def run(text: str, functions: Functions) -> None:
        more = {**known, "custom_functions": {**known.get("custom_functions", {}), **functions}}
        store.update(text, base_iri=base, **more)

    try:
        if request.get("record"):
            return ask(text, lambda text: recorded(store, text, base, run, note), shared)
        if "adds" in request:
            note.see(ox.parse(request["adds"], ox.RdfFormat.N_QUADS))
            run(text, {})
        else:
            ask(text, lambda text: noted(store, text, base, run, note), shared)
    finally:
        sharing.written()
    return None


def _sync(logs: Logs) -> None:
    try:
        logs.sync()
    except OSError as error:
        raise _NotSynced(error.strerror or str(error)) from error


def _over_union(store: ox.Store, text: str) -> tuple[str, ox.NamedNode | None]:
    """Return the update with the union of all graphs as what it reads, and the graph that it makes for that.

    Raises ValueError where that cannot be.
    """
    graphs = [graph.value for graph in store.named_graphs() if isinstance(graph, ox.NamedNode)]
    if len(graphs) < sum(1 for _ in store.named_graphs()):
        raise ValueError("with using-union-graph no graph may be named by a blank node")
    unnamed = next(store.quads_for_pattern(None, None, None, ox.DefaultGraph()), None)
    copied = None if unnamed is None else ox.NamedNode(f"urn:uuid:{uuid4()}")
    return with_union(text, graphs, copied and copied.value), copied


def _answer(store: ox.Store, sharing: Sharing, request: Request) -> object:
    answer: object = None
    match request["ask"]:
        case "checkpoint":
            store.backup(request["path"])
        case "settled":
            answer = sharing.is_settled
        case "flush":
            store.flush()
        case "graphs":
            answer = sorted(name.value for name in store.named_graphs() if isinstance(name, ox.NamedNode))
        case "has":
            answer = store.contains_named_graph(ox.NamedNode(request["graph"]))
        case "count":
            answer = len(store)
        case "quads":
            answer = n_quads(
                q for iri in request["graphs"] for q in store.quads_for_pattern(None, None, None, graph_of(iri))
            )
        case "lacking":
            answer = n_quads(q for q in ox.parse(request["quads"], ox.RdfFormat.N_QUADS) if q not in store)
        case "size":
            answer = size(store, request["graphs"], request["most"])
        case question:
            raise ValueError(f"there is no question {question}")
    return answer


def _fault(error: Exception) -> dict[str, Any]:
    """Name an error for the parent (`storage.graph.engine` makes exceptions of the kinds)."""
    if isinstance(error, SyntaxError):
        return {"error": "syntax", "message": error.msg, "line": error.lineno, "column": error.offset}
    kind = next((name for base, name in _KINDS.items() if isinstance(error, base)), "internal")
    return {"error": kind, "message": str(error) or type(error).__name__}


def _serve(channel: socket.socket, handle: Callable[[Request], Iterable[object]]) -> None:
    with channel.makefile("rb") as requests:
        for line in requests:
            try:
                for answer in handle(json.loads(line)):
                    _send(channel, {"ok": answer})
            except Exception as error:  # whatever it is, the parent gets its name
                _send(channel, _fault(error))


def _send(channel: socket.socket, answer: dict[str, Any]) -> None:
    channel.sendall(json.dumps(answer).encode() + b"\n")


def main() -> None:
    """Open the store and serve until the parent closes the socket for questions."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C at the terminal is the parent's to handle
    end_with_parent(sys.stdin.fileno())
    path, cap, *fds = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_DATA, (int(cap), int(cap)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    writes, questions = (socket.socket(fileno=int(fd)) for fd in fds)
    opened: list[tuple[ox.Store, Sharing]] = []
    _greet(questions, lambda: opened.append(_open(Path(path))))
    [(store, sharing)] = opened
    write = partial(_writes, store, Logs(Path(path)), sharing)
    threading.Thread(target=_serve, args=(writes, write), daemon=True).start()
    try:
        _serve(questions, lambda request: [_answer(store, sharing, request)])
    finally:
        os._exit(0)  # at once, also in the middle of a write: what it has not committed by now nobody waits for


def _open(path: Path) -> tuple[ox.Store, Sharing]:
    store = ox.Store(str(path.resolve(strict=True)))  # in a directory that is there: a missing one is no empty graph
    return store, Sharing(store, path)


def _greet(questions: socket.socket, open_store: Callable[[], None]) -> None:
    """Say whether the store is open; the process ends where it is not."""
    answer: dict[str, Any] = {"ok": None}
    try:
        open_store()
    except Exception as error:
        answer = _fault(error)
    _send(questions, answer)
    if "error" in answer:
        sys.exit(1)


if __name__ == "__main__":
    main()
