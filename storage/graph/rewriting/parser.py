"""Parses a query or an update down to its group graph patterns; what it does not know it does not accept.

It is no check: what it accepts need not be SPARQL.
"""

from __future__ import annotations

import re
from functools import lru_cache

from storage.graph.rewriting.syntax import (
    NONE,
    Bind,
    Element,
    Expression,
    Filter,
    Group,
    Nested,
    Select,
    Term,
    Values,
)
from storage.graph.rewriting.tokens import OPERANDS, NotUnderstood
from storage.graph.rewriting.triples import BOOLEANS, TriplesParser

_MODIFIERS = ("GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "VALUES")
_FORMS = ("SELECT", "ASK", "CONSTRUCT", "DESCRIBE")
_PLAIN = re.compile(r'[A-Za-z][A-Za-z0-9+-]*:(?!.*/\.).*|"[^"\\]*"')  # no relative IRI, no escape, no number


@lru_cache(maxsize=1)  # a step that changes nothing leaves the text to the next one
def parse(text: str) -> tuple[Select, ...]:
    """Return the query, or the operations of an update that have a WHERE. Raises NotUnderstood."""
    return Parser(text).all()


class Parser(TriplesParser):
    """Reads operations and their groups."""

    def all(self) -> tuple[Select, ...]:
        self.prologue()
        if self.at.word in _FORMS:
            found = (self._query(),)
            if self.at.kind != "end":
                raise NotUnderstood(f"no end at {self.at.start}")
            return found
        return tuple(self._operations())

    def prologue(self) -> None:
        """Take what comes before an operation: its prefixes are known from then on."""
        while keyword := self.word("PREFIX", "BASE", "VERSION"):
            token = self.take()
            if keyword == "PREFIX":
                self.prefixes[token.text[:-1]] = self.iri(self.take())

    def _operations(self) -> list[Select]:
        found, before = list[Select](), ""
        while self.at.kind != "end":
            self.prologue()
            if self.at.word == "WHERE" and before != "DELETE":
                start = self.take().start
                group = self._group()
                found.append(Select("UPDATE", start, group.end, group, group.start))
            elif self.at.sign == "{":
                self.skip_braces()
                before = ""
            else:
                before = self.take().word
        return found

    def skip_braces(self) -> None:
        """Take a group in braces, whatever is in it."""
        self.need("{")
        depth = 1
        while depth and self.at.kind != "end":
            sign = self.take().sign
            depth += (sign == "{") - (sign == "}")

    def _query(self) -> Select:
        start, form = self.at.start, self.take().word
        after, items, star, distinct = self.done, tuple[Bind, ...](), None, False
        if form == "SELECT":
            if word := self.word("DISTINCT", "REDUCED"):
                after, distinct = self.done, word == "DISTINCT"
            star, items = self._items()
        elif form == "DESCRIBE":
            star = self._described()
        elif form == "CONSTRUCT" and self.at.sign == "{":
            self.skip_braces()
        elif form == "CONSTRUCT":
            raise NotUnderstood("CONSTRUCT WHERE has no group to change")
        while self.word("FROM"):
            self.word("NAMED")
            self.iri(self.take())
        if not self.word("WHERE") and self.at.sign != "{":
            raise NotUnderstood("no WHERE")
        group = self._group()
        modifiers, words = self._modifiers()
        for item in items:
            words |= item.expression.words if item.expression else NONE
        return Select(form, start, self.done, group, after, items, star, modifiers, words, distinct)

    def _described(self) -> int | None:
        if self.at.sign == "*":
            return self.take().start
        while self.at.kind in ("variable", "iri", "name"):
            self.take()
        return None

    def _items(self) -> tuple[int | None, tuple[Bind, ...]]:
        if self.at.sign == "*":
            return self.take().start, ()
        items = []
        while self.at.kind == "variable" or self.at.sign == "(":
            if self.at.sign == "(":
                items.append(self._named(self.at.start))
            else:
                token = self.take()
                items.append(Bind(token.start, token.end, token.text[1:]))
        return None, tuple(items)

    def _named(self, start: int) -> Bind:
        """Parse `(expression AS ?variable)`."""
        expression = self._expression()
        keyword, variable = self.tokens[self.place - 3 : self.place - 1]
        if keyword.word != "AS" or variable.kind != "variable":
            raise NotUnderstood(f"no AS at {keyword.start}")
        return Bind(start, self.done, variable.text[1:], expression)

    def _modifiers(self) -> tuple[dict[str, int], frozenset[str]]:
        found, words = dict[str, int](), set[str]()
        while self.at.kind != "end" and self.at.sign != "}":
            if self.at.word in _MODIFIERS:
                keyword = self.take().word
                if keyword in ("GROUP", "ORDER") and not self.word("BY"):
                    raise NotUnderstood(f"no BY at {self.at.start}")
                found[keyword] = self.done
                if keyword == "VALUES":
                    self._data(self.at.start)
            elif self.at.sign == "(":
                words |= self._expression().words
            elif self.at.sign:
                raise NotUnderstood(f"no modifier at {self.at.start}")
            else:
                words.add(self.take().word)
        return found, frozenset(words)

    def _group(self) -> Group:
        self.deeper(1)
        start = self.at.start
        self.need("{")
        elements = (self._query(),) if self.at.word == "SELECT" else tuple(self._elements())
        self.need("}")
        self.deeper(-1)
        return Group(start, self.done, elements)

    def _elements(self) -> list[Element]:
        found = list[Element]()
        while self.at.sign != "}":
            if self.starts_node():
                found.append(self.block())
            else:
                found.append(self._element(self.at.start))
            self.sign(".")
        return found

    def _element(self, start: int) -> Element:
        if self.at.sign == "{":
            return self._union(start)
        match self.take().word:
            case "FILTER":
                return self._filter(start)
            case "BIND":
                bind = self._named(start)
                return Bind(start, self.done, bind.name, bind.expression)
            case "VALUES":
                return self._data(start)
            case "OPTIONAL" | "MINUS" as kind:
                group = self._group()
                return Nested(kind, start, self.done, (group,))
            case "GRAPH":
                name = self._graph_name()
                group = self._group()
                return Nested("GRAPH", start, self.done, (group,), name)
        raise NotUnderstood(f"no pattern at {start}")

    def _graph_name(self) -> Term:
        token = self.take()
        if token.kind == "variable":
            return Term("variable", token.text[1:], token.start, token.end)
        return Term("iri", self.iri(token), token.start, token.end)

    def _union(self, start: int) -> Nested:
        groups = [self._group()]
        while self.word("UNION"):
            groups.append(self._group())
        return Nested("UNION", start, self.done, tuple(groups))

    def _filter(self, start: int) -> Filter:
        while self.at.kind in ("word", "iri", "name"):  # NOT EXISTS, or the name of a function
            self.take()
        if self.at.sign != "{":
            expression = self._expression()
            return Filter(start, self.done, expression)
        if self.tokens[self.place - 1].word != "EXISTS":
            raise NotUnderstood(f"no expression at {self.at.start}")
        group = self._group()
        return Filter(start, self.done, Expression(group.start, group.end, exists=(group,)))

    def _expression(self) -> Expression:
        """Read what is in brackets. Raises NotUnderstood where the engine could take an IRI for a `<`."""
        start, depth, operand = self.at.start, 0, False
        names, words, exists = set[str](), set[str](), list[Group]()
        self._expect_bracket()
        while True:
            if self.at.sign == "{" and self.tokens[self.place - 1].word == "EXISTS":
                exists.append(self._group())
                continue
            token = self.take()
            if token.kind == "end" or token.sign in ("{", "}") or (token.kind == "iri" and operand):
                raise NotUnderstood(f"no expression at {token.start}")
            depth += (token.sign == "(") - (token.sign == ")")
            operand = token.kind in OPERANDS or token.sign == ")" or token.word in BOOLEANS
            if token.kind == "variable":
                names.add(token.text[1:])
            elif token.kind == "word":
                words.add(token.word)
            if depth == 0:
                return Expression(start, self.done, frozenset(names), frozenset(words), tuple(exists))

    def _expect_bracket(self) -> None:
        if self.at.sign != "(":
            raise NotUnderstood(f"no bracket at {self.at.start}")

    def _data(self, start: int) -> Values:
        several = bool(self.sign("("))
        names = []
        while self.at.kind == "variable":
            names.append(self.take().text[1:])
        if several:
            self.need(")")
        elif len(names) != 1:
            raise NotUnderstood(f"no variable at {self.at.start}")
        self.need("{")
        rows = list[tuple[Term | None, ...]]()
        while not self.sign("}"):
            rows.append(self._row(len(names), several))
        certain = frozenset(name for name, *column in zip(names, *rows, strict=True) if None not in column)
        return Values(start, self.done, frozenset(names), certain, _are_distinct(rows))

    def _row(self, size: int, several: bool) -> tuple[Term | None, ...]:
        if several:
            self.need("(")
        row = tuple(self._value() for _ in range(size))
        if several:
            self.need(")")
        return row

    def _value(self) -> Term | None:
        """Parse a value; None for an UNDEF."""
        if self.word("UNDEF"):
            return None
        if self.at.sign in ("[", "("):
            raise NotUnderstood(f"no value at {self.at.start}")
        return self._node([])


def _are_distinct(rows: list[tuple[Term | None, ...]]) -> bool:
    """Tell whether no two rows can be the same: absolute IRIs and plain strings are what they look like."""
    if len(rows) < 2:
        return True
    plain = all(term is None or _PLAIN.fullmatch(term.value) for row in rows for term in row)
    return plain and len({tuple(term and (term.kind, term.value) for term in row) for row in rows}) == len(rows)
