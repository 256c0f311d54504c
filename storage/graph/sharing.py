"""Keeps, in the store's folder, what is known of the triples that several graphs have: never less than is committed.

What is to be added is compared with the store first, quad by quad, and what that tells is on disk before it is
committed. Where quads are too many for that, or not known before, everything counts as shared; a thread then compares
whole graphs, and ends that. Deletions take nothing back: that is left to a comparison from the start.

    shared.json   {"predicates": […], "classes": […], "everything": …, "unchecked": graphs, or null for all}

A folder without the file is one of which nothing is known.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Collection, Iterable
from pathlib import Path

import pyoxigraph as ox

from storage.files import write_atomically
from storage.graph.comparing import graphs_of, shared_by, still_shared
from storage.graph.homes import Graph, Homes
from storage.graph.rewriting.shared import NOTHING, UNKNOWN, Shared
from storage.graph.rewriting.triples import TYPE

FILE = "shared.json"
MOST_TERMS = 5000  # of which the file tells; with more, everything counts as shared
_NICE = 10

Unchecked = frozenset[str | None] | None  # names of graphs, None is the default graph; or all graphs
_CHECKED: Unchecked = frozenset()


def read(folder: Path) -> Shared:
    """Return what the graphs of a store, or of a snapshot, share."""
    return _read(folder)[0]


def _read(folder: Path) -> tuple[Shared, Unchecked]:
    try:
        text = (folder / FILE).read_bytes()
        unchecked = json.loads(text)["unchecked"]
        return Shared.parse(text), frozenset(unchecked) if isinstance(unchecked, list) else None
    except (OSError, ValueError, KeyError, TypeError):
        return UNKNOWN, None


def _text(shared: Shared, unchecked: Unchecked) -> bytes:
    listed = None if unchecked is None else sorted(unchecked, key=str)
    return json.dumps({**shared.document(), "unchecked": listed}).encode()


def take_over(old: Path, new: Path, graphs: Collection[Graph]) -> None:
    """Say of a store that follows another: it shares what that did, and `graphs` have changed in it. Durable."""
    shared, unchecked = _read(old)
    if any(isinstance(graph, ox.BlankNode) for graph in graphs):
        unchecked = None
    elif unchecked is not None:
        unchecked |= {None if isinstance(graph, ox.DefaultGraph) else graph.value for graph in graphs}
    shared |= NOTHING if unchecked == _CHECKED else UNKNOWN
    write_atomically(new / FILE, _text(shared, unchecked))


class Snapped:
    """Says of a snapshot what its graphs share: what was so before it was made, and what was after."""

    def __init__(self, store: Path) -> None:
        """Look at the store before."""
        self._store = store
        self._before = _read(store)

    def write(self, snapshot: Path) -> bool:
        """Look at the store after; False where nothing is known yet that will be known soon."""
        (before, first), (after, second) = self._before, _read(self._store)
        unchecked = None if first is None or second is None else first | second
        (snapshot / FILE).write_bytes(_text(before | after, unchecked))
        return unchecked == _CHECKED


class Sharing:
    """What the graphs of a store share, kept up by the one process that writes it."""

    def __init__(self, store: ox.Store, folder: Path) -> None:
        """Read what is known, and find out in a thread what is not. Raises OSError."""
        self._store = store
        self._folder = folder
        self._door = threading.RLock()
        self._losing = self._comparing = False
        self._losses = 0
        self.homes = Homes(store)
        self.shared, self._unchecked = _read(folder)
        if not self.is_settled and len(graphs_of(store, most=2)) < 2:
            self._keep(NOTHING, _CHECKED)
        with self._door:
            self._compare_soon()

    @property
    def is_settled(self) -> bool:
        """Tell whether nothing is left to compare."""
        return self._unchecked == _CHECKED

    def _keep(self, shared: Shared, unchecked: Unchecked) -> None:
        """Write what is known; durable when it returns."""
        if len(shared.predicates) + len(shared.classes) > MOST_TERMS:
            shared = UNKNOWN
        write_atomically(self._folder / FILE, _text(shared, unchecked))
        self.shared, self._unchecked = shared, unchecked

    def knows(self, predicate: str, term: str) -> bool:
        """Tell whether it is noted already that a predicate, or a class of rdf:type, is shared."""
        known = term in self.shared.classes if predicate == TYPE else predicate in self.shared.predicates
        return known or (self.shared.everything and self.is_settled)

    def add(self, predicates: set[str], classes: set[str]) -> None:
        """Take note of what is to be shared; durable when it returns. Raises OSError."""
        with self._door:
            self._keep(self.shared.with_more(predicates, classes), self._unchecked)

    def lose(self) -> None:
        """Let everything count as shared, from before a commit on; durable when it returns. Raises OSError."""
        with self._door:
            self._losses += 1
            self._losing = True
            self.homes.forget()
            if self._unchecked is not None:
                self._keep(self.shared | UNKNOWN, None)

    def written(self) -> None:
        """Find out what was lost in the write that has ended now."""
        if self._losing:
            with self._door:
                self._losing = False
                self.homes.forget()
                self._compare_soon()

    def forget(self) -> None:
        """Let go of what is not shared any more. Only for the one who writes, while nothing else is written."""
        with self._door:
            if self.is_settled and self.shared:
                self.homes.forget()
                self._keep(still_shared(self._store, self.shared), _CHECKED)

    def _compare_soon(self) -> None:
        if not self.is_settled and not self._comparing:
            self._comparing = True
            threading.Thread(target=self._compare, name="graphs-compared", daemon=True).start()

    def _compare(self) -> None:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)  # of this thread alone, on Linux
        while (losses := self._to_compare()) is not None:
            found = shared_by(self._store, self._unchecked)
            with self._door:
                if losses == self._losses:
                    self._keep(Shared(self.shared.predicates, self.shared.classes) | found, _CHECKED)

    def _to_compare(self) -> int | None:
        """Return how often something was lost before a comparison; None where none is due, or a write begins it."""
        with self._door:
            self._comparing = not self.is_settled and not self._losing
            return self._losses if self._comparing else None


class Note:
    """Is told of the quads of one change before they are added, and takes note of those that graphs come to share."""

    def __init__(self, sharing: Sharing, store: ox.Store, apart: ox.NamedNode | None = None) -> None:
        """The graph `apart` is gone before the change is committed."""
        self._sharing = sharing
        self._store = store
        self._apart = apart
        self._adding: dict[ox.Triple, Graph] = {}

    def see(self, quads: Iterable[ox.Quad]) -> None:
        """Take note of quads; durable when it returns. Raises OSError."""
        predicates, classes = set[str](), set[str]()
        for quad in quads:
            predicate, term = quad.predicate.value, quad.object
            of_class = term if predicate == TYPE and isinstance(term, ox.NamedNode) else None
            name = of_class.value if of_class else ""
            if self._sharing.knows(predicate, name) or quad.graph_name == self._apart:
                continue
            if not self._is_elsewhere(quad, of_class):
                continue
            if predicate == TYPE:
                classes.add(name)
            else:
                predicates.add(predicate)
        if predicates or classes:
            self._sharing.add(predicates, classes)

    def _is_elsewhere(self, quad: ox.Quad, of_class: ox.NamedNode | None) -> bool:
        graph = quad.graph_name
        if self._adding.setdefault(quad.triple, graph) != graph:
            return True
        if not self._sharing.homes.may_be_elsewhere(quad, of_class):
            return False
        found = self._store.quads_for_pattern(quad.subject, quad.predicate, quad.object, None)
        return any(other.graph_name != graph for other in found)

    def lose(self) -> None:
        """Say that there may be more than was seen, before that is committed. Raises OSError."""
        self._sharing.lose()
