"""What a triple pattern may match, beside what it is meant to."""

from __future__ import annotations

from collections.abc import Container, Iterator

from ontologies.namespaces import BRICK, REC, REF, S223
from server.twin.hybrid import vocabulary as terms
from storage.graph.rewriting.syntax import Block, Path, Term, Triple
from storage.graph.rewriting.tokens import NotUnderstood

PLACES = {
    terms.MADE_BY_SENSOR: "point",
    terms.MADE_OBSERVATION: "point",
    terms.LAST_KNOWN_VALUE: "point",
    terms.RESULT_TIME: "time",
    terms.TIMESTAMP: "time",
    terms.SIMPLE_RESULT: "value",
    terms.VALUE: "value",
    terms.STATUS: "status",
}
"""What of an observation a predicate leads to, or from."""
_OF_MODELS = (BRICK.iri, REC.iri, S223.iri, REF.iri)


def predicate_of(triple: Triple) -> tuple[str, bool]:
    """Return the one predicate of a triple and whether it is inverse; nothing where it is a path or a variable."""
    verb = triple.verb
    if isinstance(verb, Term):
        return "", False
    if verb.kind == "inverse":
        return (verb.parts[0].value if verb.parts[0].kind == "iri" else ""), True
    return (verb.value if verb.kind == "iri" else ""), False


def observation_first(triple: Triple, predicate: str, *, inverse: bool) -> tuple[Term, Term]:
    """Return the ends of a triple of this predicate: that which is an observation, and what it leads to."""
    from_point = predicate in (terms.MADE_OBSERVATION, terms.LAST_KNOWN_VALUE)
    return (triple.object, triple.subject) if from_point != inverse else triple.ends


def written(text: str, triple: Triple) -> str:
    """Write a triple by itself; nothing where an end is a blank node with triples of its own."""
    parts = [text[part.start : part.end] for part in (triple.subject, triple.verb, triple.object)]
    return "" if any(part[:1] in ("[", "(", "") for part in (parts[0], parts[2])) else f"{' '.join(parts)} ."


def iris_of(path: Path) -> Iterator[str]:
    """Yield the IRIs in a path. Raises NotUnderstood for a negated property set, which has all others."""
    if path.kind == "negated":
        raise NotUnderstood("a negated property set")
    if path.kind == "iri":
        yield path.value
    for part in path.parts:
        yield from iris_of(part)


def may_be_empty(path: Path) -> bool:
    """Tell whether a path has solutions of no length, from any node to itself."""
    if path.kind == "closure":
        return path.value != "+" or may_be_empty(path.parts[0])
    if path.kind == "sequence":
        return all(map(may_be_empty, path.parts))
    return any(map(may_be_empty, path.parts))


def refuse_open(block: Block, points: Container[str | None]) -> None:
    """Raise NotUnderstood where a triple of a graph's block could match one of readings: any type, or any node."""
    for triple in block.triples:
        if isinstance(triple.verb, Term):
            raise NotUnderstood("a variable predicate")
        iris = list(iris_of(triple.verb))
        typed = terms.TYPE in iris and triple.object.kind != "iri"
        if not typed and not may_be_empty(triple.verb):
            continue
        ends = [end for end in triple.ends if end.kind != "iri"]
        if typed or len(ends) == 2:
            free = ends if not typed else [triple.subject]
            if not any(end.value in points or _is_anchored(end, block, triple) for end in free):
                raise NotUnderstood("any node, which a reading may be")


def _is_anchored(end: Term, block: Block, but: Triple) -> bool:
    """Tell whether a variable is that of another triple that readings never have, nor is likely said of them."""
    for triple in block.triples:
        if triple is but or isinstance(triple.verb, Term) or may_be_empty(triple.verb):
            continue
        if end.value in (triple.subject.value, triple.object.value):
            iris = list(iris_of(triple.verb))
            typed = iris == [terms.TYPE] and triple.object.kind == "iri" and triple.subject.value == end.value
            if typed or all(iri.startswith(_OF_MODELS) and iri not in terms.PREDICATES for iri in iris):
                return True
    return False
