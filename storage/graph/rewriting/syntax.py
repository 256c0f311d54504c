"""What a SPARQL text says, as far as rewriting needs it: its group graph patterns, each part with its place.

Select -> Group -> Block of Triples | Filter | Bind | Values | Nested (OPTIONAL, MINUS, GRAPH, UNION) | Select
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

Names: TypeAlias = frozenset[str]
NONE: Names = frozenset()
AGGREGATES: Names = frozenset({"COUNT", "SUM", "MIN", "MAX", "AVG", "SAMPLE", "GROUP_CONCAT"})
NEW_EACH_TIME: Names = frozenset({"RAND", "UUID", "STRUUID", "BNODE"})


@dataclass(frozen=True, slots=True)
class Term:
    """A node of a triple. `value` is a variable's name, an IRI in full, else what is written."""

    kind: str  # variable, iri, literal or blank
    value: str
    start: int
    end: int

    @property
    def names(self) -> Names:
        return frozenset((self.value,)) if self.kind == "variable" else NONE


@dataclass(frozen=True, slots=True)
class Path:
    """A property path (SPARQL 1.1 Query, section 9.1); brackets are gone, but are in the place of what they hold."""

    kind: str  # iri, inverse, sequence, alternative, closure or negated
    start: int
    end: int
    parts: tuple[Path, ...] = ()
    value: str = ""  # the IRI in full, or the mark of a closure: *, + or ?


@dataclass(frozen=True, slots=True)
class Triple:
    """A triple or path pattern. `alone` says that its statement, with its place, makes no other triple."""

    subject: Term
    verb: Term | Path
    object: Term
    start: int
    end: int
    alone: bool = False

    @property
    def ends(self) -> tuple[Term, Term]:
        return self.subject, self.object

    @property
    def names(self) -> Names:
        verb = self.verb.names if isinstance(self.verb, Term) else NONE
        return self.subject.names | verb | self.object.names

    @property
    def links(self) -> Names:
        """What ties the triple to others: its variables and blank nodes."""
        return self.names.union(node.value for node in self.ends if node.kind == "blank")


@dataclass(frozen=True, slots=True)
class Block:
    """Triples one after another."""

    start: int
    end: int
    triples: tuple[Triple, ...]


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression: its variables, those of EXISTS left out, and the groups of each EXISTS."""

    start: int
    end: int
    names: Names = NONE
    words: Names = NONE
    exists: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """A FILTER."""

    start: int
    end: int
    expression: Expression


@dataclass(frozen=True, slots=True)
class Bind:
    """A BIND, or an item of a SELECT: without an expression it is the variable alone."""

    start: int
    end: int
    name: str
    expression: Expression | None = None


@dataclass(frozen=True, slots=True)
class Values:
    """A VALUES block; `certain` are the variables without an UNDEF, `distinct` says that no two rows can be equal."""

    start: int
    end: int
    names: Names
    certain: Names
    distinct: bool = False


@dataclass(frozen=True, slots=True)
class Nested:
    """OPTIONAL, MINUS, GRAPH with its name, or UNION, which is any number of groups from one on."""

    kind: str
    start: int
    end: int
    groups: tuple[Group, ...]
    name: Term | None = None


@dataclass(frozen=True, slots=True)
class Select:
    """A query or sub-query of any form, or an operation of an update: what it gives, and its WHERE.

    `after` is where the items begin: behind SELECT and DISTINCT. `star` is the place of the `*`. `modifiers` has the
    keyword of each solution modifier, and the place behind it, and behind its BY. `distinct` is that of a SELECT.
    """

    form: str
    start: int
    end: int
    group: Group
    after: int
    items: tuple[Bind, ...] = ()
    star: int | None = None
    modifiers: dict[str, int] = field(default_factory=dict)
    words: Names = NONE
    distinct: bool = False

    @property
    def expressions(self) -> Iterator[Expression]:
        """The expressions of the items."""
        return (item.expression for item in self.items if item.expression)


Element: TypeAlias = Block | Filter | Bind | Values | Nested | Select


@dataclass(frozen=True, slots=True)
class Group:
    """A group graph pattern with its braces. A sub-query is its only element."""

    start: int
    end: int
    elements: tuple[Element, ...]


def exists_of(element: Element) -> tuple[Group, ...]:
    """Return the groups of EXISTS in a FILTER or BIND, or in the items of a SELECT."""
    if isinstance(element, Select):
        return tuple(group for expression in element.expressions for group in expression.exists)
    expression = element.expression if isinstance(element, (Filter, Bind)) else None
    return expression.exists if expression else ()


def groups_of(element: Element) -> tuple[Group, ...]:
    """Return the groups directly in an element, but for those of EXISTS."""
    if isinstance(element, Select):
        return (element.group,)
    return element.groups if isinstance(element, Nested) else ()
