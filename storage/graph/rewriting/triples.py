"""Parses triples: nodes, property paths, lists of properties and of objects (SPARQL 1.1 Query, rules 75 to 107)."""

from __future__ import annotations

import re
from dataclasses import replace

from storage.graph.rewriting.syntax import Block, Path, Term, Triple
from storage.graph.rewriting.tokens import LITERALS, NotUnderstood, Token, tokens_of

NAMESPACE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
TYPE = f"{NAMESPACE}type"
BOOLEANS = ("TRUE", "FALSE")
_NUMBER = re.compile(r"\d[\d.]*([eE]\d+)?")
_ESCAPED = re.compile(r"\\(.)")
DEEPEST = 50


class TriplesParser:
    """Reads the tokens of a text from one to the next."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens_of(text)
        self.place = 0
        self.prefixes: dict[str, str] = {}
        self._depth = 0

    @property
    def at(self) -> Token:
        """The next token."""
        return self.tokens[self.place]

    @property
    def done(self) -> int:
        """Where the last token that was taken ends."""
        return self.tokens[self.place - 1].end if self.place else 0

    def take(self) -> Token:
        token = self.at
        self.place += 1
        return token

    def sign(self, *signs: str) -> str:
        """Take one of these signs if it is next; return it, or nothing."""
        return self.take().sign if self.at.sign and self.at.sign in signs else ""

    def word(self, *words: str) -> str:
        """Take one of these keywords if it is next; return it, or nothing."""
        return self.take().word if self.at.word and self.at.word in words else ""

    def need(self, sign: str) -> None:
        if not self.sign(sign):
            raise NotUnderstood(f"no {sign} at {self.at.start}")

    def deeper(self, by: int) -> None:
        """Count how deep brackets and braces are in each other."""
        self._depth += by
        if self._depth > DEEPEST:
            raise NotUnderstood("too deep")

    def iri(self, token: Token) -> str:
        """Return the IRI that a token is, in full unless it is a relative one."""
        if token.kind == "iri":
            return token.text[1:-1]
        prefix, _, local = token.text.partition(":")
        if token.kind != "name" or prefix not in self.prefixes:
            raise NotUnderstood(f"no IRI at {token.start}")
        return self.prefixes[prefix] + _ESCAPED.sub(r"\1", local)

    def starts_node(self) -> bool:
        """Tell whether a triple can begin here."""
        if self.at.sign:
            return self.at.sign in "([+-"
        return self.at.word in BOOLEANS if self.at.word else self.at.kind not in ("end", "language")

    def block(self) -> Block:
        """Parse triples as long as there are some."""
        start, triples = self.at.start, list[Triple]()
        while True:
            self._statement(triples)
            end = self.done
            if not self.sign(".") or not self.starts_node():
                return Block(start, end, tuple(triples))

    def _statement(self, triples: list[Triple]) -> None:
        start, before = self.at.start, len(triples)
        bracketed = self.at.sign in ("[", "(")
        subject = self._node(triples)
        if not bracketed or self._starts_verb():
            self._properties(subject, triples)
        end = self.done
        if self.sign("."):
            end, self.place = self.done, self.place - 1
        alone = len(triples) == before + 1
        triples[before:] = [replace(triple, start=start, end=end, alone=alone) for triple in triples[before:]]

    def _properties(self, subject: Term, triples: list[Triple]) -> None:
        while True:
            verb = self._verb()
            while True:
                node = self._node(triples)
                triples.append(Triple(subject, verb, node, 0, 0))
                if not self.sign(","):
                    break
            while self.sign(";"):
                pass
            if not self._starts_verb():
                return

    def _starts_verb(self) -> bool:
        return self.at.kind in ("variable", "iri", "name") or self.at.word == "A" or self.at.sign in ("^", "!", "(")

    def _verb(self) -> Term | Path:
        return self._node([]) if self.at.kind == "variable" else self.path()

    def _node(self, triples: list[Triple]) -> Term:
        token = self.take()
        if token.kind == "variable":
            return Term("variable", token.text[1:], token.start, token.end)
        if token.kind in ("iri", "name"):
            return Term("iri", self.iri(token), token.start, token.end)
        if token.kind == "blank":
            return Term("blank", token.text, token.start, token.end)
        if token.sign in ("[", "("):
            return self._bracketed(token, triples)
        return self._literal(token)

    def _bracketed(self, opening: Token, triples: list[Triple]) -> Term:
        """Parse `[…]` or a collection, whose own triples are left out: nothing here depends on them."""
        self.deeper(1)
        node = Term("blank", f"{opening.sign}{opening.start}", opening.start, opening.end)
        if opening.sign == "[" and self.at.sign != "]":
            self._properties(node, triples)
        while opening.sign == "(" and self.at.sign != ")":
            triples.append(Triple(node, Path("negated", 0, 0), self._node(triples), 0, 0))
        self.need("]" if opening.sign == "[" else ")")
        self.deeper(-1)
        return replace(node, end=self.done)

    def _literal(self, first: Token) -> Term:
        token = self.take() if first.sign in ("+", "-") else first
        if token.kind not in LITERALS and token.word not in BOOLEANS:
            raise NotUnderstood(f"no node at {token.start}")
        if token.kind == "number" and not _NUMBER.fullmatch(token.text):  # the engine finds a keyword in 5OPTIONAL
            raise NotUnderstood(f"no number at {token.start}")
        if token.kind == "string" and self.at.kind == "language":
            self.take()
        elif token.kind == "string" and self.sign("^"):
            self.need("^")
            self.iri(self.take())
        return Term("literal", self.text[first.start : self.done], first.start, self.done)

    def path(self) -> Path:
        """Parse a property path."""
        return self._several("alternative", "|")

    def _several(self, kind: str, sign: str) -> Path:
        start = self.at.start
        parts = [self._part(kind)]
        while self.sign(sign):
            parts.append(self._part(kind))
        return parts[0] if len(parts) == 1 else Path(kind, start, self.done, tuple(parts))

    def _part(self, kind: str) -> Path:
        return self._several("sequence", "/") if kind == "alternative" else self._step()

    def _step(self) -> Path:
        start = self.at.start
        if self.sign("^"):
            inner = self._step_with_mark(self.at.start)
            return Path("inverse", start, self.done, (inner,))
        return self._step_with_mark(start)

    def _step_with_mark(self, start: int) -> Path:
        inner = self._primary()
        if mark := self.sign("*", "+", "?"):
            return Path("closure", start, self.done, (inner,), mark)
        return inner

    def _primary(self) -> Path:
        start = self.at.start
        if self.sign("!"):
            return self._negated(start)
        if self.sign("("):
            self.deeper(1)
            inner = self.path()
            self.need(")")
            self.deeper(-1)
            return replace(inner, start=start, end=self.done)
        token = self.take()
        value = TYPE if token.text == "a" else self.iri(token)
        return Path("iri", start, self.done, value=value)

    def _negated(self, start: int) -> Path:
        if self.sign("("):
            while not self.sign(")"):
                self._negated_one()
                self.sign("|")
        else:
            self._negated_one()
        return Path("negated", start, self.done)

    def _negated_one(self) -> None:
        self.sign("^")
        token = self.take()
        if token.text != "a":
            self.iri(token)
