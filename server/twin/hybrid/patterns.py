"""Splits a group into what the graph is to match and the observations: those joined, optional, or asked to exist.

What cannot be told apart for sure raises NotUnderstood. The rules that make a split sound (SPARQL 1.1 Query, section
18.2): joins may change places; a filter may go to the side that binds all of its variables; OPTIONAL and MINUS stay
with the graph where what they share with observations is bound by the graph in any case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from server.twin.hybrid import vocabulary as terms
from server.twin.hybrid.algebra import Algebra, Expression, bound_expression, conjuncts, expression
from server.twin.hybrid.triples import iris_of, predicate_of, refuse_open
from storage.graph.rewriting.scope import certain, visible
from storage.graph.rewriting.syntax import (
    Bind,
    Block,
    Element,
    Filter,
    Group,
    Nested,
    Path,
    Select,
    Term,
    Triple,
    Values,
    exists_of,
    groups_of,
)
from storage.graph.rewriting.tokens import NotUnderstood

_VARIABLE = re.compile(r"[?$](\w+)")
_ENDS = {
    terms.MADE_BY_SENSOR: "point",
    terms.LAST_KNOWN_VALUE: "point",
    terms.RESULT_TIME: "time",
    terms.TIMESTAMP: "time",
    terms.SIMPLE_RESULT: "value",
    terms.VALUE: "value",
    terms.STATUS: "status",
}


@dataclass(frozen=True, slots=True)
class Observation:
    """An observation pattern: the terms in its places, where it has them; `name` is the variable of its own.

    `current` says that it is the latest of its series.
    """

    name: str | None
    point: Term | None = None
    time: Term | None = None
    value: Term | None = None
    status: Term | None = None
    current: bool = False

    @property
    def own(self) -> frozenset[str]:
        """The variables that it binds itself, but for the point's."""
        places = (self.time, self.value, self.status)
        names = frozenset(term.value for term in places if term is not None and term.kind == "variable")
        return names | ({self.name} if self.name else frozenset())

    @property
    def time_name(self) -> str | None:
        """The variable that is the time."""
        return self.time.value if self.time is not None and self.time.kind == "variable" else None

    @property
    def point_name(self) -> str | None:
        """The variable that is the point."""
        return self.point.value if self.point is not None and self.point.kind == "variable" else None


@dataclass(frozen=True, slots=True)
class Side:
    """Observations in an OPTIONAL, an EXISTS or a NOT EXISTS (`kind`), and the filters there."""

    kind: str
    observation: Observation
    filters: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Split:
    """A group: its graph part as text, the observations joined to it in turn, and filters and BINDs above.

    `certain` are the variables that each solution of the graph has, but for those of a BIND that is an error.
    `timed` are the times of observations that the graph binds as well.
    """

    graph: str
    graph_names: frozenset[str]
    certain: frozenset[str]
    observations: tuple[Observation, ...] = ()
    sides: tuple[Side, ...] = ()
    filters: tuple[Expression, ...] = ()
    binds: tuple[tuple[str, Expression], ...] = ()
    timed: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Splitting:
    whole: Algebra
    observations: dict[str, Observation] = field(default_factory=dict)

    def of(self, group: Group) -> Split:
        elements = group.elements
        blocks = [element for element in elements if isinstance(element, Block)]
        kept = {id(block): self._block(block) for block in blocks}
        observations = tuple(self.observations.values())
        sides = [side for element in elements if (side := self._side(element)) is not None]
        own = frozenset[str]().union(*(o.own for o in observations), *(s.observation.own for s in sides))
        return self._put_together(elements, kept, observations, sides, own)

    def _put_together(
        self,
        elements: Sequence[Element],
        kept: dict[int, str],
        observations: tuple[Observation, ...],
        sides: list[Side],
        own: frozenset[str],
    ) -> Split:
        parts, before = list[str](), list[Element]()
        filters, binds = list[Expression](), list[tuple[str, Expression]]()
        optional = frozenset[str]().union(*(s.observation.own for s in sides if s.kind == "OPTIONAL"))
        seen_side, times = False, _times_alone(observations)
        points = {o.point_name for o in (*observations, *(s.observation for s in sides))} - {None}
        for element in elements:
            named = self._names(element)
            if isinstance(element, Block):
                if seen_side:
                    raise NotUnderstood("patterns behind OPTIONAL observations")
                text = kept[id(element)]
                if text:
                    if (own - times) & set(_VARIABLE.findall(text)):
                        raise NotUnderstood("the graph matches a part of an observation")
                    parts.append(text)
                    before.append(_rest(element, text))
            elif self._side(element) is not None:
                seen_side = seen_side or getattr(element, "kind", "") == "OPTIONAL"
            elif isinstance(element, Filter) and named & (own | {name for name, _ in binds}):
                if element.expression.exists:
                    raise NotUnderstood("EXISTS over observations and more")
                filters += conjuncts(self._filter(element))
            elif isinstance(element, Bind) and named & (own | {name for name, _ in binds}):
                binds.append((element.name, self._bound(element)))
                if seen_side or (optional & named):
                    raise NotUnderstood("BIND beside OPTIONAL observations")
            else:
                others = own - times if _is_joined(element) else own
                self._refuse_mixed(element, others | {name for name, _ in binds}, before, points, seen_side)
                parts.append(self.whole.text[element.start : element.end])
                before.append(element)
        names = visible(before)
        sure = certain(before) | {element.name for element in before if isinstance(element, Bind)}
        taken = [name for name, _ in binds]
        if len(set(taken)) < len(taken) or set(taken) & (names | own):
            raise NotUnderstood("a BIND of a variable that is there")
        if (times & names) - sure:
            raise NotUnderstood("a time that may be unbound")
        return Split(
            " ".join(parts), names, sure, observations, tuple(sides), tuple(filters), tuple(binds), times & names
        )

    def _names(self, element: Element) -> frozenset[str]:
        return frozenset(_VARIABLE.findall(self.whole.text[element.start : element.end]))

    def _refuse_mixed(
        self, element: Element, own: frozenset[str], before: list[Element], points: set[str | None], seen_side: bool
    ) -> None:
        """Raise NotUnderstood for an element that has to see observations, or that could not go before them."""
        text = self.whole.text[element.start : element.end]
        if self._names(element) & own or _mentions(self.whole, text):
            raise NotUnderstood("observations inside another pattern")
        for block in _blocks(element):
            refuse_open(block, points)
        if isinstance(element, Nested) and element.kind in ("OPTIONAL", "MINUS"):
            if (self._names(element) & points) - certain(before):
                raise NotUnderstood(f"{element.kind} of a point that may not be bound before")
        elif seen_side and not isinstance(element, Filter):
            raise NotUnderstood("patterns behind OPTIONAL observations")

    def _filter(self, element: Filter) -> Expression:
        return (
            expression(self.whole, element.expression.start) if self._is_bracketed(element) else self._called(element)
        )

    def _is_bracketed(self, element: Filter) -> bool:
        return not self.whole.text[element.start + 6 : element.expression.start].strip()

    def _called(self, element: Filter) -> Expression:
        return expression(self.whole, element.start + 6)

    def _bound(self, element: Bind) -> Expression:
        return bound_expression(self.whole, self.whole.text.index("(", element.start))

    # Observations

    def _block(self, block: Block) -> str:
        """Take the observations out of a block; return what is left of it."""
        subjects = _subjects(block)
        refuse_open(block, {t.ends[i].value for t in block.triples for i in (0, 1) if _is_point(t, i)})
        rest, done = list[str](), set[tuple[int, int]]()
        for triple in block.triples:
            place = triple.start, triple.end
            statement = [other for other in block.triples if (other.start, other.end) == place]
            taken = [other for other in statement if _is_part(other, subjects)]
            if not taken:
                if place not in done:
                    rest.append(self.whole.text[slice(*place)].rstrip(" .") + " .")
            elif triple in taken:
                self._take(triple)
            else:
                rest.append(self._alone(triple))
            done.add(place)
        return " ".join(rest)

    def _alone(self, triple: Triple) -> str:
        """Write a triple of a statement that has others, by itself."""
        texts = [self.whole.text[part.start : part.end] for part in (triple.subject, triple.verb, triple.object)]
        if any(text[:1] in ("[", "(", "") for text in (texts[0], texts[2])):
            raise NotUnderstood("an observation and a blank node in one statement")
        return f"{' '.join(texts)} ."

    def _take(self, triple: Triple) -> None:
        predicate, inverse = predicate_of(triple)
        subject, value = (triple.object, triple.subject) if inverse else (triple.subject, triple.object)
        if predicate in (terms.MADE_OBSERVATION, terms.LAST_KNOWN_VALUE):
            subject, value = value, subject
        if subject.kind not in ("variable", "blank"):
            raise NotUnderstood("a constant observation")
        known = self.observations.get(subject.value) or Observation(
            subject.value if subject.kind == "variable" else None
        )
        self.observations[subject.value] = _with(known, predicate, value)

    def _side(self, element: Element) -> Side | None:
        """Return the side that an element is; None where it is about the graph alone."""
        group, kind = _side_group(self.whole, element)
        if group is None or not _mentions(self.whole, self.whole.text[group.start : group.end]):
            return None
        inner = _Splitting(self.whole).of(group)
        if inner.graph.strip() or inner.sides or inner.binds or len(inner.observations) != 1:
            raise NotUnderstood("more than one observation pattern in OPTIONAL or EXISTS")
        return Side(kind, inner.observations[0], inner.filters)


def _side_group(whole: Algebra, element: Element) -> tuple[Group | None, str]:
    if isinstance(element, Nested) and element.kind == "OPTIONAL":
        return element.groups[0], "OPTIONAL"
    if isinstance(element, Filter) and len(element.expression.exists) == 1:
        words = whole.text[element.start : element.expression.exists[0].start].upper().split()
        if words[1:] in (["NOT", "EXISTS"], ["EXISTS"]):
            return element.expression.exists[0], " ".join(words[1:])
    return None, ""


def split(whole: Algebra, group: Group) -> Split:
    """Split a group. Raises NotUnderstood."""
    return _Splitting(whole).of(group)


def _times_alone(observations: Sequence[Observation]) -> frozenset[str]:
    """Return the variables that are times of observations, and nothing else of one."""
    others = frozenset[str]().union(*(o.own - {o.time_name} for o in observations))
    return frozenset(name for o in observations if (name := o.time_name)) - others


def _is_joined(element: Element) -> bool:
    """Tell whether an element is joined with what precedes it, whatever that is."""
    return isinstance(element, Values) or (isinstance(element, Nested) and element.kind == "UNION")


def _rest(block: Block, text: str) -> Block:
    """Return a block with the triples that are still in its text: enough to know its variables."""
    names = set(_VARIABLE.findall(text))
    return replace(block, triples=tuple(t for t in block.triples if t.names <= names))


def _mentions(whole: Algebra, text: str) -> bool:
    return terms.mentions(f"{whole.prologue} {text}")


def _subjects(block: Block) -> set[tuple[str, str]]:
    """Return the nodes of a block that are observations."""
    found = set[tuple[str, str]]()
    for triple in block.triples:
        predicate, inverse = predicate_of(triple)
        forward = not inverse
        if predicate in (terms.MADE_OBSERVATION, terms.LAST_KNOWN_VALUE):
            forward = not forward
        elif predicate not in (terms.MADE_BY_SENSOR, terms.RESULT_TIME, terms.SIMPLE_RESULT, terms.STATUS):
            continue
        node = triple.subject if forward else triple.object
        found.add((node.kind, node.value))
    return found


def _is_part(triple: Triple, subjects: set[tuple[str, str]]) -> bool:
    """Tell whether a triple is one of an observation. Raises NotUnderstood where it could be one of both."""
    predicate, inverse = predicate_of(triple)
    if predicate in terms.HISTORY or predicate == terms.LAST_KNOWN_VALUE:
        return True
    ends = [(end.kind, end.value) for end in ((triple.object, triple.subject) if inverse else triple.ends)]
    if predicate in (terms.VALUE, terms.TIMESTAMP):
        return ends[0] in subjects
    if not isinstance(triple.verb, Path) or any(iri in terms.PREDICATES for iri in iris_of(triple.verb)):
        raise NotUnderstood("a variable predicate, or a path of observations")
    if predicate == terms.TYPE and terms.OBSERVATION in (triple.subject.value, triple.object.value):
        if inverse:
            raise NotUnderstood("an inverse type")
        return True
    if any(end in subjects for end in ends):
        raise NotUnderstood("more of an observation than readings have")
    return False


def _blocks(element: Element) -> Iterator[Block]:
    """Yield all blocks in an element that is for the graph alone. Raises NotUnderstood for `GRAPH ?g`."""
    if isinstance(element, Block):
        yield element
        return
    if isinstance(element, Nested) and element.name is not None and element.name.kind == "variable":
        raise NotUnderstood("any graph")
    for group in (*groups_of(element), *exists_of(element)):
        for inner in group.elements:
            yield from _blocks(inner)


def _is_point(triple: Triple, end: int) -> bool:
    """Tell whether this end of a triple is the point of an observation."""
    predicate, inverse = predicate_of(triple)
    at_subject = (predicate in (terms.MADE_OBSERVATION, terms.LAST_KNOWN_VALUE)) != inverse
    known = predicate in (terms.MADE_OBSERVATION, terms.LAST_KNOWN_VALUE, terms.MADE_BY_SENSOR)
    return known and (end == 0) == at_subject


def _with(known: Observation, predicate: str, value: Term) -> Observation:
    """Return an observation with one more part. Raises NotUnderstood for one that it has already."""
    if predicate == terms.TYPE:
        return known
    place = "point" if predicate == terms.MADE_OBSERVATION else _ENDS[predicate]
    if getattr(known, place) is not None:
        raise NotUnderstood(f"two of {place}")
    if value.kind == "blank":
        if value.value.startswith("_"):
            raise NotUnderstood("a blank node for a value")
        if place == "point":
            raise NotUnderstood("a blank node for a point")
    current = known.current or predicate in terms.CURRENT
    return replace(known, **{place: value}, current=current)  # type: ignore[arg-type]


__all__ = ["Observation", "Select", "Side", "Split", "split"]
