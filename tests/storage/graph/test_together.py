"""Random groups of updates: what becomes of them is what would if one came after the other, each alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pyoxigraph as ox
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.graph.comparing import shared_by
from storage.graph.recording.applying import apply
from storage.graph.recording.recorder import Change
from storage.graph.recording.running import Functions, recorded
from storage.graph.sharing import FILE, Note, Sharing
from storage.graph.together import Outcome, Text, run_all
from tests.storage.graph.recording.test_differential import (
    BLANK_DATA,
    DATA,
    PROLOGUE,
    backwards,
    canonical,
    copied,
    filled,
    joined,
    pick,
    quads,
    state,
)

UPDATE = st.one_of(
    joined("{} DATA {{ {} }}", pick("INSERT", "DELETE"), DATA),
    joined("INSERT DATA {{ {} }}", BLANK_DATA),
    joined("DELETE DATA {{ {} }} ; INSERT DATA {{ {} }}", DATA, DATA),
    joined("INSERT DATA {{ {} }} ; CREATE GRAPH {}", DATA, pick("e:g", "e:new")),
    joined("INSERT DATA {{ {} ", DATA),
).map(lambda text: PROLOGUE + text)


def settled(store: ox.Store, folder: Path) -> Sharing:
    sharing = Sharing(store, folder)
    until = time.monotonic() + 20
    while not sharing.is_settled:
        assert time.monotonic() < until
        time.sleep(0.0001)
    return sharing


def run_by(store: ox.Store, note: Note | None = None) -> Callable[[Text], Change | None]:
    """Return what runs one update, and records it."""

    def run(update: Text) -> Change | None:
        def engine(text: str, functions: Functions) -> None:
            store.update(text, base_iri=update[1], custom_functions=functions)

        return recorded(store, *update, engine, note)

    return run


def outcome_of(run: Callable[[Text], Change | None], update: Text) -> Outcome:
    try:
        return run(update)
    except (SyntaxError, RuntimeError) as error:
        return error


def told(outcome: Outcome) -> object:
    """Return what can be compared; the labels of blank nodes cannot."""
    if isinstance(outcome, Change):
        return len(quads(outcome.added)), quads(outcome.removed), outcome.made, outcome.graphs
    return type(outcome)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(texts=st.lists(UPDATE, min_size=1, max_size=6), record=st.booleans())
def test_a_group_does_what_its_updates_would_do_alone(texts: list[str], record: bool) -> None:
    store = filled()
    before, alone = copied(store), copied(store)
    updates: list[Text] = [(text, "urn:base") for text in texts]
    with TemporaryDirectory() as folder:
        sharing = settled(store, Path(folder))
        run = run_by(store, Note(sharing, store))
        found = list(run_all(store, sharing, updates, run, record=record))
    expected = [outcome_of(run_by(alone), update) for update in updates]
    assert canonical(store) == canonical(alone)
    assert state(store)[1] == state(alone)[1]
    known, true = sharing.shared, shared_by(store, 1000)
    assert known.everything or (true.predicates <= known.predicates and true.classes <= known.classes)
    if record:
        assert list(map(told, found)) == list(map(told, expected))
        for change in reversed(found):
            if isinstance(change, Change):
                apply(store, backwards(change))
        assert state(store) == state(before), "undone"


def test_what_goes_wrong_with_a_commit_goes_wrong_with_all_that_are_in_it(tmp_path: Path) -> None:
    store = filled()
    sharing = settled(store, tmp_path)
    before = state(store)
    shared = "INSERT DATA { GRAPH <urn:e:g> { <urn:e:c> <urn:e:q> <urn:e:c> } }"
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()  # which nothing can be written to
    updates: list[Text] = [("INSERT DATA { <urn:s> <urn:p> 1 }", None), (shared, None)]
    outcomes = list(run_all(store, sharing, updates, run_by(store), record=True))
    assert [type(outcome) for outcome in outcomes] == [IsADirectoryError] * 2
    assert state(store) == before
