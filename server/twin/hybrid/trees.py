"""Expressions as trees, and a SELECT with its modifiers made of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

import pyoxigraph as ox

from storage.graph import functions
from storage.graph.rewriting.syntax import AGGREGATES, Select

_VARIABLE = re.compile(r"[?$](\w+)")
OUR_AGGREGATES = frozenset(node.value for node in functions.AGGREGATES)


@dataclass(frozen=True, slots=True)
class Var:
    """A variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Const:
    """A literal or an IRI."""

    term: ox.Literal | ox.NamedNode


@dataclass(frozen=True, slots=True)
class Call:
    """An operator, a function (its keyword, or its IRI) or an aggregate, and its arguments; COUNT(*) has none."""

    name: str
    arguments: tuple[Expression, ...] = ()
    distinct: bool = False

    @property
    def is_aggregate(self) -> bool:
        return self.name in AGGREGATES or self.name in OUR_AGGREGATES


Expression: TypeAlias = Var | Const | Call


@dataclass(frozen=True, slots=True)
class Item:
    """What a SELECT gives or a GROUP BY groups by: a variable, or an expression and its name (empty: none)."""

    name: str
    expression: Expression | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """A key of ORDER BY."""

    expression: Expression
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Modified:
    """A SELECT with its modifiers. Without `items` it selects all (`*`)."""

    select: Select
    distinct: bool
    items: tuple[Item, ...]
    groups: tuple[Item, ...] | None = None
    having: tuple[Expression, ...] = ()
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


def conjuncts(found: Expression) -> list[Expression]:
    """Return the parts of an expression that all have to be true."""
    if isinstance(found, Call) and found.name == "&&":
        return [part for side in found.arguments for part in conjuncts(side)]
    return [found]


def variables(found: Expression) -> frozenset[str]:
    """Return the variables in an expression."""
    if isinstance(found, Var):
        return frozenset((found.name,))
    if isinstance(found, Call):
        return frozenset[str]().union(*map(variables, found.arguments))
    return frozenset()


def names_in(text: str) -> list[str]:
    """Return the names of the variables in a text, as they come."""
    return _VARIABLE.findall(text)


def has_aggregate(found: Expression) -> bool:
    """Tell whether there is an aggregate in an expression."""
    return isinstance(found, Call) and (found.is_aggregate or any(map(has_aggregate, found.arguments)))
