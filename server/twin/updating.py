"""Updates of data alone, many at a time: they share the way to the process that writes, and one sync."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from server.errors import Problem
from server.twin.hybrid.updates import refuse_writes
from server.twin.touching import leaves_points
from storage.errors import QueryRefused
from storage.graph.guard import refuse_outbound
from storage.graph.inserted import is_small_data

if TYPE_CHECKING:
    from server.twin.service import Twin


@dataclass(frozen=True, slots=True)
class DataUpdate:
    """An update that may run in a group; see `can_share`."""

    text: str
    base_iri: str


def can_share(twin: Twin, text: str) -> bool:
    """Tell whether an update may run in a group: so little of data alone that none of the others waits for it."""
    return twin.settings.changes != "all" and is_small_data(text)


def update_all(twin: Twin, updates: Sequence[DataUpdate]) -> list[Exception | None]:
    """Run updates, each for itself, all durable and visible when it returns; returns what is wrong with each.

    Raises what is wrong with all of them, as GraphStore.update_all does.
    """
    outcomes: list[Exception | None] = [_refusal(update.text) for update in updates]
    places = [place for place, outcome in enumerate(outcomes) if outcome is None]
    texts = [(updates[place].text, updates[place].base_iri) for place in places]
    commits = twin.graph.update_all(texts, seconds=twin.settings.query_seconds)
    for place, (text, base_iri), commit in zip(places, texts, commits, strict=True):
        if isinstance(commit, Exception):
            outcomes[place] = commit
        elif leaves_points(text, base_iri):
            twin.pass_over(commit)
    return outcomes


def _refusal(text: str) -> Exception | None:
    """Return why an update must not run."""
    try:
        refuse_writes(text)
        refuse_outbound(text)
    except (Problem, QueryRefused) as problem:
        return problem
    return None
