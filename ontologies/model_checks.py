"""What SHACL does not ask of a model, and a person wants to know: units, series, inverse relations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from pyoxigraph import Literal, NamedNode, Quad

from ontologies.catalog import Ontology
from ontologies.namespaces import BRICK, OWL, UNIT, compact
from ontologies.points import PointSeries, find_points
from ontologies.units import bacnet_units, haystack_unit
from ontologies.validation import ValidationFinding

_HAS_UNIT = BRICK["hasUnit"]


def check_model(quads: Iterable[Quad], ontology: Ontology) -> list[ValidationFinding]:
    """Return what is amiss with a model's units, with points that name no series, and with one-sided relations."""
    listed = list(quads)
    return [*_units(listed, ontology), *_series(find_points(listed)), *_inverses(listed, ontology)]


def _units(quads: list[Quad], ontology: Ontology) -> Iterator[ValidationFinding]:
    for quad in quads:
        if quad.predicate != _HAS_UNIT:
            continue
        value = quad.object
        if isinstance(value, Literal):
            unit = haystack_unit(value.value)
            hint = f"write {compact(unit.value)}" if unit else "write a unit of QUDT, as an IRI"
            yield _finding("Warning", quad, f"the unit {value.value!r} is a text, not a unit of QUDT", hint)
        elif isinstance(value, NamedNode) and value in UNIT and value not in _known_units(ontology):
            yield _finding(
                "Info",
                quad,
                f"{compact(value.value)} is not among the units that we know of QUDT",
                "check its spelling at http://qudt.org/vocab/unit/",
            )


@lru_cache(maxsize=2)
def _known_units(ontology: Ontology) -> frozenset[object]:
    mentioned = {term for quad in ontology.quads() for term in (quad.subject, quad.object) if term in UNIT}
    return frozenset(mentioned | {unit.qudt for unit in bacnet_units().values()})


def _series(points: Iterable[PointSeries]) -> Iterator[ValidationFinding]:
    for point in points:
        if not point.references:
            yield ValidationFinding(
                "Info",
                point.point,
                None,
                None,
                None,
                f"the model names no series for this point; here it is {point.uuid}",
                "points without a series of their own",
                "give them a ref:TimeseriesReference, or a table of iri and uuid (--map)",
            )


def _inverses(quads: list[Quad], ontology: Ontology) -> Iterator[ValidationFinding]:
    inverse = _inverse_of(ontology)
    said = {(quad.subject, quad.predicate, quad.object) for quad in quads if quad.predicate in inverse}
    for subject, predicate, value in sorted(said, key=str):
        back = inverse[predicate]
        if isinstance(subject, NamedNode) and isinstance(value, NamedNode) and (value, back, subject) not in said:
            yield ValidationFinding(
                "Info",
                value.value,
                back.value,
                subject.value,
                None,
                f"{compact(subject.value)} {compact(predicate.value)} it, and nothing says {compact(back.value)}",
                f"{compact(predicate.value)} without {compact(back.value)}",
                "`twinhouse infer` adds what is missing",
            )


@lru_cache(maxsize=2)
def _inverse_of(ontology: Ontology) -> dict[object, NamedNode]:
    pairs = [
        (quad.subject, quad.object)
        for quad in ontology.quads()
        if quad.predicate == OWL["inverseOf"]
        and isinstance(quad.subject, NamedNode)
        and isinstance(quad.object, NamedNode)
        and quad.subject in BRICK
        and quad.object in BRICK
    ]
    return {**dict(pairs), **{second: first for first, second in pairs}}


def _finding(severity: str, quad: Quad, cause: str, hint: str) -> ValidationFinding:
    subject = quad.subject
    focus = subject.value if isinstance(subject, NamedNode) else str(subject)
    value = quad.object.value if isinstance(quad.object, NamedNode | Literal) else str(quad.object)
    return ValidationFinding(severity, focus, _HAS_UNIT.value, value, None, cause, cause, hint)
