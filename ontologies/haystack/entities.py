"""What a graph says of its entities, as far as Haystack has words for it: collected in one pass over its quads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from pyoxigraph import Literal, NamedNode, Quad

from ontologies.haystack.encoding import QUALIFIERS, Term
from ontologies.identifiers import NOTATION, Scheme
from ontologies.namespaces import RDF, RDFS, REC, REF, S223, SKOS, TAG, TWH, Namespace, any_brick
from ontologies.point_terms import HAS_POINT, IS_POINT_OF, PREDICATES

_TYPE = RDF["type"]
_LABELS = (RDFS["label"], SKOS["prefLabel"], REC["name"])
POINT_OF, PART_OF, LOCATED_IN, FED_BY = "pointOf", "partOf", "locatedIn", "fedBy"
# Each relation, and its inverse, in every vocabulary that we load.
_UP: dict[object, str] = {
    **dict.fromkeys(IS_POINT_OF, POINT_OF),
    **dict.fromkeys((*any_brick("isPartOf"), REC["isPartOf"]), PART_OF),
    **dict.fromkeys((*any_brick("hasLocation"), REC["hasLocation"], REC["locatedIn"]), LOCATED_IN),
    **dict.fromkeys(any_brick("hasSite"), LOCATED_IN),
    **dict.fromkeys((*any_brick("isFedBy"), REC["isFedBy"]), FED_BY),
}
_DOWN: dict[object, str] = {
    **dict.fromkeys(HAS_POINT, POINT_OF),
    **dict.fromkeys((*any_brick("hasPart"), REC["hasPart"]), PART_OF),
    **dict.fromkeys((*any_brick("isLocationOf"), REC["isLocationOf"]), LOCATED_IN),
    **dict.fromkeys((*any_brick("feeds"), REC["feeds"]), FED_BY),
}
_UNITS = frozenset({*any_brick("hasUnit"), S223["hasUnit"]})
_TAGS = TWH["haystackTag"]


@dataclass(slots=True)
class Entity:
    """A node of the graph: its classes, names, relations, and the tags that it was loaded with."""

    classes: set[NamedNode] = field(default_factory=set)
    labels: dict[NamedNode, str] = field(default_factory=dict)
    up: defaultdict[str, set[NamedNode]] = field(default_factory=lambda: defaultdict(set))
    units: set[NamedNode] = field(default_factory=set)
    markers: set[str] = field(default_factory=set)
    tags: defaultdict[str, list[Term]] = field(default_factory=lambda: defaultdict(list))
    beside: defaultdict[str, dict[Namespace, str]] = field(default_factory=lambda: defaultdict(dict))

    @property
    def label(self) -> str | None:
        return next((self.labels[term] for term in _LABELS if term in self.labels), None)

    def parents(self, *relations: str) -> list[NamedNode]:
        """Return what it is related to, in an order that is the same each time."""
        return sorted({node for name in relations for node in self.up.get(name, ())}, key=lambda node: node.value)


@dataclass(slots=True)
class Entities:
    """The entities of a graph by node, the quads that speak of series, and whose triples nothing here
    takes, by predicate."""

    found: defaultdict[NamedNode, Entity] = field(default_factory=lambda: defaultdict(Entity))
    ids: dict[object, str] = field(default_factory=dict)
    of_points: list[Quad] = field(default_factory=list)
    others: defaultdict[NamedNode, list[NamedNode]] = field(default_factory=lambda: defaultdict(list))


def collect(quads: Iterable[Quad]) -> Entities:
    """Return what the quads say. Blank nodes are left out, but for those of references to series."""
    entities = Entities()
    for quad in quads:
        predicate = quad.predicate
        if predicate in PREDICATES or predicate == _TYPE:
            entities.of_points.append(quad)
        if predicate in REF and predicate not in PREDICATES:
            continue
        if isinstance(quad.subject, NamedNode):
            _take(entities, quad.subject, predicate, quad.object)
    return entities


def _take(entities: Entities, subject: NamedNode, predicate: NamedNode, value: Term) -> None:
    if predicate in TAG:
        entities.found[subject].tags[predicate.value[len(TAG.iri) :]].append(value)
    elif predicate == NOTATION:
        if isinstance(value, Literal) and value.datatype == Scheme.HAYSTACK.value:
            entities.ids[subject] = value.value
    elif predicate == _TYPE:
        if isinstance(value, NamedNode):
            entities.found[subject].classes.add(value)
    elif isinstance(value, NamedNode) and predicate in _UP:
        entities.found[subject].up[_UP[predicate]].add(value)
    elif isinstance(value, NamedNode) and predicate in _DOWN:
        entities.found[value].up[_DOWN[predicate]].add(subject)
    elif isinstance(value, NamedNode) and predicate in _UNITS:
        entities.found[subject].units.add(value)
    elif predicate in _LABELS and isinstance(value, Literal):
        entities.found[subject].labels.setdefault(predicate, value.value)
    elif predicate == _TAGS and isinstance(value, Literal):
        entities.found[subject].markers.update(value.value.split())
    elif not _qualifies(entities, subject, predicate, value) and predicate not in PREDICATES:
        entities.others[predicate].append(subject)


def _qualifies(entities: Entities, subject: NamedNode, predicate: NamedNode, value: Term) -> bool:
    """Take what stands beside a tag."""
    for namespace in QUALIFIERS:
        if predicate in namespace and isinstance(value, Literal):
            entities.found[subject].beside[predicate.value[len(namespace.iri) :]][namespace] = value.value
            return True
    return False
