"""Splits a group into what the graph is to match and the observations: those joined, optional, or asked to exist.

What cannot be told apart for sure raises NotUnderstood. The rules that make a split sound (SPARQL 1.1 Query, section
18.2): joins may change places; a filter may go to the side that binds all of its variables; OPTIONAL and MINUS stay
with the graph where what they share with observations is bound by the graph in any case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from server.twin.hybrid import vocabulary as terms
from server.twin.hybrid.algebra import Algebra, bound_expression, condition
from server.twin.hybrid.trees import Expression, conjuncts, names_in
from server.twin.hybrid.triples import PLACES, iris_of, observation_first, predicate_of, refuse_open, written
from storage.graph.rewriting.scope import certain, visible
from storage.graph.rewriting.syntax import (
    Bind,
    Block,
    Element,
    Filter,
    Group,
    Nested,
    Path,
    Term,
    Triple,
    Values,
    exists_of,
    groups_of,
)
from storage.graph.rewriting.tokens import NotUnderstood


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
        left = {id(block): self._block(block) for block in group.elements if isinstance(block, Block)}
        sides = {id(element): side for element in group.elements if (side := self._side(element)) is not None}
        parts = _Parts(self.whole, tuple(self.observations.values()), tuple(sides.values()))
        for element in group.elements:
            if isinstance(element, Block):
                parts.take_block(element, left[id(element)])
            elif id(element) in sides:
                parts.take_side(sides[id(element)])
            else:
                parts.take(element)
        return parts.put_together()

    def _block(self, block: Block) -> str:
        """Take the observations out of a block; return what is left of it."""
        subjects = _subjects(block)
        refuse_open(block, {point for triple in block.triples if (point := _point_of(triple))})
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
        text = written(self.whole.text, triple)
        if not text:
            raise NotUnderstood("an observation and a blank node in one statement")
        return text

    def _take(self, triple: Triple) -> None:
        predicate, inverse = predicate_of(triple)
        subject, value = observation_first(triple, predicate, inverse=inverse)
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


@dataclass(slots=True)
class _Parts:
    """Takes the elements of a group in turn: to what the graph matches (`graph`, `before`), or above its readings."""

    whole: Algebra
    observations: tuple[Observation, ...]
    sides: tuple[Side, ...]
    graph: list[str] = field(default_factory=list)
    before: list[Element] = field(default_factory=list)
    filters: list[Expression] = field(default_factory=list)
    binds: list[tuple[str, Expression]] = field(default_factory=list)
    behind_optional: bool = False
    own: frozenset[str] = field(init=False)
    times: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.own = _own(self.observations) | _own(side.observation for side in self.sides)
        self.times = _times_alone(self.observations)

    @property
    def _above(self) -> frozenset[str]:
        """The variables that the graph cannot know."""
        return self.own | {name for name, _ in self.binds}

    @property
    def _points(self) -> set[str | None]:
        return {o.point_name for o in (*self.observations, *(side.observation for side in self.sides))} - {None}

    def take_block(self, block: Block, left: str) -> None:
        """Take what is left of a block without its observations."""
        if self.behind_optional:
            raise NotUnderstood("patterns behind OPTIONAL observations")
        if not left:
            return
        names = set(names_in(left))
        if (self.own - self.times) & names:
            raise NotUnderstood("the graph matches a part of an observation")
        self.graph.append(left)
        # With the triples that are still in its text: enough to know its variables.
        self.before.append(replace(block, triples=tuple(t for t in block.triples if t.names <= names)))

    def take_side(self, side: Side) -> None:
        self.behind_optional = self.behind_optional or side.kind == "OPTIONAL"

    def take(self, element: Element) -> None:
        """Take what is neither a block nor a side."""
        text = self.whole.text[element.start : element.end]
        names = frozenset(names_in(text))
        if isinstance(element, Filter) and names & self._above:
            if element.expression.exists:
                raise NotUnderstood("EXISTS over observations and more")
            self.filters += conjuncts(condition(self.whole, element))
        elif isinstance(element, Bind) and names & self._above:
            self.binds.append((element.name, bound_expression(self.whole, element.start + len("BIND"))))
            if self.behind_optional or names & _own(s.observation for s in self.sides if s.kind == "OPTIONAL"):
                raise NotUnderstood("BIND beside OPTIONAL observations")
        else:
            self._refuse_mixed(element, text, names)
            self.graph.append(text)
            self.before.append(element)

    def _refuse_mixed(self, element: Element, text: str, names: frozenset[str]) -> None:
        """Raise NotUnderstood for an element that has to see observations, or that could not go before them."""
        above = self._above - self.times if _is_joined(element) else self._above
        if names & above or _mentions(self.whole, text):
            raise NotUnderstood("observations inside another pattern")
        for block in _blocks(element):
            refuse_open(block, self._points)
        if isinstance(element, Nested) and element.kind in ("OPTIONAL", "MINUS"):
            if (names & self._points) - certain(self.before):
                raise NotUnderstood(f"{element.kind} of a point that may not be bound before")
        elif self.behind_optional and not isinstance(element, Filter):
            raise NotUnderstood("patterns behind OPTIONAL observations")

    def put_together(self) -> Split:
        """Return what the group is split into."""
        names = visible(self.before)
        sure = certain(self.before) | {element.name for element in self.before if isinstance(element, Bind)}
        taken = [name for name, _ in self.binds]
        if len(set(taken)) < len(taken) or set(taken) & (names | self.own):
            raise NotUnderstood("a BIND of a variable that is there")
        timed = self.times & names
        if timed - sure:
            raise NotUnderstood("a time that may be unbound")
        return Split(
            " ".join(self.graph),
            names,
            sure,
            self.observations,
            self.sides,
            tuple(self.filters),
            tuple(self.binds),
            timed,
        )


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


def _own(observations: Iterable[Observation]) -> frozenset[str]:
    return frozenset[str]().union(*(observation.own for observation in observations))


def _times_alone(observations: Sequence[Observation]) -> frozenset[str]:
    """Return the variables that are times of observations, and nothing else of one."""
    others = frozenset[str]().union(*(o.own - {o.time_name} for o in observations))
    return frozenset(name for o in observations if (name := o.time_name)) - others


def _is_joined(element: Element) -> bool:
    """Tell whether an element is joined with what precedes it, whatever that is."""
    return isinstance(element, Values) or (isinstance(element, Nested) and element.kind == "UNION")


def _mentions(whole: Algebra, text: str) -> bool:
    return terms.mentions(f"{whole.prologue} {text}")


def _subjects(block: Block) -> set[tuple[str, str]]:
    """Return the nodes of a block that are observations."""
    found = set[tuple[str, str]]()
    for triple in block.triples:
        predicate, inverse = predicate_of(triple)
        if predicate in terms.HISTORY or predicate == terms.LAST_KNOWN_VALUE:
            node, _ = observation_first(triple, predicate, inverse=inverse)
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


def _point_of(triple: Triple) -> str:
    """Return the point of an observation that a triple names; nothing where it names none."""
    predicate, inverse = predicate_of(triple)
    if PLACES.get(predicate) != "point":
        return ""
    return observation_first(triple, predicate, inverse=inverse)[1].value


def _with(known: Observation, predicate: str, value: Term) -> Observation:
    """Return an observation with one more part. Raises NotUnderstood for one that it has already."""
    if predicate == terms.TYPE:
        return known
    place = PLACES[predicate]
    if getattr(known, place) is not None:
        raise NotUnderstood(f"two of {place}")
    if value.kind == "blank":
        if value.value.startswith("_"):
            raise NotUnderstood("a blank node for a value")
        if place == "point":
            raise NotUnderstood("a blank node for a point")
    current = known.current or predicate in terms.CURRENT
    return replace(known, **{place: value}, current=current)  # type: ignore[arg-type]
