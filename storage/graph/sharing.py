"""Keeps, in the store's folder, what is known of the triples that several graphs have: never less than is committed.

What is to be added is compared with the store first, quad by quad, and what that tells is on disk before it is
committed. A store that is to take the graph's place says it from the start. Where quads are too many to be compared,
or not known before, everything counts as shared; a thread then compares all graphs, and ends that. Deletions take
nothing back: that is left to a comparison from the start.

    shared.json   {"predicates": […], "classes": […], "everything": …, "settled": whether nothing is left to compare}

A folder without the file is one of which nothing is known.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pyoxigraph as ox

from storage.files import write_atomically
from storage.graph.comparing import (
    TooMany,
    are_several,
    is_elsewhere,
    kind_of,
    meeting,
    shared_by,
    shared_with,
    still_shared,
)
from storage.graph.counting import graph_of, size
from storage.graph.homes import Graph, Homes
from storage.graph.rewriting.shared import NOTHING, UNKNOWN, Shared

FILE = "shared.json"
MOST_TERMS = 5000  # of which the file tells; with more, everything counts as shared
_NICE = 10
_MOST = 300_000  # quads of a kind that are compared in memory, some 50 MB, where others wait for it
_MOST_AT_REST = 2_000_000  # the same, 400 MB, in a process that does nothing else
_LOOKED_UP = 8  # times as many quads are compared as are looked up, each in Python, in the same time

_OF_LETTERS = (ox.Literal("").datatype, ox.Literal("", language="en").datatype)


def read(folder: Path) -> Shared:
    """Return what the graphs of a store, or of a snapshot, share."""
    return _read(folder)[0]


def _read(folder: Path) -> tuple[Shared, bool]:
    """Return it, and whether nothing is left to compare."""
    try:
        text = (folder / FILE).read_bytes()
        return Shared.parse(text), json.loads(text)["settled"] is True
    except (OSError, ValueError, KeyError, TypeError):
        return UNKNOWN, False


def _text(shared: Shared, settled: bool) -> bytes:
    return json.dumps({**shared.document(), "settled": settled}).encode()


def _write(folder: Path, shared: Shared, settled: bool) -> Shared:
    """Write what is known, if it is not too much; return that. Durable when it returns."""
    if len(shared.predicates) + len(shared.classes) > MOST_TERMS:
        shared = UNKNOWN
    write_atomically(folder / FILE, _text(shared, settled))
    return shared


def find(store: ox.Store, folder: Path) -> None:
    """Say of a new store what its graphs share. Durable when it returns; raises OSError."""
    with contextlib.suppress(TooMany):
        _write(folder, shared_by(store, _MOST_AT_REST, look_up=False), settled=True)


@dataclass(frozen=True, slots=True)
class Added:
    """What a store has beside what another had: `count` quads, in graphs with these IRIs (see graph_of), if known."""

    quads: Callable[[], Iterable[ox.Quad]]
    count: int
    graphs: list[str | None] | None

    def to_compare(self, store: ox.Store) -> Iterable[ox.Quad]:
        """Return those of the quads, and perhaps others of their graphs, that may be elsewhere in the store."""
        if self.graphs is None or not self.are_much_of(store, self.graphs):
            return self.quads()
        return chain.from_iterable(meeting(store, graph_of(iri)) for iri in self.graphs)

    def are_much_of(self, store: ox.Store, graphs: list[str | None] | None) -> bool:
        """Tell whether to compare these graphs (None: all) takes less time than to look up each of the quads."""
        most = _LOOKED_UP * self.count
        return size(store, graphs, most) < most


def follow(old: Path, store: ox.Store, folder: Path, added: Added) -> None:
    """Say it of a store that is to follow another, with what was `added`. Durable when it returns; raises OSError."""
    shared, settled = _read(old)
    if settled and added.are_much_of(store, None):
        find(store, folder)
    elif settled:
        _write(folder, shared_with(store, added.to_compare(store), shared), settled=True)


class Snapped:
    """Says of a snapshot what its graphs share: what was so before it was made, and what was after."""

    def __init__(self, store: Path) -> None:
        """Look at the store before."""
        self._store = store
        self._before = _read(store)

    def write(self, snapshot: Path) -> bool:
        """Look at the store after; False where nothing is known yet that will be known soon."""
        (before, first), (after, second) = self._before, _read(self._store)
        settled = first and second
        with contextlib.suppress(OSError):  # of a full disk: nothing is known then
            (snapshot / FILE).write_bytes(_text(before | after, settled))
        return settled


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
        self.shared, self.is_settled = _read(folder)
        if not self.is_settled and not are_several(store):
            self._keep(NOTHING, settled=True)
        with self._door:
            self._compare_soon()

    def _keep(self, shared: Shared, settled: bool) -> None:
        """Write what is known; durable when it returns."""
        self.shared = _write(self._folder, shared, settled)
        self.is_settled = settled

    def knows(self, predicate: str, of_class: str | None) -> bool:
        """Tell whether it is noted already that a predicate, or a class of rdf:type, is shared."""
        known = predicate in self.shared.predicates if of_class is None else of_class in self.shared.classes
        return known or (self.shared.everything and self.is_settled)

    def add(self, predicates: set[str], classes: set[str]) -> None:
        """Take note of what is to be shared; durable when it returns. Raises OSError."""
        with self._door:
            self._keep(self.shared.with_more(predicates, classes), self.is_settled)

    def lose(self) -> None:
        """Let everything count as shared, from before a commit on; durable when it returns. Raises OSError."""
        with self._door:
            self._losses += 1
            self._losing = True
            self.homes.forget()
            if self.is_settled:
                self._keep(self.shared | UNKNOWN, settled=False)

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
                self._keep(still_shared(self._store, self.shared, _MOST), settled=True)

    def _compare_soon(self) -> None:
        if not self.is_settled and not self._comparing:
            self._comparing = True
            threading.Thread(target=self._compare, name="graphs-compared", daemon=True).start()

    def _compare(self) -> None:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)  # of this thread alone, on Linux
        while (losses := self._to_compare()) is not None:
            found = shared_by(self._store, _MOST)
            with self._door:
                if losses == self._losses:
                    self._keep(Shared(self.shared.predicates, self.shared.classes) | found, settled=True)

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
        self._adding: dict[tuple[object, ...], Graph] = {}

    def see(self, quads: Iterable[ox.Quad]) -> None:
        """Take note of quads; durable when it returns. Raises OSError."""
        predicates, classes = set[str](), set[str]()
        for quad in quads:
            predicate, of_class = kind_of(quad)
            if self._sharing.knows(predicate, of_class) or not self._is_shared(quad):
                continue
            if of_class is None:
                predicates.add(predicate)
            else:
                classes.add(of_class)
        if predicates or classes:
            self._sharing.add(predicates, classes)

    def _is_shared(self, quad: ox.Quad) -> bool:
        graph = quad.graph_name
        if graph == self._apart:
            return False
        if self._adding.setdefault(_name(quad), graph) != graph:
            return True
        return self._sharing.homes.may_be_elsewhere(quad) and is_elsewhere(self._store, quad)

    def lose(self) -> None:
        """Say that there may be more than was seen, before that is committed. Raises OSError."""
        self._sharing.lose()


def _name(quad: ox.Quad) -> tuple[object, ...]:
    """Return what is the same for the same triples: of some datatypes the engine keeps the value alone."""
    term = quad.object
    has_value = isinstance(term, ox.Triple) or (isinstance(term, ox.Literal) and term.datatype not in _OF_LETTERS)
    return (quad.subject, quad.predicate) if has_value else (quad.subject, quad.predicate, term)
