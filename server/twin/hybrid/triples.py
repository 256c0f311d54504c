"""What a triple pattern may match, beside what it is meant to."""

from __future__ import annotations

from collections.abc import Container, Iterator

from ontologies.namespaces import BRICK, REC, REF, S223
from server.twin.hybrid import vocabulary as terms
from storage.graph.rewriting.syntax import Block, Path, Term, Triple
from storage.graph.rewriting.tokens import NotUnderstood

_OF_MODELS = (BRICK.iri, REC.iri, S223.iri, REF.iri)


def predicate_of(triple: Triple) -> tuple[str, bool]:
    """Return the one predicate of a triple and whether it is inverse; nothing where it is a path or a variable."""
    verb = triple.verb
    if isinstance(verb, Term):
        return "", False
    if verb.kind == "inverse":
        return (verb.parts[0].value if verb.parts[0].kind == "iri" else ""), True
    return (verb.value if verb.kind == "iri" else ""), False


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
