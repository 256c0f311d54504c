"""A table that corrects what a model publishes: CSV (RFC 4180) with the columns ``iri`` and ``uuid``.

A column ``uuid_as_published`` may be there for the reader's eye. What the table says wins over the model.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from ontologies.errors import MapError
from ontologies.formats import repair_iri
from ontologies.identity import parse_uuid
from ontologies.points import PointSeries

_NEEDED = ("iri", "uuid")


@dataclass(frozen=True, slots=True)
class PointMap:
    """The UUIDs of points, by IRI."""

    uuids: Mapping[str, UUID]

    def apply(self, points: Iterable[PointSeries]) -> list[PointSeries]:
        """Return the points with the map's UUIDs, where it has one."""
        return [self._mapped(point) for point in points]

    def unknown(self, points: Iterable[PointSeries]) -> list[str]:
        """Return the IRIs that the map names and no point has: a sign that it belongs to another model."""
        return sorted(self.uuids.keys() - {point.point for point in points})

    def _mapped(self, point: PointSeries) -> PointSeries:
        uuid = self.uuids.get(point.point, point.uuid)
        return point if uuid == point.uuid else replace(point, uuid=uuid, canonical=False)


def read_map(lines: Iterable[str]) -> PointMap:
    """Read a table from its lines: an open text file, or ``text.splitlines(keepends=True)``."""
    reader = csv.DictReader(lines)
    missing = [column for column in _NEEDED if column not in (reader.fieldnames or ())]
    if missing:
        raise MapError(f"the table has no column {' and no column '.join(missing)}", line=1)
    uuids: dict[str, UUID] = {}
    for line, iri, uuid in _rows(reader):
        if uuids.setdefault(iri, uuid) != uuid:
            raise MapError(f"{iri} has two UUIDs: {uuids[iri]} and {uuid}", line=line)
    return PointMap(uuids)


def _rows(reader: csv.DictReader[str]) -> Iterator[tuple[int, str, UUID]]:
    try:
        for row in reader:
            iri, text = ((row[column] or "").strip() for column in _NEEDED)
            uuid = parse_uuid(text)
            if not iri or uuid is None:
                raise MapError(f"{text!r} is not a UUID" if iri else "the iri is empty", line=reader.line_num)
            # A lenient reading of the model mends its IRIs in the same way.
            yield reader.line_num, repair_iri(iri), uuid
    except csv.Error as error:
        raise MapError(str(error), line=reader.line_num) from error
