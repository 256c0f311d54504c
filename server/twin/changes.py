"""What was changed in the graph, by whom and when, and taking it back.

Each quad of a change is known with the labels that its blank nodes have in the store, and these stay: a document that
is loaded again takes over the labels of those nodes of which it says the same, so that only what differs is written.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pyoxigraph as ox

from ontologies.models.comparing import alike
from server.errors import Problem
from storage.graph.journal import Bounds, Entry, Journal, Made
from storage.graph.recording.recorder import Change
from storage.graph.results import ASKER, Asker
from storage.graph.staging import Staged
from storage.graph.store import MOST_IN_TRANSACTION, Graph, GraphStore, Told

MOST_QUADS = 200_000
"""Of larger graphs only the fact of a change is recorded: both states are in memory for a moment."""
_LISTED = "`twinhouse changes list` and GET /changes list them"
_BY_HAND = (
    "put back what was there before: load that document (`twinhouse load`, PUT /store), or remove the graph if there"
    " was none (DELETE /store?graph=IRI), or `twinhouse restore` a backup"
)
_Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
_LOG = logging.getLogger(__name__)


class Changes:
    """Records changes of a graph in a folder, and takes them back. Thread-safe."""

    def __init__(self, folder: Path, graph: GraphStore, bounds: Bounds | None = None) -> None:
        self._graph = graph
        self._journal = Journal(folder, bounds)

    def told(self, what: str) -> Told:
        """Return what records a change as `what`; one that changes nothing is not."""
        return partial(self.keep, what)

    def keep(self, what: str, change: Change | None, graphs: Sequence[Graph] = ()) -> None:
        """Record a change, which who asks now has made, as `what`; of one that is None these are the graphs."""
        self.keep_all(what, [(change, ASKER.get())], graphs)

    def keep_all(
        self, what: str, changes: Iterable[tuple[Change | None, Asker | None]], graphs: Sequence[Graph] = ()
    ) -> None:
        """Record changes as `keep` does, each with who has made it, in one go."""
        named = tuple(graph.value if isinstance(graph, ox.NamedNode) else None for graph in graphs)
        made = [
            Made(asker.name if asker else "the server", what, change.graphs if change else named, change)
            for change, asker in changes
            if change is None or change
        ]
        try:
            if made:
                self._journal.append(made)
        except sqlite3.Error:  # the changes are made, and whoever made them is to know that
            _LOG.exception("a change of the graph could not be recorded: %s", what)

    def listed(self, limit: int) -> list[Entry]:
        """Return the changes, the newest first."""
        return self._journal.listed(limit)

    def patch(self, number: int) -> bytes:
        """Return a change as an RDF Patch. Raises a 404 problem."""
        return _patch(*self._read(number))

    def undo(self, number: int) -> Entry:
        """Take a change back, which is a change itself. Durable and visible when it returns.

        Raises a 404 problem for one that there is not, a 409 problem for one that cannot be taken back: it was not
        recorded as a whole, or what it changed has been changed since.
        """
        entry, change = self._read(number)
        if entry.added is None:
            raise _not_recorded(number)
        added, removed = _quads(change.added), _quads(change.removed)
        with self._graph.holding():
            gone, back = self._graph.lacking(added), len(removed) - len(self._graph.lacking(removed))
            if gone or back:
                raise _changed_since(number, gone, len(added), back)
            backwards = Change(change.removed, change.added, change.dropped, change.made)
            self._graph.apply(backwards, self.told(f"undo {number}"))
            return self.listed(1)[0]

    def back_up(self, target: Path) -> None:
        """Write a copy of what is recorded to a folder. Durable when it returns."""
        self._journal.back_up(target)

    def close(self) -> None:
        """Write everything. Closing twice is fine."""
        self._journal.close()

    def _read(self, number: int) -> tuple[Entry, Change]:
        found = self._journal.read(number)
        if found is None:
            [newest, *_] = [entry.number for entry in self.listed(1)] or [0]
            gone = "is forgotten: it was one of the oldest" if number <= newest else "has not been made"
            raise Problem(404, "no-such-change", f"change {number} {gone}", hint=_LISTED)
        return found


class Recorded:
    """A graph whose writes are recorded as what they are for. See GraphStore."""

    def __init__(self, graph: GraphStore, changes: Changes, what: str) -> None:
        self._graph = graph
        self._changes = changes
        self._what = what
        self._told = changes.told(what)
        self.staged = graph.staged
        self.has_graph = graph.has_graph
        self.is_empty = graph.is_empty
        self.holding = graph.holding

    @property
    def generation(self) -> int:
        """That of the graph."""
        return self._graph.generation

    def add(self, staged: Staged) -> None:
        """Add quads."""
        named = _named(staged.graphs)
        if _is_odd(staged):
            self._as_a_fact(partial(self._graph.add, staged), named)
        elif (few := staged.quads()) is not None:
            self._graph.apply(Change.of(few, (), (), ()), self._told)
        else:
            with self._graph.holding():
                new = self._graph.lacking(set(_quads_of(staged)))
                change = Change.of(new, (), self._absent(named), ())
                self._graph.add(new)
                self._told(change)

    def replace(self, quads: Staged, graphs: Sequence[Graph]) -> None:
        """Make graphs hold exactly what is staged."""
        self._become(quads, graphs, lambda after: self._graph.replace(after, graphs))

    def replace_all(self, quads: Staged) -> None:
        """Make the dataset hold exactly what is staged."""
        self._become(quads, None, self._graph.replace_all)

    def remove(self, graph: Graph) -> None:
        """Drop a graph."""
        with self.staged() as nothing:
            self._become(nothing, [graph], lambda _: self._graph.remove(graph), dropped=_named([graph]))

    def clear(self) -> None:
        """Drop every graph."""
        with self.staged() as nothing:
            self.replace_all(nothing)

    def _become(
        self,
        staged: Staged,
        graphs: Sequence[Graph] | None,
        write: Callable[[Staged | Collection[ox.Quad]], object],
        dropped: Collection[ox.NamedNode] = (),
    ) -> None:
        """Make graphs (None: all) hold what is staged; `write` does it where much is different.

        The graphs are there then, but those that are `dropped`; of all graphs only those that are staged.
        """
        with self._graph.holding():
            there = list(map(ox.NamedNode, self._graph.graphs())) if graphs is None else []
            names: Sequence[Graph] = graphs if graphs is not None else [ox.DefaultGraph(), *there]
            size = self._graph.size(names, MOST_QUADS + 1)
            if _is_odd(staged) or size > MOST_QUADS or (graphs is None and size < self._graph.size(None, size + 1)):
                self._as_a_fact(partial(write, staged), names)
                return
            before = set(self._graph.quads(names))
            after = set(_taken_over(_quads_of(staged), before))
            if graphs is None:
                dropped = [graph for graph in there if graph not in staged.graphs]
            made = self._absent([graph for graph in _named(names) + _named(staged.graphs) if graph not in dropped])
            change = Change.of(after - before, before - after, made, dropped)
            if len(after ^ before) <= MOST_IN_TRANSACTION:
                self._graph.apply(change, self._told)
            else:
                write(after)
                self._told(change)

    def _as_a_fact(self, write: Callable[[], object], graphs: Sequence[Graph]) -> None:
        with self._graph.holding():
            write()
            self._changes.keep(self._what, None, graphs)

    def _absent(self, graphs: Iterable[ox.NamedNode]) -> set[ox.NamedNode]:
        return {graph for graph in graphs if not self._graph.has_graph(graph)}


def _is_odd(staged: Staged) -> bool:
    """Tell whether it is too much to be recorded quad by quad, or has graphs that no request can name."""
    return staged.count > MOST_QUADS or any(isinstance(graph, ox.BlankNode) for graph in staged.graphs)


def _named(graphs: Iterable[object]) -> list[ox.NamedNode]:
    return [graph for graph in graphs if isinstance(graph, ox.NamedNode)]


def _quads_of(staged: Staged) -> list[ox.Quad]:
    few = staged.quads()
    return few if few is not None else list(ox.parse(path=str(staged.path()), format=ox.RdfFormat.N_QUADS))


def _taken_over(quads: Sequence[ox.Quad], before: Collection[ox.Quad]) -> Iterator[ox.Quad]:
    """Yield the quads with the blank nodes that are there already, as far as the same is said of them."""
    known = alike(before, quads)

    def taken(term: _Term) -> _Term:
        if isinstance(term, ox.Triple):
            return ox.Triple(taken(term.subject), term.predicate, taken(term.object))  # type: ignore[arg-type]
        return known.get(term, term) if isinstance(term, ox.BlankNode) else term

    for q in quads:
        yield ox.Quad(taken(q.subject), q.predicate, taken(q.object), q.graph_name) if known else q  # type: ignore[arg-type]


def _quads(n_quads: str) -> list[ox.Quad]:
    return list(ox.parse(n_quads, ox.RdfFormat.N_QUADS))


def _not_recorded(number: int) -> Problem:
    detail = f"change {number} is recorded as a fact alone, since it was of more than {MOST_QUADS:,} quads"
    return Problem(409, "not-recorded", detail, hint=_BY_HAND)


def _changed_since(number: int, gone: Sequence[ox.Quad], added: int, back: int) -> Problem:
    parts = [
        f"{len(gone):,} of the {added:,} quads that it added are gone, such as {gone[0]}" if gone else "",
        f"{back:,} of those that it removed are there again" if back else "",
    ]
    detail = f"what change {number} did has been changed since: {' and '.join(filter(None, parts))}"
    return Problem(409, "changed-since", detail, hint="undo later changes of the same graphs first")


def _patch(entry: Entry, change: Change) -> bytes:
    """Write an RDF Patch. The value of a header is JSON, in a literal."""
    headers = {name: value for name, value in asdict(entry).items() if name != "number"}
    heads = (f"H {name} {json.dumps(json.dumps(value))} ." for name, value in headers.items())
    body = (
        f"{sign} {line}"
        for sign, text in (("D", change.removed), ("A", change.added))
        for line in text.split("\n")
        if line
    )
    return "\n".join((*heads, "TX .", *body, "TC .", "")).encode()
