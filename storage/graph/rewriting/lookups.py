"""Evaluates triple patterns one after another, so that a triple that several graphs have is found once by each.

A join of n patterns, all of whose triples are in two graphs, has each solution 2^n times, and all of them are made
before they can be made distinct. So each pattern is made distinct by itself, for each solution of those before it:

    ?x :p ?y . ?y :q ?z . ?z :r ?w  ->
    { { SELECT DISTINCT * { ?x :p ?y } } LATERAL { SELECT DISTINCT * { ?y :q ?z } } LATERAL { ?z :r ?w } }

LATERAL (SEP 6 of the SPARQL 1.2 community group, which the engine has) takes the order that it is given. The one
chosen here is like the engine's own: begin with what has most constants, go on with what has most that is bound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from storage.graph.rewriting.explicit import Pattern
from storage.graph.rewriting.syntax import NONE, Names, Term
from storage.graph.rewriting.triples import TYPE

# How many triples there may be, by whether the subject and the object are known: for their order, no more.
_SIZES = {(True, True): 1, (True, False): 10, (False, True): 10_000, (False, False): 1_000_000}
_ANY_PREDICATE, _ANY_CLASS, _CLOSURE = 100, 10, 1000  # times as many
_MANY = 100_000

Meets = Callable[[Pattern], bool]


def ordered(patterns: Sequence[Pattern], bound: Names) -> list[Pattern]:
    """Return the patterns in their order, up to where nothing ties the others to these and to what is bound."""
    return list(_ordered(list(patterns), bound))


def _ordered(left: list[Pattern], bound: Names) -> Iterator[Pattern]:
    while left:
        tied = [pattern for pattern in left if not bound or pattern.names & bound or not pattern.names]
        if not tied:
            return
        following = min(tied, key=lambda pattern: _size(pattern, bound))
        left.remove(following)
        bound |= following.names
        yield following


def may_be_many(patterns: Sequence[Pattern]) -> bool:
    """Tell whether one had better begin with a sub-query, if there is one, than with any of these patterns."""
    return all(_size(pattern, NONE) > _MANY for pattern in patterns)


def in_turn(patterns: Sequence[Pattern], meets: Meets, *, begun: bool, all_distinct: bool) -> str:
    """Return patterns that are found in turn, with those distinct that meet shared triples; perhaps but for the last.

    Where it is `begun`, others come before them in their group.
    """
    last = None if all_distinct else patterns[-1]
    groups = [_group(pattern, distinct=pattern is not last and meets(pattern)) for pattern in patterns]
    return "LATERAL " * begun + " LATERAL ".join(groups)


def _group(pattern: Pattern, *, distinct: bool) -> str:
    return f"{{ SELECT DISTINCT * {{ {pattern.text} }} }}" if distinct else f"{{ {pattern.text} }}"


def _size(pattern: Pattern, bound: Names) -> int:
    known = tuple(not end.startswith(("?", "$")) or end[1:] in bound for end in (pattern.subject, pattern.target))
    size = _SIZES[known[0], known[1]]
    if isinstance(pattern.verb, Term):
        return size if pattern.verb.names <= bound else size * _ANY_PREDICATE
    if pattern.verb.kind != "iri":
        return size if all(known) else size * _CLOSURE
    return size * _ANY_CLASS if pattern.verb.value == TYPE and not any(known) else size
