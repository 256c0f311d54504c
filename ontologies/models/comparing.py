"""What two models differ in, triple by triple. Blank nodes are told by what is said of them, not by their labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from pyoxigraph import BlankNode, NamedNode, Quad, Triple

_DEEPEST = 8  # blank nodes that hang on one another; what is deeper is told apart by its depth alone
_SHORT = 16
_TURNS = 50  # until when nodes that hang on one another are told apart by that
_LOOSE = "a blank node that is none of the other model yet"


@dataclass(frozen=True, slots=True)
class Difference:
    """The triples that one model has and the other has not, as lines of N-Triples, sorted."""

    added: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


def difference(before: Iterable[Quad], after: Iterable[Quad]) -> Difference:
    """Return what was added and what removed between two models, whatever their graphs are called.

    Two blank nodes of a model of which the same is said are one, as they are in a lean graph (RDF 1.1 Semantics).
    """
    old, new = lines(before), lines(after)
    return Difference(tuple(sorted(new - old)), tuple(sorted(old - new)))


def lines(quads: Iterable[Quad]) -> set[str]:
    """Return a model's triples as lines that are the same whatever its blank nodes are labelled."""
    listed = list(quads)
    names = _Names(listed)
    return {f"{names.of(q.subject)} {q.predicate} {names.of(q.object)} ." for q in listed}


def alike(before: Iterable[Quad], after: Iterable[Quad]) -> dict[BlankNode, BlankNode]:
    """Return which blank node of a model (`after`) is which one of another: those of which the same is said.

    Of several of which the same is said, those that hang on the same nodes are the same. It is a guess where there
    still are several; no two nodes are the same one.
    """
    old, new = _Names(before), _Names(after)
    found: dict[BlankNode, BlankNode] = {}
    for turn in range(_TURNS):
        ours, theirs = old.grouped({node: node for node in found.values()}), new.grouped(found)
        both = [key for key in theirs if key in ours]
        sure = [key for key in both if len(theirs[key]) == len(ours[key]) == 1]
        # Where nothing is sure any more, any choice will do, but then what hangs on those chosen follows.
        chosen = sure or [key for key in both if _LOOSE not in key] or both
        if not chosen:
            break
        found |= {
            a: b
            for key in (chosen if turn < _TURNS - 1 else both)
            for a, b in zip(theirs[key], ours[key], strict=False)
        }
    return found


class _Names:
    """Names of blank nodes: a hash of what is said of them, and of what says something of them."""

    def __init__(self, quads: Iterable[Quad]) -> None:
        self._out: defaultdict[BlankNode, list[Quad]] = defaultdict(list)
        self._into: defaultdict[BlankNode, list[Quad]] = defaultdict(list)
        self._known: dict[BlankNode, str] = {}
        self._nodes: dict[BlankNode, None] = {}
        for quad in quads:
            self._nodes |= {end: None for end in (quad.subject, quad.object) if isinstance(end, BlankNode)}
            if isinstance(quad.subject, BlankNode):
                self._out[quad.subject].append(quad)
            if isinstance(quad.object, BlankNode):
                self._into[quad.object].append(quad)

    def of(self, term: object) -> str:
        if isinstance(term, BlankNode):
            if term not in self._known:
                owners = (f"{q.subject} {q.predicate}" for q in self._into[term] if isinstance(q.subject, NamedNode))
                self._known[term] = _hashed([*owners, self._said(term, 0)])
            return f"_:{self._known[term]}"
        return str(term) if not isinstance(term, Triple) else f"<<( {term} )>>"

    def grouped(self, paired: Mapping[BlankNode, BlankNode]) -> dict[tuple[str, ...], list[BlankNode]]:
        """Return the blank nodes not yet paired, by what is said of them and the paired ones that they hang on."""
        groups: defaultdict[tuple[str, ...], list[BlankNode]] = defaultdict(list)
        for node in self._nodes:
            if node not in paired:
                owners = ((q.subject, q.predicate) for q in self._into[node] if isinstance(q.subject, BlankNode))
                hangs = (f"{paired[owner]} {predicate}" if owner in paired else _LOOSE for owner, predicate in owners)
                groups[self.of(node), *sorted(hangs)].append(node)
        return groups

    def _said(self, node: BlankNode, depth: int) -> str:
        """Return what is said of a blank node, and of those that it leads to."""
        if depth == _DEEPEST:
            return str(depth)
        said = (
            f"{quad.predicate} " + (self._said(o, depth + 1) if isinstance(o := quad.object, BlankNode) else str(o))
            for quad in self._out[node]
        )
        return _hashed(said)


def _hashed(parts: Iterable[str]) -> str:
    return sha256("\n".join(sorted(parts)).encode()).hexdigest()[:_SHORT]
