"""Updates of data alone (SPARQL 1.1 Update, sections 3.1.1 and 3.1.2), as quads: many of them are one commit."""

from __future__ import annotations

from collections.abc import Iterable

import pyoxigraph as ox

from storage.graph.inserted import data_operations, quads_of
from storage.graph.recording.applying import has_blank, make
from storage.graph.recording.recorder import Change
from storage.graph.recording.text import MOST
from storage.graph.sharing import Note

Data = list[tuple[bool, list[ox.Quad]]]
"""The quads that the operations of an update insert (True) or delete, in order."""


def data_of(text: str, base: str | None) -> Data:
    """Return the quads of an update; none where it is not data alone, or in doubt, as it is with any error."""
    found, head = Data(), ""
    if "\\u" in text or "\\U" in text:
        return []
    for operation in data_operations(text):
        if operation is None:
            return []
        head = head or operation["prologue"]
        try:
            quads = quads_of(f"{head} INSERT DATA {operation['block']}", base)
        except SyntaxError:  # which the engine is to find in the text as it is, for the place
            return []
        found.append((operation["verb"].upper() == "INSERT", quads))
    alone = len(found) == 1 and found[0][0]
    if alone or not any(has_blank(quad) for _, quads in found for quad in quads):
        return found
    return []  # of blank nodes in several operations, or in what is deleted, only the engine knows what to refuse


def commit(store: ox.Store, updates: Iterable[Data], note: Note | None, *, record: bool) -> list[Change | None]:
    """Run updates as if one came after the other, in one commit; `note` is told of what they add, before.

    Returns what each changes, where that is to be recorded and not too much.
    """
    after = _After(store, record=record)
    changes = [after.run(data) for data in updates]
    added, removed, made = after.outcome()
    if note is not None:
        note.see(added)
    if removed or (made and not made.issubset({quad.graph_name for quad in added})):
        make(store, removed, added, made)
    elif added:
        store.extend(added)
    return changes


class _After:
    """What a store will hold after updates of data, before it does."""

    def __init__(self, store: ox.Store, *, record: bool) -> None:
        self._store = store
        self._record = record
        self._there: dict[ox.Quad, bool] = {}
        self._made: set[ox.NamedNode] = set()

    def run(self, data: Data) -> Change | None:
        """Let an update come after the others; returns what it changes, if that is to be recorded."""
        after = {quad: inserted for inserted, quads in data for quad in quads}
        graphs = {quad.graph_name for inserted, quads in data if inserted for quad in quads}
        made = {graph for graph in graphs if isinstance(graph, ox.NamedNode)}
        change = None
        if self._record:
            after = {quad: there for quad, there in after.items() if there != self._has(quad)}
            if len(after) <= MOST:
                new = [name for name in made if name not in self._made and not self._store.contains_named_graph(name)]
                change = Change.of(*_apart(after), new, ())
        self._there |= after
        self._made |= made
        return change

    def _has(self, quad: ox.Quad) -> bool:
        known = self._there.get(quad)
        return quad in self._store if known is None else known

    def outcome(self) -> tuple[list[ox.Quad], list[ox.Quad], set[ox.NamedNode]]:
        """Return the quads to be added and to be removed, and the graphs to be made, be they empty in the end."""
        return *_apart(self._there), {name for name in self._made if not self._store.contains_named_graph(name)}


def _apart(there: dict[ox.Quad, bool]) -> tuple[list[ox.Quad], list[ox.Quad]]:
    """Return the quads that are there, and those that are not."""
    return [quad for quad in there if there[quad]], [quad for quad in there if not there[quad]]
