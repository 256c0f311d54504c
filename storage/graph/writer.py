"""The writer process: it alone has the store open, so that a write that runs away can be ended with it.

The engine cannot be told to stop, so a process is: until it writes to its log, nothing of a change is in the store.
There are two sockets, so that questions are answered while a write goes on. On both a request is one line of JSON,
and so is its answer: `{"ok": …}`, or `{"error": kind, "message": …, "line": …, "column": …}`.

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
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyoxigraph as ox

from storage.graph.extensions import extensions
from storage.graph.lifeline import end_with_parent
from storage.graph.rewriting import ask
from storage.graph.sync import Logs
from storage.graph.using import with_union

Request = dict[str, Any]


def graph_of(iri: str | None) -> ox.NamedNode | ox.DefaultGraph:
    """Return the graph that a request names; None is the default graph."""
    return ox.NamedNode(iri) if iri is not None else ox.DefaultGraph()


class _NotSynced(Exception):
    """The disk did not confirm what was written to the log."""


_KINDS: dict[type[Exception], str] = {
    _NotSynced: "sync",
    OSError: "disk",
    MemoryError: "memory",
    RuntimeError: "evaluation",
    ValueError: "evaluation",
}


def _write(store: ox.Store, logs: Logs, request: Request) -> object:
    if "updates" in request:
        outcomes = [_outcome(store, text, base) for text, base in request["updates"]]
        _sync(logs)
        return outcomes
    if "update" in request:
        text = _over_union(store, request["update"]) if request.get("union") else request["update"]
        _update(store, text, request["base"])
    else:
        store.load(request["quads"], ox.RdfFormat.N_QUADS)
    return None


def _update(store: ox.Store, text: str, base: str | None) -> None:
    ask(text, partial(store.update, base_iri=base, **extensions(text)))


def _outcome(store: ox.Store, text: str, base: str | None) -> dict[str, Any] | None:
    """Run one of several updates; returns what is wrong with it."""
    try:
        _update(store, text, base)
    except Exception as error:  # the others are to run, whatever it is
        return _fault(error)
    return None


def _sync(logs: Logs) -> None:
    try:
        logs.sync()
    except OSError as error:
        raise _NotSynced(error.strerror or str(error)) from error


def _over_union(store: ox.Store, text: str) -> str:
    """Return the update with the union of all graphs as what it reads. Raises ValueError where that cannot be."""
    graphs = [graph.value for graph in store.named_graphs() if isinstance(graph, ox.NamedNode)]
    if len(graphs) < sum(1 for _ in store.named_graphs()):
        raise ValueError("with using-union-graph no graph may be named by a blank node")
    unnamed = next(store.quads_for_pattern(None, None, None, ox.DefaultGraph()), None)
    return with_union(text, graphs, None if unnamed is None else f"urn:uuid:{uuid4()}")


def _answer(store: ox.Store, request: Request) -> object:
    answer: object = None
    match request["ask"]:
        case "checkpoint":
            store.backup(request["path"])
        case "flush":
            store.flush()
        case "graphs":
            answer = sorted(name.value for name in store.named_graphs() if isinstance(name, ox.NamedNode))
        case "has":
            answer = store.contains_named_graph(ox.NamedNode(request["graph"]))
        case "count":
            answer = len(store)
        case "quads":
            answer = _n_quads(
                q for iri in request["graphs"] for q in store.quads_for_pattern(None, None, None, graph_of(iri))
            )
        case "lacking":
            answer = _n_quads(q for q in ox.parse(request["quads"], ox.RdfFormat.N_QUADS) if q not in store)
        case "size":
            answer = _size(store, request["graphs"], request["most"])
        case question:
            raise ValueError(f"there is no question {question}")
    return answer


def _n_quads(quads: Iterable[ox.Quad]) -> str:
    return (ox.serialize(quads, format=ox.RdfFormat.N_QUADS) or b"").decode()


def _size(store: ox.Store, graphs: list[str | None] | None, most: int) -> int:
    """Return how many quads there are in these graphs, or in all; counts up to `most` only."""
    if graphs is None:
        return _count(store, "{ ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } }", most)
    found = 0
    for iri in graphs:
        pattern = "?s ?p ?o" if iri is None else f"GRAPH {ox.NamedNode(iri)} {{ ?s ?p ?o }}"
        found += _count(store, pattern, most - found)
    return found


def _count(store: ox.Store, pattern: str, most: int) -> int:
    """Let the engine count: made into Python objects, quads take 50 times as long."""
    text = f"SELECT (COUNT(*) AS ?n) {{ SELECT ?p {{ {pattern} }} LIMIT {max(most, 0)} }}"
    [row] = store.query(text)  # type: ignore[misc] # it is a SELECT
    return int(row["n"].value)


def _fault(error: Exception) -> dict[str, Any]:
    """Name an error for the parent (`storage.graph.engine` makes exceptions of the kinds)."""
    if isinstance(error, SyntaxError):
        return {"error": "syntax", "message": error.msg, "line": error.lineno, "column": error.offset}
    kinds = {
        _NotSynced: "sync",
        OSError: "disk",
        MemoryError: "memory",
        RuntimeError: "evaluation",
        ValueError: "evaluation",
    }
    kind = next((name for base, name in kinds.items() if isinstance(error, base)), "internal")
    return {"error": kind, "message": str(error) or type(error).__name__}


def _serve(channel: socket.socket, handle: Callable[[Request], object]) -> None:
    with channel.makefile("rb") as requests:
        for line in requests:
            try:
                answer = {"ok": handle(json.loads(line))}
            except Exception as error:  # whatever it is, the parent gets its name
                answer = _fault(error)
            channel.sendall(json.dumps(answer).encode() + b"\n")


def main() -> None:
    """Open the store and serve until the parent closes the socket for questions."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C at the terminal is the parent's to handle
    end_with_parent(sys.stdin.fileno())
    path, cap, *fds = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_DATA, (int(cap), int(cap)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    writes, questions = (socket.socket(fileno=int(fd)) for fd in fds)
    stores: list[ox.Store] = []
    _greet(questions, lambda: stores.append(ox.Store(str(Path(path).resolve(strict=True)))))
    [store] = stores
    logs = Logs(Path(path))
    threading.Thread(target=_serve, args=(writes, lambda request: _write(store, logs, request)), daemon=True).start()
    try:
        _serve(questions, lambda request: _answer(store, request))
    finally:
        os._exit(0)  # at once, also in the middle of a write: what it has not committed by now nobody waits for


def _greet(questions: socket.socket, open_store: Callable[[], None]) -> None:
    """Say whether the store is open; the process ends where it is not."""
    answer: dict[str, Any] = {"ok": None}
    try:
        open_store()  # in a directory that is there: one that is missing is not to become an empty graph
    except Exception as error:
        answer = _fault(error)
    questions.sendall(json.dumps(answer).encode() + b"\n")
    if "error" in answer:
        sys.exit(1)


if __name__ == "__main__":
    main()
