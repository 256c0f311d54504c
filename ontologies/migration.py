"""Models of older releases of Brick, in the words of a newer one: classes, relations, substances and quantities.

A term is renamed where its release had another IRI for it (1.0 to 1.2), where Brick says what replaced it
(``brick:isReplacedBy``), and where the table ``data/brick_renamed.csv`` does. What the model itself declares, and
what nobody has a new name for, stays as it is; the latter is reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple

from ontologies.catalog import Ontology
from ontologies.data_tables import read_table
from ontologies.models.report import RENAMED, WITHOUT_CLASS, Report, times
from ontologies.namespaces import BRICK, BRICK_RELEASES, OWL, RDF, RDFS, compact, expand, modern_brick
from ontologies.point_terms import PREDICATES

_TABLE = Path(__file__).parent / "data" / "brick_renamed.csv"
_DECLARING = frozenset({RDFS["subClassOf"], RDFS["subPropertyOf"]})
_DECLARED = frozenset({OWL["Class"], RDFS["Class"], OWL["ObjectProperty"], OWL["DatatypeProperty"], RDF["Property"]})
Term = NamedNode | BlankNode | Literal | Triple


class Migration:
    """Renames terms, and counts what it renamed and what it did not know."""

    def __init__(self, ontology: Ontology) -> None:
        self._release = f"{ontology.name.capitalize()} {ontology.version}"
        self._known, self._newer = terms_of(ontology)
        self._names: dict[NamedNode, NamedNode] = {}
        self._renamed: Counter[tuple[NamedNode, NamedNode]] = Counter()
        self._unknown: Counter[NamedNode] = Counter()
        self._declared: set[NamedNode] = set()

    def quads(self, quads: Iterable[Quad]) -> Iterator[Quad]:
        """Yield quads with their terms renamed."""
        for quad in quads:
            self._note_declaration(quad)
            subject, predicate, value = quad.subject, quad.predicate, quad.object
            new = (
                self._name(subject, counted=False) if isinstance(subject, NamedNode) else subject,
                self._name(predicate),
                self._name(value) if isinstance(value, NamedNode) else value,
            )
            if new[0] is subject and new[1] is predicate and new[2] is value:
                yield quad
            else:
                yield Quad(*new, quad.graph_name)

    def report(self, report: Report) -> None:
        """Tell what was renamed, and which terms of Brick the release does not have."""
        for (old, new), count in self._renamed.most_common():
            report.add(RENAMED, shown(old), f"written as {compact(new.value)}, {times(count)}", count)
        for term, count in self._unknown.most_common():
            if term not in self._declared and term not in PREDICATES:  # which say what series a point has
                report.add(
                    WITHOUT_CLASS, compact(term.value), f"{self._release} has no such term, {times(count)}", count
                )

    def _note_declaration(self, quad: Quad) -> None:
        declares = quad.predicate in _DECLARING or (quad.predicate == RDF["type"] and quad.object in _DECLARED)
        if declares and isinstance(quad.subject, NamedNode):
            self._declared.add(modern_brick(quad.subject))

    def _name(self, term: NamedNode, *, counted: bool = True) -> NamedNode:
        if not any(term in release for release in BRICK_RELEASES):
            return self._newer.get(term, term)  # Brick says of some terms of REC as well what replaced them
        known = self._names.get(term)
        if known is None:
            modern = modern_brick(term)
            known = self._names[term] = self._newer.get(modern, modern)
        if counted and known != term:
            self._renamed[term, known] += 1
        if counted and known in BRICK and known not in self._known:
            self._unknown[known] += 1
        return term if known == term else known


def renamed(term: NamedNode) -> NamedNode | None:
    """Return what the table calls a term of Brick that is gone; None where it does not know."""
    return _table().get(term)


@lru_cache(maxsize=1)
def _table() -> Mapping[NamedNode, NamedNode]:
    return {BRICK[row["old"]]: expand(row["new"]) for row in read_table(_TABLE, ("old", "new"))}


def shown(term: NamedNode) -> str:
    """Return a term so that two releases' are told apart."""
    return compact(term.value) if term in BRICK else term.value


@lru_cache(maxsize=2)
def terms_of(ontology: Ontology) -> tuple[frozenset[NamedNode], Mapping[NamedNode, NamedNode]]:
    """Return what a release has, and what it has in place of what it has no more, or has deprecated."""
    known: set[NamedNode] = set()
    newer = dict(_table())
    for quad in ontology.quads():
        if isinstance(quad.subject, NamedNode):
            known.add(quad.subject)
            if quad.predicate == BRICK["isReplacedBy"] and isinstance(quad.object, NamedNode):
                newer[quad.subject] = quad.object
    return frozenset(known), {term: _last(term, newer) for term in newer}


def _last(term: NamedNode, newer: Mapping[NamedNode, NamedNode]) -> NamedNode:
    seen = {term}
    while term in newer and newer[term] not in seen:
        term = newer[term]
        seen.add(term)
    return term
