"""The operations of an update: the prologue that each has, its WHERE, and the graphs that its templates name.

(SPARQL 1.1 Update, section 3.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyoxigraph as ox

from server.twin.hybrid.vocabulary import mentions
from storage.graph.rewriting.parser import parse
from storage.graph.rewriting.scope import visible
from storage.graph.rewriting.syntax import Nested, Select
from storage.graph.rewriting.tokens import NotUnderstood, Token, tokens_of

_VARIABLE = re.compile(r"[?$](\w+)")
_PROLOGUE = {"PREFIX": 3, "BASE": 2, "VERSION": 2}  # tokens
_FICKLE = re.compile(r"RAND|NOW|UUID|SERVICE", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation in an update's text, by its tokens, and all prologues before it.

    `query` is its WHERE, where it has one that is no template as well, and `graphs` the variables by which its
    templates name graphs.
    """

    text: str
    prologue: str
    tokens: tuple[Token, ...]
    query: Select | None = None
    graphs: frozenset[str] = frozenset()

    @property
    def start(self) -> int:
        """Where its first keyword is."""
        return self.tokens[0].start

    @property
    def end(self) -> int:
        """Where it ends, before any semicolon."""
        return self.tokens[-1].end

    @property
    def where(self) -> str:
        """The WHERE with its braces; nothing where there is none."""
        return self.text[self.query.group.start : self.query.group.end] if self.query else ""

    @property
    def doubtful(self) -> frozenset[str]:
        """Those of `graphs` whose value may be any: no GRAPH in the WHERE says that it is that of a graph."""
        if self.query is None:
            return frozenset()
        named = {
            element.name.value
            for element in self.query.group.elements
            if isinstance(element, Nested) and element.kind == "GRAPH" and element.name is not None
        }
        return (self.graphs & visible(self.query.group.elements)) - named

    @property
    def is_fickle(self) -> bool:
        """Tell whether the WHERE may have other solutions when it is evaluated again."""
        return _FICKLE.search(self.where) is not None

    @property
    def names(self) -> tuple[str, ...]:
        """The variables of its templates that its WHERE binds."""
        if self.query is None:
            return ()
        templates = self.text[self.start : self.query.start]
        return tuple(sorted(visible(self.query.group.elements) & set(_VARIABLE.findall(templates))))

    def select(self, selected: str, where: str) -> str:
        """Return a SELECT over the dataset of the WHERE, but for its `default`."""
        return f"{self.prologue} SELECT {selected} {' '.join(self._dataset())} WHERE {where}"

    def sees(self, public_url: str = "") -> bool:
        """Tell whether its WHERE sees readings: what is in its templates alone are ordinary triples."""
        if self.query is None:
            return False
        text = f"{self.prologue} {' '.join(self._dataset())} {self.where}"
        return mentions(text, public_url)

    @property
    def default(self) -> str | None:
        """The IRI that WITH names, in full: the default graph, where there is no USING."""
        outer = list(_outer(self.tokens))
        if any(token.word == "USING" for token in outer) or outer[0].word != "WITH":
            return None
        return resolved(self.prologue, outer[1].text)

    def _dataset(self) -> list[str]:
        """Return FROM clauses for USING."""
        outer, found = list(_outer(self.tokens)), list[str]()
        for token, following, third in zip(outer, outer[1:], outer[2:], strict=False):
            if token.word == "USING":
                named = following.word == "NAMED"
                found.append(f"FROM {'NAMED ' if named else ''}{(third if named else following).text}")
        return found

    @property
    def dataset_start(self) -> int:
        """Where USING begins, or else WHERE."""
        assert self.query is not None  # noqa: S101 - only of those with a WHERE, for the type checker
        return next((token.start for token in _outer(self.tokens) if token.word == "USING"), self.query.start)


def operations(text: str, public_url: str = "") -> list[Operation]:
    """Return the operations of an update.

    Raises NotUnderstood for a WHERE that may see readings, or whose templates name graphs by variables, and which
    cannot be told from these.
    """
    reading = _Reading(text, public_url)
    prologue, tokens = "", tokens_of(text)[:-1]
    place = 0
    while place < len(tokens):
        if count := _PROLOGUE.get(tokens[place].word):
            end = tokens[min(place + count, len(tokens)) - 1].end
            prologue += f"{text[tokens[place].start : end]} "
            place += count
        elif tokens[place].sign == ";":
            place += 1
        else:
            behind = _end(tokens, place)
            reading.operation(prologue, tokens[place:behind])
            place = behind
    return reading.found


def _end(tokens: Sequence[Token], start: int) -> int:
    """Return the place of the next semicolon outside of braces, or that behind the last token."""
    depth = 0
    for place in range(start, len(tokens)):
        depth += (tokens[place].sign == "{") - (tokens[place].sign == "}")
        if depth == 0 and tokens[place].sign == ";":
            return place
    return len(tokens)


class _Reading:
    """Reads operations, with the WHEREs that the parser knows."""

    def __init__(self, text: str, public_url: str) -> None:
        self._text = text
        self._public_url = public_url
        self._queries, self._reason = dict[int, Select](), "it has no WHERE"
        try:
            self._queries = {query.start: query for query in parse(text)}
        except NotUnderstood as error:
            self._reason = str(error)
        self.found = list[Operation]()

    def operation(self, prologue: str, tokens: Sequence[Token]) -> None:
        """Take an operation. Raises NotUnderstood."""
        where = next((token.start for token in _outer(tokens) if token.word == "WHERE"), None)
        templates = [token for token in tokens if where is not None and token.start < where]
        query, graphs = None, frozenset[str]()
        if where is not None and any(token.sign == "{" for token in templates):  # else that of DELETE WHERE
            query, graphs = self._queries.get(where), frozenset(_graph_variables(templates))
            said = f"{prologue}{self._text[tokens[0].start : tokens[-1].end]}"
            if query is None and (graphs or mentions(said, self._public_url)):
                raise NotUnderstood(self._reason)
        self.found.append(Operation(self._text, prologue, tuple(tokens), query, graphs))


def _outer(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield the tokens outside of braces, and the braces that end these."""
    depth = 0
    for token in tokens:
        depth += (token.sign == "{") - (token.sign == "}")
        if depth == 0:
            yield token


def _graph_variables(templates: Sequence[Token]) -> Iterator[str]:
    """Yield the variables before the inner braces of templates. Raises NotUnderstood for what may be one."""
    depth = 0
    for place, token in enumerate(templates):
        if token.sign == "{" and depth and templates[place + 1].sign != "|":  # else it annotates a triple
            name, keyword = templates[place - 1], templates[place - 2]
            if name.kind == "variable" and keyword.word == "GRAPH":
                yield name.text[1:]
            elif name.kind not in ("iri", "name"):
                raise NotUnderstood(f"no GRAPH before {token.start}")
        depth += (token.sign == "{") - (token.sign == "}")


def resolved(prologue: str, name: str) -> str:
    """Return the IRI that is written so behind a prologue, in full. Raises NotUnderstood where it is none."""
    try:
        [quad] = ox.parse(f"{prologue} {name} <urn:p> 1 .", ox.RdfFormat.TURTLE)
    except (SyntaxError, ValueError):
        raise NotUnderstood(f"no IRI: {name}") from None
    if not isinstance(quad.subject, ox.NamedNode):
        raise NotUnderstood(f"no IRI: {name}")
    return quad.subject.value
