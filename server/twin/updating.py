"""Updates of data alone, many at a time: they share the way to the process that writes, and one sync."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from server.errors import Problem
from server.twin.hybrid.updates import refuse_writes
from server.twin.touching import leaves, leaves_points
from storage.errors import QueryRefused
from storage.graph.guard import refuse_outbound
from storage.graph.results import Asker
from storage.graph.store import Change

if TYPE_CHECKING:
    from server.twin.service import Twin


@dataclass(frozen=True, slots=True)
class DataUpdate:
    """An update that may run in a group: `is_small_data` says so, and none of the others waits long for it."""

    text: str
    base_iri: str
    asker: Asker | None


def update_all(twin: Twin, updates: Sequence[DataUpdate]) -> list[Exception | None]:
    """Run updates, each for itself, all durable and visible when it returns; returns what is wrong with each.

    Raises what is wrong with all of them, as GraphStore.update_all does.
    """
    outcomes: list[Exception | None] = [_refusal(update.text) for update in updates]
    places = [place for place, outcome in enumerate(outcomes) if outcome is None]
    texts = [(updates[place].text, updates[place].base_iri) for place in places]
    known: dict[int, Change | None] = {}

    def told(number: int, change: Change | None) -> None:
        known[number] = change
        twin.changes.keep("update", change, asker=updates[places[number]].asker)

    recorded = told if twin.settings.changes == "all" else None
    commits = twin.graph.update_all(texts, seconds=twin.settings.query_seconds, told=recorded)
    for number, (place, commit) in enumerate(zip(places, commits, strict=True)):
        if isinstance(commit, Exception):
            outcomes[place] = commit
        elif leaves(known[number]) if number in known else leaves_points(*texts[number]):
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
