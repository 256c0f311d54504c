"""What the graph itself says with the vocabulary of readings: beside it, nothing is pushed down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ontologies.points import PointSeries
from server.twin.hybrid import vocabulary as terms
from server.twin.hybrid.kinds import Kinds


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one generation of the graph: the predicates of readings that it has, kinds, and series of several kinds.

    `observed` says that it has something to say of sosa:Observation, or calls something one.
    """

    predicates: frozenset[str]
    observed: bool
    kinds: Kinds = field(default_factory=lambda: Kinds({}))
    mixed: frozenset[str] = frozenset()

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


def facts(found: Iterable[str], points: Iterable[PointSeries], kinds: Kinds) -> Facts:
    """Return the facts, of the predicates that a query found."""
    named = frozenset(found)
    kinds_of: dict[str, set[str]] = {}
    if kinds.of:
        for point in points:
            kinds_of.setdefault(str(point.uuid), set()).add(kinds.of.get(point.point, "double"))
    mixed = frozenset(uuid for uuid, several in kinds_of.items() if len(several) > 1)
    return Facts(named - {terms.OBSERVATION}, terms.OBSERVATION in named, kinds, mixed)
