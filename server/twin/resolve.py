"""Finds the point that an identifier means: its IRI, the UUID of its series, or the id its source uses.

So also the id of a point in Haystack, with or without the ``@``, or in Azure Digital Twins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any
from uuid import UUID

import pyarrow as pa

from ontologies.identity import parse_uuid, series_uuid
from ontologies.points import PointSeries
from server.twin.lookup import Lookup

_MOST_LOOKED_UP, _MOST_SOURCES = 1_000_000, 64


@dataclass(frozen=True, slots=True)
class PointIndex:
    """All points of one generation of the graph, by each of their identifiers.

    `uuids` are those of their series, `made` counts those that line protocol has made.
    """

    points: tuple[PointSeries, ...]
    by_iri: dict[str, PointSeries] = field(default_factory=dict)
    by_uuid: dict[UUID, PointSeries] = field(default_factory=dict)
    series_of: dict[str, str] = field(default_factory=dict)  # the UUID as text, by the IRI
    _by_id: dict[str, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    _by_stored: dict[tuple[str, str], UUID] = field(default_factory=dict)
    uuids: set[str] = field(default_factory=set)
    made: int = 0
    _looked_up: dict[str | None, Lookup] = field(default_factory=dict, compare=False)  # by source

    @classmethod
    def of(cls, points: Iterable[PointSeries]) -> PointIndex:
        """Index points; of two that share a UUID the first by IRI stands for it."""
        every = tuple(points)
        index = cls(every, made=_made(every))
        for point in index.points:
            index._add(point)
        return index

    def _add(self, point: PointSeries) -> None:
        self.by_iri[point.point] = point
        self.by_uuid.setdefault(point.uuid, point)
        self.series_of[point.point] = text = str(point.uuid)
        self.uuids.add(text)
        for reference in point.references:
            self._by_id[reference.id].add(point.uuid)
            self._by_stored[reference.id, _base(reference.stored_at or "")] = point.uuid
        for name in point.names:
            self._by_id[name].add(point.uuid)

    def extended(self, points: Iterable[PointSeries]) -> PointIndex | None:
        """Return the index of these points too; None where one of them is in it already, and may now be another."""
        new = tuple(points)
        if any(point.point in self.by_iri for point in new):
            return None
        by_id = defaultdict(set, {name: set(uuids) for name, uuids in self._by_id.items()})
        every = tuple(sorted((*self.points, *new), key=lambda point: point.point))
        by_iri, by_uuid, series_of = dict(self.by_iri), dict(self.by_uuid), dict(self.series_of)
        by_stored, uuids, made = dict(self._by_stored), set(self.uuids), self.made + _made(new)
        index = PointIndex(every, by_iri, by_uuid, series_of, by_id, by_stored, uuids, made)
        for point in new:
            index._add(point)
        return index

    def series(self, identifier: str, source: str | None = None) -> UUID | None:
        """Return the series that an identifier means, or None.

        A series id is looked up with the store or file that it comes from (`source`), then alone if only one
        point has it; then as a UUID, whether or not a point has that, and as the IRI of a point.
        """
        if source and (stored := self._by_stored.get((identifier, _base(source)))):
            return stored
        candidates = self._by_id.get(identifier) or self._by_id.get(identifier.removeprefix("@"), set())
        if len(candidates) == 1:
            return next(iter(candidates))
        if uuid := parse_uuid(identifier):
            return uuid
        point = self.by_iri.get(identifier)
        return point.uuid if point else None

    def series_text(self, identifier: str, source: str | None = None) -> str | None:
        """Return the UUID that `series` gives, as text; those that points have are remembered."""
        lookup = self._looked_up.get(source)
        known = lookup.get(identifier) if lookup else None
        if known is None and (found := self.series(identifier, source)) is not None:
            known = str(found)
            if known in self.uuids and self._has_room(source):
                self._looked_up.setdefault(source, Lookup()).add(identifier, known)
        return known

    def known_texts(self, identifiers: pa.Array[Any], source: str | None = None) -> pa.Array[Any]:
        """Return what `series_text` remembers of each, all at once; null for those that it is to be asked for."""
        lookup = self._looked_up.get(source)
        return lookup.find(identifiers) if lookup else pa.nulls(len(identifiers), pa.string())

    def _has_room(self, source: str | None) -> bool:
        sources = len(self._looked_up)
        return (source in self._looked_up or sources < _MOST_SOURCES) and self._size() < _MOST_LOOKED_UP

    def _size(self) -> int:
        return sum(map(len, list(self._looked_up.values())))

    def kept_at(self, series_id: str, store: str | None) -> UUID | None:
        """Return the series that has this id at this very store, or else at none that its model names."""
        at_store = self._by_stored.get((series_id, _base(store))) if store else None
        return at_store or self._by_stored.get((series_id, ""))

    def ambiguous(self, identifier: str) -> bool:
        """Tell whether several points have this series id, so that only a `source` can tell them apart."""
        return len(self._by_id.get(identifier, set())) > 1


def _made(points: Iterable[PointSeries]) -> int:
    """Return how many points have the UUID of their series as IRI, as `ontologies.written_points` makes them."""
    return sum(point.point.startswith("urn:uuid:") and point.point == point.uuid.urn for point in points)


def _base(stored_at: str) -> str:
    """Return the last part of a path or URL: models name the file alone, people give paths."""
    return PurePath(stored_at).name


def derived_series(identifier: str, source: str | None) -> UUID:
    """Return the UUID of a series that no point has yet: the one its point will get once a model names it."""
    return series_uuid(identifier, source)
