"""Retention by rules: how long readings are kept, by point, class, place, or for all.

A rule is `what=how long`, such as `brick:Occupancy_Count_Sensor=90d`, `urn:site:a=2y` or `*=5y`; rules are parted by
spaces. `what` is a point (IRI or UUID), a class, a place or equipment, or `*`: every series. For a point the first
rule counts that has it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pyoxigraph as ox

from ontologies.belonging import points_of_class, points_within
from ontologies.namespaces import PREFIXES
from server.errors import Problem
from server.settings import SettingError
from server.twin.times import parse_step
from storage.errors import StorageError
from storage.series.steps import Step

if TYPE_CHECKING:
    from server.twin.service import Twin

EVERY = 3600.0
_FIRST = 60.0  # seconds after the start, which has enough to do
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rule:
    """Readings of `what` are kept for `keep`."""

    what: str
    keep: Step

    def before(self, now: datetime) -> datetime:
        """Return the time before which readings have had theirs."""
        return now - self.keep.time - self.keep.months * timedelta(days=365.25 / 12)


@dataclass(frozen=True, slots=True)
class Retained:
    """What a rule did: it is about so many series, of which so many had readings from before a time."""

    what: str
    before: str
    series: int
    retired: int


def parse_rules(text: str) -> list[Rule]:
    """Read the rules of the setting `retention`. Raises SettingError."""
    return [_rule(item) for item in text.split()]


def _rule(item: str) -> Rule:
    what, _, keep = item.rpartition("=")
    try:
        step = parse_step(keep, "retention")
        ox.NamedNode(_expanded(what))
    except Problem as problem:
        raise SettingError(problem.detail) from None
    except ValueError:
        if what != "*":
            raise SettingError(f'retention is of *, an IRI or a UUID, not of "{what}"') from None
    return Rule(_expanded(what), step)


def _expanded(name: str) -> str:
    prefix, separator, local = name.partition(":")
    return PREFIXES[prefix] + local if separator and prefix in PREFIXES else name


def retain(twin: Twin, rules: Sequence[Rule], now: datetime | None = None) -> list[Retained]:
    """Apply the rules; see SeriesStore.retire. Durable and visible when it returns."""
    now = now or datetime.now(UTC).replace(tzinfo=None)
    found = []
    for rule, ids in _resolved(twin, rules):
        before = rule.before(now)
        retired = twin.series.retire(sorted(ids), before) if ids else 0
        found.append(Retained(rule.what, f"{before.date().isoformat()}T00:00:00Z", len(ids), retired))
    return found


def _resolved(twin: Twin, rules: Sequence[Rule]) -> Iterator[tuple[Rule, set[str]]]:
    taken: set[str] = set()
    for rule in rules:
        ids = _series(twin, rule.what) - taken
        taken |= ids
        yield rule, ids


def _series(twin: Twin, what: str) -> set[str]:
    if what == "*":
        return {str(id_) for id_ in twin.series.latest().column("id").to_pylist()}
    if (point := twin.index.series(what)) is not None:
        return {str(point)}
    rows = [row for query in (points_of_class, points_within) for row in twin.select(query(what)).rows]
    points = {term.value for (term,) in rows if isinstance(term, ox.NamedNode)}
    return {str(twin.index.by_iri[point].uuid) for point in points & twin.index.by_iri.keys()}


class Retaining:
    """Applies the rules now and then, in a thread of its own. Without rules there is none."""

    def __init__(self, twin: Twin, rules: Sequence[Rule]) -> None:
        self._twin = twin
        self._rules = rules
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)
        if rules:
            self._thread.start()

    def _run(self) -> None:
        wait = _FIRST
        while not self._closed.wait(wait):
            wait = EVERY
            try:
                retain(self._twin, self._rules)
            except (Problem, StorageError):
                _LOG.exception("the rules of retention could not be applied, and will be again")

    def close(self) -> None:
        """End once what is under way is done. Closing twice is fine."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()
