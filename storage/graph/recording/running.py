"""Runs an update so that what it changes is known: told by the engine, or else found before and after."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pyoxigraph as ox

from storage.graph.counting import size
from storage.graph.recording.applying import has_blank
from storage.graph.recording.recorder import Change, Recorder
from storage.graph.recording.text import MOST, TELL, Telling, telling
from storage.graph.rewriting.tokens import NotUnderstood
from storage.graph.sharing import Note

Functions = dict[ox.NamedNode, Callable[..., Any]]
Run = Callable[[str, Functions], None]
# An INSERT DATA or DELETE DATA, however long; a group holds no other but those of its graphs.
_INERT = r"""[^{}"'<#]++ | <[^<>"{}|^`\\\x00-\x20]*+> | "(?!"")(?:[^"\\\n\r]|\\.)*+" | '(?!'')(?:[^'\\\n\r]|\\.)*+'"""
_PROLOGUE = r"""(?> \s++ | PREFIX \s++ [^\s:<]*+ : \s*+ <[^<>\s]*+> | BASE \s*+ <[^<>\s]*+> )*+"""
_BLOCK = rf"\{{ (?> {_INERT} | \{{ (?> {_INERT} )*+ \}} )*+ \}}"
_OPERATION = re.compile(
    rf"(?P<prologue>{_PROLOGUE}) (?P<verb>INSERT|DELETE) \s++ DATA \s*+ (?P<block>{_BLOCK}) \s*+ (?: ; \s*+ | \Z)",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_Data = list[tuple[bool, list[ox.Quad]]]


def recorded(store: ox.Store, text: str, base: str | None, run: Run, note: Note | None = None) -> Change | None:
    """Run an update, and return what it changes; None where that is too much to be known.

    `run` runs a text with functions besides its own, and `note` is told before. Raises what these raise, with nothing
    changed.
    """
    if data := _data_of(text, base):
        return _data(store, text, run, data, note)
    return _observed(store, text, base, run, note)


def noted(store: ox.Store, text: str, base: str | None, run: Run, note: Note) -> None:
    """Run an update, and have just the note told, before. Raises as `recorded` does."""
    data = _data_of(text, base)
    if not data:
        _observed(store, text, base, run, note)
        return
    for inserted, quads in data:
        if inserted:
            note.see(quads)
    if all(inserted for inserted, _ in data):
        store.extend(quad for _, quads in data for quad in quads)
    else:
        run(text, {})


def _observed(store: ox.Store, text: str, base: str | None, run: Run, note: Note | None) -> Change | None:
    try:
        update = telling(text)
    except NotUnderstood:
        return _compared(store, text, base, run, note)
    return _told(store, update, base, run, text, note)


def _data_of(text: str, base: str | None) -> _Data:
    """Return the quads that the operations of an update insert (True) or delete; none where it is not data alone."""
    found, at, head = _Data(), 0, ""
    if "\\u" in text or "\\U" in text:
        return []
    while at < len(text):
        operation = _OPERATION.match(text, at)
        if operation is None or (at and operation["prologue"]):  # the engine takes one at the beginning alone
            return []
        at, head = operation.end(), head or operation["prologue"]
        try:
            quads = _quads_of(f"{head} INSERT DATA {operation['block']}", base)
        except SyntaxError:  # which the engine is to find in the text as it is, for the place
            return []
        found.append((operation["verb"].upper() == "INSERT", quads))
    alone = len(found) == 1 and found[0][0]
    if alone or not any(has_blank(quad) for _, quads in found for quad in quads):
        return found
    return []  # of blank nodes in several operations, or in what is deleted, only the engine knows what to refuse


def _data(store: ox.Store, text: str, run: Run, data: _Data, note: Note | None) -> Change | None:
    """Insert quads, which then have been read just once; or delete some as well."""
    after = {quad: inserted for inserted, quads in data for quad in quads}
    made = {quad.graph_name for inserted, quads in data if inserted for quad in quads} - {ox.DefaultGraph()}
    added = [quad for quad, there in after.items() if there and quad not in store]
    change = None
    if len(after) <= MOST:
        removed = [quad for quad, there in after.items() if not there and quad in store]
        change = Change.of(added, removed, [name for name in made if not store.contains_named_graph(name)], ())
    if note is not None:
        note.see(added)
    if all(inserted for inserted, _ in data):
        store.extend(added)
    else:
        run(text, {})
    return change


def _quads_of(insert_data: str, base: str | None) -> list[ox.Quad]:
    scratch = ox.Store()
    scratch.update(insert_data, base_iri=base)
    return list(scratch)


def _told(
    store: ox.Store, update: Telling, base: str | None, run: Run, text: str, note: Note | None
) -> Change | None:
    recorder = Recorder(store, update.templates, note=note)
    there = set(store.named_graphs()) if update.graphs else set()
    try:
        for query in update.emptied:
            recorder.see_there(_found(store, query, base))
        for insert_data in update.data:
            recorder.see(_quads_of(insert_data, base))
        run(update.text, {ox.NamedNode(TELL): recorder.tell})
    except SyntaxError:
        _lose(note, text, base)
        run(text, {})  # for the places that the error names; if it has none, it is not known what it did
        return None
    if update.graphs:
        for graph in there.symmetric_difference(store.named_graphs()):
            recorder.known_graph(graph, was=graph in there)
    return recorder.change()


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
