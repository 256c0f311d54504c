"""Runs an update so that what it changes is known: told by the engine, or else found before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pyoxigraph as ox

from storage.graph.counting import size
from storage.graph.inserted import quads_of
from storage.graph.recording.data import commit, data_of
from storage.graph.recording.recorder import Change, Recorder
from storage.graph.recording.text import MOST, TELL, Telling, telling
from storage.graph.rewriting.tokens import NotUnderstood
from storage.graph.sharing import Note

Functions = dict[ox.NamedNode, Callable[..., Any]]
Run = Callable[[str, Functions], None]


def recorded(store: ox.Store, text: str, base: str | None, run: Run, note: Note | None = None) -> Change | None:
    """Run an update, and return what it changes; None where that is too much to be known.

    `run` runs a text with functions besides its own, and `note` is told before. Raises what these raise, with nothing
    changed.
    """
    if data := data_of(text, base):
        [change] = commit(store, [data], note, record=True)
        return change
    try:
        update = telling(text)
    except NotUnderstood:
        return _compared(store, text, base, run, note)
    there = set(store.named_graphs()) if update.graphs else set()
    recorder = _told(store, text, base, run, note, update)
    if recorder is None:
        return None
    if update.graphs:
        for graph in there.symmetric_difference(store.named_graphs()):
            recorder.known_graph(graph, was=graph in there)
    return recorder.change()


def noted(store: ox.Store, text: str, base: str | None, run: Run, note: Note) -> None:
    """Run an update, and have just the note told of what it adds, before. Raises as `recorded` does."""
    if data := data_of(text, base):
        commit(store, [data], note, record=False)
        return
    try:
        update = telling(text)
    except NotUnderstood:
        _lose(note, text, base)
        run(text, {})
    else:
        _told(store, text, base, run, note, replace(update, emptied=()))


def _told(
    store: ox.Store, text: str, base: str | None, run: Run, note: Note | None, update: Telling
) -> Recorder | None:
    """Run an update so that a recorder is told; None where it had to run as it is, of which nothing is known."""
    recorder = Recorder(store, update.templates, note=note)
    try:
        for query in update.emptied:
            recorder.see_there(_found(store, query, base))
        for insert_data in update.data:
            recorder.see(quads_of(insert_data, base))
        run(update.text, {ox.NamedNode(TELL): recorder.tell})
    except SyntaxError:
        _lose(note, text, base)
        run(text, {})  # for the places that the error names; if it has none, it is not known what it did
        return None
    return recorder


def _found(store: ox.Store, query: str, base: str | None) -> Iterator[ox.Quad]:
    for row in store.query(query, base_iri=base):  # type: ignore[union-attr] # it is a SELECT
        yield ox.Quad(*row)


def _lose(note: Note | None, text: str, base: str | None) -> None:
    """Say that it will not be known what an update adds. Raises SyntaxError where it has one, and adds nothing."""
    if note is not None:
        with suppress(RuntimeError, ValueError):
            ox.Store().update(text, base_iri=base)
        note.lose()


def _compared(store: ox.Store, text: str, base: str | None, run: Run, note: Note | None) -> Change | None:
    """Run an update between two looks at all there is, unless that is too much."""
    _lose(note, text, base)
    few = size(store, None, MOST + 1) <= MOST
    before, there = (set(store) if few else set()), set(store.named_graphs())
    run(text, {})
    if not few:
        return None
    after, now = set(store), set(store.named_graphs())
    return Change.of(after - before, before - after, now - there, there - now)
