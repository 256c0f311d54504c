"""What is not wrong with a model but could be better: findings that no shape has, each with what to do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from pyoxigraph import NamedNode, Quad

from ontologies.namespaces import BRICK, OWL, QUDT, RDF, UNIT, compact
from ontologies.points import find_points
from ontologies.units import qudt_units

_UNIT_OF = (BRICK["hasUnit"], QUDT["hasUnit"], QUDT["unit"])
_OF_TAGS = {BRICK["hasTag"], BRICK["isTagOf"]}  # whose other direction nobody asks for
_ONE_WAY = "relations are said in one direction alone"
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Advice:
    """A cause, so many times, with some of the nodes or IRIs that it is about."""

    cause: str
    hint: str
    count: int
    examples: tuple[str, ...]


def advise(model: Sequence[Quad], ontology: Sequence[Quad]) -> list[Advice]:
    """Return what a person could improve in a model."""
    return [*_units(model, _known_units(ontology, model)), *_inverses(model, ontology), *_without_series(model)]


def advice(cause: str, hint: str, about: Collection[str]) -> Iterator[Advice]:
    """Yield a piece of advice where it is about anything."""
    if about:
        yield Advice(cause, hint, len(about), tuple(sorted(about)[:_SHOWN]))


def _known_units(ontology: Iterable[Quad], model: Iterable[Quad]) -> frozenset[str]:
    """Return the units of BACnet, Haystack and the ontology, and those that the model says are units."""
    mentioned = (term for quad in ontology for term in (quad.subject, quad.object) if term in UNIT)
    declared = (quad.subject for quad in model if (quad.predicate, quad.object) == (RDF["type"], QUDT["Unit"]))
    terms = (*qudt_units(), *mentioned, *declared)
    return frozenset(term.value for term in terms if isinstance(term, NamedNode))


def _units(model: Iterable[Quad], known: frozenset[str]) -> Iterator[Advice]:
    users: defaultdict[str, set[str]] = defaultdict(set)
    for quad in model:
        if quad.predicate in _UNIT_OF and str(quad.object).strip("<>") not in known:
            users[str(quad.object)].add(str(quad.subject).strip("<>"))
    for unit, nodes in sorted(users.items()):
        yield from advice(f"the unit {compact(unit.strip('<>'))} is not known", _unit_hint(unit, known), nodes)


def _unit_hint(unit: str, known: frozenset[str]) -> str:
    wanted = unit.strip("<>").rpartition("/")[2].rpartition("#")[2].strip('"')
    names = {iri.removeprefix(UNIT.iri).upper(): iri for iri in sorted(known)}
    near = get_close_matches(wanted.upper(), list(names), n=1)
    if near:
        return f"perhaps {compact(names[near[0]])} is meant"
    return "write a unit of QUDT, such as unit:DEG_C; one that Brick has not is known once it is a qudt:Unit"


def _inverses(model: Iterable[Quad], ontology: Iterable[Quad]) -> Iterator[Advice]:
    """Relations that are said in one direction alone, where the ontology has the other one, too."""
    other = _inverse_properties(ontology)
    predicates = other.keys() - _OF_TAGS
    said = {(quad.subject, quad.predicate, quad.object) for quad in model if quad.predicate in predicates}
    lacking: defaultdict[NamedNode, set[str]] = defaultdict(set)
    for subject, predicate, value in said:
        if (value, other[predicate], subject) not in said:
            lacking[predicate].add(str(subject).strip("<>"))
    named = ", ".join(f"{compact(p.value)} ({len(lacking[p]):,})" for p in sorted(lacking, key=lambda p: p.value))
    hint = f"`twinhouse infer` adds the other direction of {named}; queries then need not know both"
    count = sum(map(len, lacking.values()))
    if count:
        yield Advice(_ONE_WAY, hint, count, tuple(sorted(set().union(*lacking.values()))[:_SHOWN]))


def _inverse_properties(ontology: Iterable[Quad]) -> Mapping[NamedNode, NamedNode]:
    found: dict[NamedNode, NamedNode] = {}
    for quad in ontology:
        one, two = quad.subject, quad.object
        if quad.predicate == OWL["inverseOf"] and isinstance(one, NamedNode) and isinstance(two, NamedNode):
            found.setdefault(one, two)
            found.setdefault(two, one)
    return found


def _without_series(model: Iterable[Quad]) -> Iterator[Advice]:
    silent = {point.point for point in find_points(model) if not point.references}
    hint = "`twinhouse load` gives each a series of its own; ref:TimeseriesReference names one that there is"
    yield from advice("points have no series", hint, silent)
