"""Runs an update so that what it changes is known: told by the engine, or else found before and after."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pyoxigraph as ox

from storage.graph.counting import size
from storage.graph.recording.recorder import Change, Recorder
from storage.graph.recording.text import MOST, TELL, Telling, telling
from storage.graph.rewriting.tokens import NotUnderstood
from storage.graph.sharing import Note

Functions = dict[ox.NamedNode, Callable[..., Any]]
Run = Callable[[str, Functions], None]
# INSERT DATA or DELETE DATA alone, however long; a group holds no other but those of its graphs.
_INERT = r"""[^{}"'<#]++ | <[^<>"{}|^`\\\x00-\x20]*+> | "(?!"")(?:[^"\\\n\r]|\\.)*+" | '(?!'')(?:[^'\\\n\r]|\\.)*+'"""
_PROLOGUE = r"""(?> \s++ | PREFIX \s++ [^\s:<]*+ : \s*+ <[^<>\s]*+> | BASE \s*+ <[^<>\s]*+> )*+"""
_BLOCK = rf"\{{ (?> {_INERT} | \{{ (?> {_INERT} )*+ \}} )*+ \}}"
_DATA_ALONE = re.compile(
    rf"{_PROLOGUE} (?P<verb>INSERT|DELETE) \s++ DATA \s*+ {_BLOCK} [\s;]*+", re.VERBOSE | re.IGNORECASE | re.DOTALL
)


def recorded(store: ox.Store, text: str, base: str | None, run: Run, note: Note | None = None) -> Change | None:
    """Run an update, and return what it changes; None where that is too much to be known.

    `run` runs a text with functions besides its own, and `note` is told before. Raises what these raise, with nothing
    changed.
    """
    if (alone := _DATA_ALONE.fullmatch(text)) and "\\u" not in text and "\\U" not in text:
        return _data(store, text, base, run, alone, note)
    try:
        update = telling(text)
    except NotUnderstood:
        return _compared(store, text, base, run, note)
    return _told(store, update, base, run, text, note)


def noted(store: ox.Store, text: str, base: str | None, run: Run, note: Note) -> None:
    """Run an update, and have just the note told, before. Raises as `recorded` does."""
    alone = _DATA_ALONE.fullmatch(text)
    if alone is None or "\\u" in text or "\\U" in text:
        recorded(store, text, base, run, note)
    elif alone["verb"].upper() == "DELETE":
        run(text, {})
    else:
        quads = _quads_of(text, base)
        note.see(quads)
        store.extend(quads)


def _data(
    store: ox.Store, text: str, base: str | None, run: Run, alone: re.Match[str], note: Note | None
) -> Change | None:
    """Insert quads, which then have been read just once, or delete them."""
    start, end = alone.span("verb")
    quads = _quads_of(f"{text[:start]}INSERT{text[end:]}", base)
    if alone["verb"].upper() == "INSERT":
        new = [quad for quad in quads if quad not in store]
        names = {quad.graph_name for quad in new} - {ox.DefaultGraph()}
        change = Change.of(new, (), [name for name in names if not store.contains_named_graph(name)], ())
        if note is not None:
            note.see(new)
        store.extend(new)
    else:
        change = Change.of((), [quad for quad in quads if quad in store], (), ())
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
