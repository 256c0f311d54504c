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
from storage.graph.store import Begun, Change

if TYPE_CHECKING:
    from server.twin.service import Twin


@dataclass(frozen=True, slots=True)
class DataUpdate:
    """An update that may run in a group: `is_small_data` says so, and none of the others waits long for it."""

    text: str
    base_iri: str
    asker: Asker | None


class DataUpdates:
    """Runs groups of updates, each for itself, all durable and visible when they have ended. See `gathering.Work`."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin

    def run(self, updates: Sequence[DataUpdate]) -> list[Exception | None]:
        """Run updates; returns what is wrong with each, or raises what is wrong with all (GraphStore.update_all)."""
        group, graph = _Group(self._twin, updates), self._twin.graph
        seconds = self._twin.settings.query_seconds
        return group.outcomes(graph.update_all(group.texts, seconds=seconds, told=group.told))

    def begin(self, updates: Sequence[DataUpdate]) -> _Begun | None:
        """Begin updates; None where something else has to end first."""
        group = _Group(self._twin, updates)
        begun = self._twin.graph.begin_updates(group.texts, group.told)
        return None if begun is None else _Begun(group, begun)


class _Group:
    """Updates, of which those that are refused are not run."""

    def __init__(self, twin: Twin, updates: Sequence[DataUpdate]) -> None:
        self._twin = twin
        self._refusals = [_refusal(update.text) for update in updates]
        self._run = [update for update, refusal in zip(updates, self._refusals, strict=True) if refusal is None]
        self._leaving: dict[int, bool] = {}
        self.texts = [(update.text, update.base_iri) for update in self._run]
        self.told = self._note if twin.settings.changes == "all" else None

    def _note(self, changes: dict[int, Change | None]) -> None:
        self._leaving = {place: leaves(change) for place, change in changes.items()}
        self._twin.changes.keep_all("update", ((change, self._run[i].asker) for i, change in changes.items()))

    def outcomes(self, commits: Sequence[int | Exception]) -> list[Exception | None]:
        """Return what is wrong with each, given what became of those that have run."""
        for place, commit in enumerate(commits):
            if isinstance(commit, int) and self._leaves_points(place):
                self._twin.pass_over(commit)
        errors = iter([commit if isinstance(commit, Exception) else None for commit in commits])
        return [next(errors) if refusal is None else refusal for refusal in self._refusals]

    def _leaves_points(self, place: int) -> bool:
        return self._leaving[place] if place in self._leaving else leaves_points(*self.texts[place])


class _Begun:
    """A group under way."""

    def __init__(self, group: _Group, begun: Begun) -> None:
        self._group = group
        self._begun = begun
        self.source = begun.source
        self.give_up = begun.give_up

    def end(self) -> list[Exception | None] | None:
        """Return what is wrong with each, or raise what is wrong with all; None as long as they go on."""
        commits = self._begun.end()
        return None if commits is None else self._group.outcomes(commits)


def _refusal(text: str) -> Exception | None:
    """Return why an update must not run."""
    try:
        refuse_writes(text)
        refuse_outbound(text)
    except (Problem, QueryRefused) as problem:
        return problem
    return None
