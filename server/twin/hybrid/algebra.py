"""A query's text as what the plan is made of: its group, and its expressions and modifiers as trees.

The groups are those of `storage.graph.rewriting.parser`, with their places in the text, so that what the graph is to
answer is the text itself. What is not understood here is not pushed down, and no error.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from functools import lru_cache

import pyoxigraph as ox

from ontologies.namespaces import XSD
from server.twin.hybrid.literals import is_well_formed
from server.twin.hybrid.trees import Call, Const, Expression, Item, Modified, Order, Var
from storage.graph.rewriting.parser import parse
from storage.graph.rewriting.syntax import AGGREGATES, Filter, Group, Select
from storage.graph.rewriting.tokens import NotUnderstood, Token, tokens_of
from storage.graph.rewriting.triples import TriplesParser

_SHORT = 8192  # characters; what is known of longer texts is not kept
_COUNT = re.compile(r"[0-9]{1,18}")
_COMPARISONS = ("=", "!=", "<=", ">=", "<", ">")


@dataclass(frozen=True, slots=True)
class Algebra:
    """A whole text: what precedes the query, and the query."""

    text: str
    prologue: str
    prefixes: dict[str, str] = field(compare=False)
    query: Select
    tokens: list[Token] = field(compare=False, repr=False)

    @property
    def group(self) -> Group:
        """The WHERE."""
        return self.query.group

    @property
    def names_dataset(self) -> bool:
        """Tell whether there is a FROM, which only a query as a whole can have."""
        head = self.text[self.query.start : self.query.group.start]
        return any(token.word == "FROM" for token in tokens_of(head))


def algebra(text: str) -> Algebra:
    """Read a query. Raises NotUnderstood."""
    return _short_algebra(text) if len(text) < _SHORT else _algebra(text)


def _algebra(text: str) -> Algebra:
    if "\\" in text:
        raise NotUnderstood("an escape")
    [query] = parse(text)
    tokens, prefixes = tokens_of(text), dict[str, str]()
    reader = _Reader(text, tokens, prefixes)
    reader.prologue()
    return Algebra(text, text[: reader.at.start], prefixes, query, tokens)


_short_algebra = lru_cache(256)(_algebra)


def modified(whole: Algebra, select: Select) -> Modified:
    """Read the SELECT clause and the modifiers of a query or sub-query. Raises NotUnderstood."""
    return _reader(whole, select.start).modified(select)


def expression(whole: Algebra, start: int) -> Expression:
    """Read the expression that is at a place: in brackets, or a function with its arguments. Raises NotUnderstood."""
    return _reader(whole, start).primary()


def bound_expression(whole: Algebra, start: int) -> Expression:
    """Read the expression of `(expression AS ?x)`, whose bracket is at a place. Raises NotUnderstood."""
    reader = _reader(whole, start)
    reader.need("(")
    return reader.any()


def _reader(whole: Algebra, start: int) -> _Reader:
    """Return a reader of a text that has been read before, at a place of it."""
    reader = _Reader(whole.text, whole.tokens, whole.prefixes)
    reader.go(start)
    return reader


class _Reader(TriplesParser):
    def __init__(self, text: str, tokens: list[Token], prefixes: dict[str, str]) -> None:
        self.text = text
        self.tokens = tokens
        self.place = 0
        self.prefixes = prefixes
        self._depth = 0

    def prologue(self) -> None:
        """Read prefixes. Raises NotUnderstood for a BASE, against which IRIs would have to be resolved."""
        while keyword := self.word("PREFIX", "BASE", "VERSION"):
            token = self.take()
            if keyword == "BASE":
                raise NotUnderstood("BASE")
            if keyword == "PREFIX":
                self.prefixes[token.text[:-1]] = self.iri(self.take())

    def go(self, start: int) -> None:
        """Go to the token at a place of the text."""
        self.place = bisect_left(self.tokens, start, self.place, key=lambda token: token.start)

    def modified(self, select: Select) -> Modified:
        self.take()
        distinct = self.word("DISTINCT", "REDUCED") == "DISTINCT"
        items = list[Item]()
        while self.at.sign != "*" and (self.at.kind == "variable" or self.at.sign == "("):
            items.append(self._item())
        self.go(select.group.end)
        groups, having, order = None, list[Expression](), list[Order]()
        limit, offset = None, 0
        while self.at.kind != "end" and self.at.sign != "}":
            match self.take().word:
                case "GROUP":
                    self.take()
                    groups = tuple(self._keys())
                case "HAVING":
                    having = list(self._conditions())
                case "ORDER":
                    self.take()
                    order = list(self._orders())
                case "LIMIT":
                    limit = self._count()
                case "OFFSET":
                    offset = self._count()
                case word:
                    raise NotUnderstood(f"{word} at {self.at.start}")
        return Modified(select, distinct, tuple(items), groups, tuple(having), tuple(order), limit, offset)

    def _count(self) -> int:
        token = self.take()
        if not _COUNT.fullmatch(token.text):
            raise NotUnderstood(f"no number at {token.start}")
        return int(token.text)

    def _item(self) -> Item:
        if self.at.kind == "variable":
            return Item(self.take().text[1:])
        self.need("(")
        found = self.any()
        name = self.take().text[1:] if self.word("AS") else ""
        self.need(")")
        return Item(name, found)

    def _keys(self) -> list[Item]:
        found = list[Item]()
        while self.at.kind in ("variable", "iri", "name") or self.at.sign == "(" or self._is_function():
            found.append(
                self._item() if self.at.kind == "variable" or self.at.sign == "(" else Item("", self.primary())
            )
        return found

    def _is_function(self) -> bool:
        return self.at.word not in ("", "HAVING") and self.tokens[self.place + 1].sign == "("

    def _conditions(self) -> list[Expression]:
        found = list[Expression]()
        while self.at.sign == "(" or self._is_function():
            found.append(self.primary())
        return found

    def _orders(self) -> list[Order]:
        found = list[Order]()
        while True:
            if direction := self.word("ASC", "DESC"):
                found.append(Order(self.primary(), direction == "DESC"))
            elif self.at.kind in ("variable", "iri", "name") or self.at.sign == "(" or self._is_function():
                found.append(Order(self.primary()))
            else:
                return found

    # Expressions (SPARQL 1.1 Query, rules 110 to 121)

    def any(self) -> Expression:
        """Read an expression."""
        self.deeper(1)
        left = self._and()
        while self.at.sign == "|":
            self._signs("||")
            left = Call("||", (left, self._and()))
        self.deeper(-1)
        return left

    def _signs(self, signs: str) -> None:
        for sign in signs:
            self.need(sign)

    def _and(self) -> Expression:
        left = self._relation()
        while self.at.sign == "&":
            self._signs("&&")
            left = Call("&&", (left, self._relation()))
        return left

    def _relation(self) -> Expression:
        left = self._sum()
        if self.word("IN"):
            return Call("IN", (left, *self._list()))
        if self.at.word == "NOT":
            self.take()
            if not self.word("IN"):
                raise NotUnderstood(f"no IN at {self.at.start}")
            return Call("!", (Call("IN", (left, *self._list())),))
        written = self.at.sign + self.tokens[self.place + 1].sign
        for operator in _COMPARISONS:
            if written.startswith(operator):
                self._signs(operator)
                return Call(operator, (left, self._sum()))
        return left

    def _sum(self) -> Expression:
        left = self._product()
        while sign := self.sign("+", "-"):
            left = Call(sign, (left, self._product()))
        return left

    def _product(self) -> Expression:
        left = self._unary()
        while sign := self.sign("*", "/"):
            left = Call(sign, (left, self._unary()))
        return left

    def _unary(self) -> Expression:
        if sign := self.sign("!", "-", "+"):
            inner = self.primary()
            return inner if sign == "+" else Call("!" if sign == "!" else "NEGATE", (inner,))
        return self.primary()

    def primary(self) -> Expression:
        """Read a variable, a constant, a function, or an expression in brackets."""
        if self.sign("("):
            inner = self.any()
            self.need(")")
            return inner
        token = self.take()
        if token.kind == "variable":
            return Var(token.text[1:])
        if token.kind in ("iri", "name"):
            iri = self.iri(token)
            return Call(iri, self._list()) if self.at.sign == "(" else Const(ox.NamedNode(iri))
        if token.word in ("TRUE", "FALSE"):
            return Const(ox.Literal(token.word == "TRUE"))
        if token.kind == "number":
            return Const(_number(token.text))
        if token.kind == "string":
            return Const(self._string(token))
        return self._function(token.word)

    def _function(self, word: str) -> Expression:
        if not word or self.at.sign != "(" or word in ("NOT", "EXISTS"):
            raise NotUnderstood(f"no expression at {self.at.start}")
        if word not in AGGREGATES:
            return Call(word, self._list())
        self.need("(")
        distinct = bool(self.word("DISTINCT"))
        arguments = () if self.sign("*") else (self.any(),)
        if word == "GROUP_CONCAT":
            arguments = (*arguments, self._separator())
        self.need(")")
        return Call(word, arguments, distinct)

    def _separator(self) -> Expression:
        if not self.sign(";"):
            return Const(ox.Literal(" "))
        if not self.word("SEPARATOR"):
            raise NotUnderstood(f"no SEPARATOR at {self.at.start}")
        self.need("=")
        return self.primary()

    def _list(self) -> tuple[Expression, ...]:
        self.need("(")
        found = list[Expression]()
        while not self.sign(")"):
            if found:
                self.need(",")
            found.append(self.any())
        return tuple(found)

    def _string(self, token: Token) -> ox.Literal:
        marks = 3 if token.text[:3] in ('"""', "'''") else 1
        text = token.text[marks:-marks]
        if self.at.kind == "language":
            return ox.Literal(text, language=self.take().text[1:])
        if self.sign("^"):
            self.need("^")
            literal = ox.Literal(text, datatype=ox.NamedNode(self.iri(self.take())))
            if not is_well_formed(literal):
                raise NotUnderstood(f"{literal}, which is none of its datatype")
            return literal
        return ox.Literal(text)


def _number(text: str) -> ox.Literal:
    kind = "double" if "e" in text.lower() else "decimal" if "." in text else "integer"
    try:
        float(text)
    except ValueError:
        raise NotUnderstood(f"no number: {text}") from None
    return ox.Literal(text, datatype=XSD[kind])


def condition(whole: Algebra, element: Filter) -> Expression:
    """Read the expression of a FILTER. Raises NotUnderstood."""
    return expression(whole, element.start + len("FILTER"))
