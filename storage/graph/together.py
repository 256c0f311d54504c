"""Runs a group of updates: those of data alone that follow each other are one commit, any other is one of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

import pyoxigraph as ox

from storage.graph.recording.data import Data, commit, data_of
from storage.graph.recording.recorder import Change
from storage.graph.sharing import Note, Sharing

Text = tuple[str, str | None]
"""An update, and its base IRI."""
Outcome = Change | Exception | None


def run_all(
    store: ox.Store, sharing: Sharing, updates: Iterable[Text], run: Callable[[Text], Change | None], *, record: bool
) -> Iterator[Outcome]:
    """Run updates in their order; yields what each changes, if that is to be recorded, or what is wrong with it.

    `run` runs one that is not, as far as is known, of data alone.
    """
    read = ((update, data_of(*update)) for update in updates)
    for together, group in groupby(read, lambda each: bool(each[1])):
        if together:
            yield from _together(store, sharing, [data for _, data in group], record=record)
        else:
            for update, _ in group:
                yield _alone(run, update)


def _together(store: ox.Store, sharing: Sharing, updates: list[Data], *, record: bool) -> list[Outcome]:
    try:
        return [*commit(store, updates, Note(sharing, store), record=record)]
    except Exception as error:  # whatever it is, none of them is there
        return [error] * len(updates)


def _alone(run: Callable[[Text], Change | None], update: Text) -> Outcome:
    try:
        return run(update)
    except Exception as error:  # the others are to run, whatever it is
        return error
