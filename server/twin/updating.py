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
from storage.graph.store import Begun

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


class DataUpdates:
    """Runs groups of updates, each for itself, all durable and visible when they have ended. See `gathering.Work`."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin

    def run(self, updates: Sequence[DataUpdate]) -> list[Exception | None]:
        """Run updates; returns what is wrong with each, or raises what is wrong with all (GraphStore.update_all)."""
        group = _Group(self._twin, updates)
        return group.outcomes(self._twin.graph.update_all(group.texts, seconds=self._twin.settings.query_seconds))

    def begin(self, updates: Sequence[DataUpdate]) -> _Begun | None:
        """Begin updates; None where something else has to end first."""
        group = _Group(self._twin, updates)
        begun = self._twin.graph.begin_updates(group.texts)
        return None if begun is None else _Begun(group, begun)


class _Group:
    """Updates, of which those that are refused are not run."""

    def __init__(self, twin: Twin, updates: Sequence[DataUpdate]) -> None:
        self._twin = twin
        self._refusals = [_refusal(update.text) for update in updates]
        chosen = (update for update, refusal in zip(updates, self._refusals, strict=True) if refusal is None)
        self.texts: list[tuple[str, str | None]] = [(update.text, update.base_iri) for update in chosen]

    def outcomes(self, commits: Sequence[int | Exception]) -> list[Exception | None]:
        """Return what is wrong with each, given what became of those that have run."""
        for (text, base_iri), commit in zip(self.texts, commits, strict=True):
            if isinstance(commit, int) and leaves_points(text, base_iri):
                self._twin.pass_over(commit)
        errors = iter([commit if isinstance(commit, Exception) else None for commit in commits])
        return [next(errors) if refusal is None else refusal for refusal in self._refusals]


class _Begun:
    """A group under way."""

    def __init__(self, group: _Group, begun: Begun) -> None:
        self._group = group
        self._begun = begun
        self.fileno = begun.fileno
        self.give_up = begun.give_up

    def end(self) -> list[Exception | None]:
        """Return what is wrong with each, or raise what is wrong with all."""
        return self._group.outcomes(self._begun.end())


def _refusal(text: str) -> Exception | None:
    """Return why an update must not run."""
    try:
        refuse_writes(text)
        refuse_outbound(text)
    except (Problem, QueryRefused) as problem:
        return problem
    return None
