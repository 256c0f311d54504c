"""The loader process: fills a store that is to take the graph's place. Nobody else sees it until it is whole.

So it writes in pieces, without transactions, in bounded memory. Its one request is a line of JSON on stdin:

    next    the directory of the store: a copy of the graph, one that is filled already, or absent for an empty one
    base    None, or the directory of another copy, of which all is taken over but the graphs in `drop`
    drop    IRIs of graphs to remove, None for the default graph
    staged  N-Quads to add; None for nothing
    graphs  IRIs of the graphs of what is staged, None for the default graph; None where they are not known
    create  IRIs of graphs to be there even if nothing is in them
    old     None, or the directory of the graph, which says what its graphs share

Its answer is a line of JSON on stdout, `{"ok": null}` or `{"error": message}`; then all is on disk. The process ends
at once when stdin is closed, so that it never outlives the one that started it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from storage.graph import sharing
from storage.graph.bulk import Lines, load_lines, load_quads, sync_store
from storage.graph.compaction import MOST, SMALL, compacting
from storage.graph.counting import graph_of
from storage.graph.lifeline import begin
from storage.graph.sharing import Added


def fill(request: dict[str, Any]) -> None:
    """Do what a request asks. Durable when it returns."""
    path = Path(request["next"])
    _change(ox.Store(str(path)), path, request)
    sync_store(path)  # which is closed by now


def _change(store: ox.Store, path: Path, request: dict[str, Any]) -> None:
    dropped = [graph_of(iri) for iri in request["drop"]]
    if request["base"] is not None:
        _take_over(store, ox.Store.read_only(request["base"]), {*dropped})
    else:
        for graph in dropped:
            _remove(store, graph)
    count = 0
    if request["staged"] is not None:
        count = load_lines(store, Lines(Path(request["staged"]), ox.RdfFormat.N_QUADS), path.parent)
    for iri in request["create"]:
        store.add_graph(ox.NamedNode(iri))
    is_new = request["old"] is None
    with compacting(store, path, MOST if is_new else SMALL):
        if is_new:
            sharing.find(store, path)
        else:
            added = Added(lambda: _quads(request), count, request["graphs"])
            sharing.follow(Path(request["old"]), store, path, added)


def _quads(request: dict[str, Any]) -> Iterable[ox.Quad]:
    return ox.parse(path=request["staged"], format=ox.RdfFormat.N_QUADS) if request["staged"] is not None else ()


def _take_over(store: ox.Store, base: ox.Store, dropped: set[ox.NamedNode | ox.DefaultGraph]) -> None:
    for graph in chain([ox.DefaultGraph()], base.named_graphs()):
        if graph not in dropped:
            load_quads(store, base.quads_for_pattern(None, None, None, graph))
            store.add_graph(graph)


def _remove(store: ox.Store, graph: ox.NamedNode | ox.DefaultGraph) -> None:
    """Remove quad by quad: one transaction for a large graph takes five times as long, and memory with its size."""
    for quad in store.quads_for_pattern(None, None, None, graph):
        store.remove(quad)
    store.remove_graph(graph)


def main() -> None:
    """Serve one request. The argument is the memory cap in bytes."""
    request = begin()
    answer: dict[str, Any] = {"ok": None}
    try:
        fill(request)
    except Exception as error:  # whatever it is, the parent gets its name
        answer = {"error": str(error) or type(error).__name__}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
