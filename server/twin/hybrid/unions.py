"""A UNION whose branches have the same observations, as a UNION of the graph alone with the observations behind it.

Joins distribute over UNION, and a filter may be behind it that has all of its variables in each branch (SPARQL 1.1
Query, section 18.2): so what the branches differ in is for the graph's engine, and the readings are read once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from server.twin.hybrid import vocabulary as terms
from server.twin.hybrid.algebra import Algebra, algebra
from server.twin.hybrid.patterns import Observation, Split, split
from server.twin.hybrid.trees import variables
from storage.graph.rewriting.syntax import Filter, Group, Nested, Term
from storage.graph.rewriting.tokens import Edit, NotUnderstood, edited


def factored(text: str) -> str:
    """Return a query with observations behind its UNION. Raises NotUnderstood where that is not the same."""
    whole = algebra(text)
    unions = [e for e in whole.group.elements if isinstance(e, Nested) and _is_union(whole, e)]
    if len(unions) != 1:
        raise NotUnderstood("no UNION of observations, or several")
    [union] = unions
    branches = [split(whole, group) for group in union.groups]
    first = branches[0]
    if any(_differs(whole, first, branch) for branch in branches):
        raise NotUnderstood("a UNION of different observations")
    graphs = " UNION ".join(f"{{ {branch.graph} }}" for branch in branches)
    behind = [*_observations(whole, first.observations), *_filters(whole, union.groups[0], first)]
    return edited(text, [Edit(union.start, union.end, f"{graphs} {' '.join(behind)}")])


def _is_union(whole: Algebra, element: Nested) -> bool:
    if element.kind != "UNION" or len(element.groups) < 2:
        return False
    return terms.mentions(f"{whole.prologue} {whole.text[element.start : element.end]}")


def _differs(whole: Algebra, first: Split, branch: Split) -> bool:
    """Tell whether a branch has other observations than the first, or what would not be the same behind it."""
    if branch.sides or branch.binds or branch.timed or not branch.observations:
        return True
    if branch.filters != first.filters or _keys(whole, branch.observations) != _keys(whole, first.observations):
        return True
    own = frozenset[str]().union(*(observation.own for observation in branch.observations))
    points = {observation.point_name for observation in branch.observations} - {None}
    if not points <= branch.certain:
        return True
    return any(not variables(found) <= own | branch.certain for found in branch.filters)


def _keys(whole: Algebra, observations: Iterable[Observation]) -> list[tuple[object, ...]]:
    return [(found.name, found.current, *(_text(whole, part) for part in _parts(found))) for found in observations]


def _parts(observation: Observation) -> tuple[Term | None, ...]:
    return observation.point, observation.time, observation.value, observation.status


def _text(whole: Algebra, term: Term | None) -> str:
    return whole.text[term.start : term.end] if term is not None else ""


def _observations(whole: Algebra, observations: Iterable[Observation]) -> Iterator[str]:
    """Write observations as triples."""
    for number, found in enumerate(observations):
        node = f"?{found.name}" if found.name else f"_:observation{number}"
        point, time, value, status = (_text(whole, part) for part in _parts(found))
        if point:
            link = f"{point} <{terms.LAST_KNOWN_VALUE}> {node} ."
            yield link if found.current else f"{node} <{terms.MADE_BY_SENSOR}> {point} ."
        else:
            yield f"{node} a <{terms.OBSERVATION}> ."
        if time:
            yield f"{node} <{terms.TIMESTAMP if found.current else terms.RESULT_TIME}> {time} ."
        if value:
            yield f"{node} <{terms.VALUE if found.current else terms.SIMPLE_RESULT}> {value} ."
        if status:
            yield f"{node} <{terms.STATUS}> {status} ."


def _filters(whole: Algebra, group: Group, branch: Split) -> Iterator[str]:
    """Yield the filters of a branch that are not the graph's."""
    own = frozenset[str]().union(*(observation.own for observation in branch.observations))
    for element in group.elements:
        if isinstance(element, Filter) and element.expression.names & own:
            yield whole.text[element.start : element.end]
