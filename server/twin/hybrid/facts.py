"""What the graph itself says with the vocabulary of readings: beside it, nothing is pushed down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from ontologies.points import PointSeries
from server.twin.hybrid import vocabulary as terms
from server.twin.hybrid.kinds import Kinds

Texts: TypeAlias = "pa.Array[Any]"
_FEW = 500  # points that are looked up one by one before Arrow has made its own index of all


@dataclass(frozen=True, slots=True)
class SeriesOfPoints:
    """The points as cells of TSV, each with its series and kind beside it."""

    cells: Texts
    ids: Texts
    kinds: Texts
    places: Mapping[str, int]

    @classmethod
    def of(cls, points: Sequence[PointSeries], kinds: Kinds) -> SeriesOfPoints:
        """Take all points."""
        cells = [f"<{point.point}>" for point in points]
        of_each = [kinds.of.get(point.point, "double") for point in points]
        ids = pa.array([str(point.uuid) for point in points], pa.string())
        places = {cell: place for place, cell in enumerate(cells)}
        return cls(pa.array(cells, pa.string()), ids, pa.array(of_each, pa.string()), places)

    def series(self, cells: Texts) -> tuple[Texts, Texts]:
        """Return the series of cells, null where one is no point, and their kinds."""
        if len(cells) < _FEW:
            places: Texts = pa.array([self.places.get(str(cell)) for cell in cells.to_pylist()], pa.int32())
        else:
            places = pc.index_in(cells, self.cells)
        return self.ids.take(places), self.kinds.take(places).fill_null("double")

    def every(self) -> tuple[Texts, Texts]:
        """Return all series, each once, and the kinds of one of their points."""
        ids = pc.unique(self.ids)
        return ids, self.kinds.take(pc.index_in(ids, self.ids))


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one generation of the graph: the predicates of readings that it has, kinds, and series of several kinds.

    `observed` says that it has something to say of sosa:Observation, or calls something one.
    """

    predicates: frozenset[str]
    observed: bool
    kinds: Kinds
    mixed: frozenset[str]
    series: SeriesOfPoints

    @property
    def are_plain(self) -> bool:
        """Tell whether the vocabulary is that of readings alone."""
        return not self.predicates and not self.observed


def predicates_query(public_url: str) -> str:
    """Return the query of the predicates that the graph has, for a union default graph."""
    asked = " ".join(f"<{iri}>" for iri in sorted(terms.HISTORY | {terms.LAST_KNOWN_VALUE}))
    starts = [f'STRSTARTS(STR(?s), "{start}")' for start in (terms.OBSERVATION_IRI, f"{public_url}/observations/")]
    return f"""SELECT DISTINCT ?p {{
  {{ VALUES ?p {{ {asked} }} FILTER EXISTS {{ ?a ?p ?b }} }}
  UNION {{ VALUES ?p {{ <{terms.VALUE}> <{terms.TIMESTAMP}> }} ?s ?p ?o FILTER({starts[0]} || {starts[1]}) }}
  UNION {{ {{ ?s <{terms.TYPE}> <{terms.OBSERVATION}> }} UNION {{ <{terms.OBSERVATION}> ?x ?y }}
    BIND(<{terms.OBSERVATION}> AS ?p) }}
}}"""


def facts(found: Iterable[str], points: Sequence[PointSeries], kinds: Kinds, known: Facts | None = None) -> Facts:
    """Return the facts, of the predicates that a query found; `known` are others of the same points."""
    named = frozenset(found)
    predicates, observed = named - {terms.OBSERVATION}, terms.OBSERVATION in named
    if known is not None and known.kinds == kinds:
        return Facts(predicates, observed, kinds, known.mixed, known.series)
    kinds_of: dict[str, set[str]] = {}
    if kinds.of:
        for point in points:
            kinds_of.setdefault(str(point.uuid), set()).add(kinds.of.get(point.point, "double"))
    mixed = frozenset(uuid for uuid, several in kinds_of.items() if len(several) > 1)
    return Facts(predicates, observed, kinds, mixed, SeriesOfPoints.of(points, kinds))
