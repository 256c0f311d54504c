"""Rewrites an update so that it tells of each quad that it may touch (SPARQL 1.1 Update, section 3).

A WHERE hands over the terms of the templates, solution by solution: `{ { … } BIND(<tell>(0, ?s, ?p, ?o) AS ?_r1) }`.
Blank nodes of an INSERT become variables, so that it is known which ones are made. The operations on whole graphs get
one in front that looks at these graphs and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from uuid import uuid4

from storage.graph.rewriting.parser import Parser
from storage.graph.rewriting.syntax import Path, Term, Triple
from storage.graph.rewriting.tokens import Edit, Fresh, NotUnderstood, Token, edited
from storage.graph.rewriting.triples import TYPE

TELL = f"urn:uuid:{uuid4()}"
"""The function that is told; nobody else knows its name."""
UNBOUND = f"urn:uuid:{uuid4()}"
"""Stands for a variable without a value."""
MOST = 200_000
"""Quads that are taken note of; of larger changes only the fact is known."""
LONGEST = 1 << 18  # characters
_SHORT = 8192  # characters; what is known of longer texts is not kept
_CACHED = 256
_ALL = ("DEFAULT", "NAMED", "ALL")

Places = tuple[int, int, int, int | None]
"""Where among the terms that are handed over are subject, predicate, object and graph; None: the default graph."""


@dataclass(frozen=True, slots=True)
class Telling:
    """An update that tells: `templates` are by the number that it hands over first.

    `data` are updates whose INSERT DATA has what the update inserts or deletes as such. `emptied` are queries for the
    quads that are in graphs which it empties, before it does anything. With `graphs` it may make or drop graphs in
    which it touches no quad.
    """

    text: str
    templates: tuple[tuple[Places, ...], ...]
    data: tuple[str, ...]
    emptied: tuple[str, ...]
    graphs: bool


def telling(text: str) -> Telling:
    """Return an update as one that tells. Raises NotUnderstood."""
    return _telling_of_short(text) if len(text) < _SHORT else _telling(text)


def _telling(text: str) -> Telling:
    if len(text) > LONGEST or "\\u" in text or "\\U" in text:
        raise NotUnderstood("too long, or with escapes that could be anywhere")
    return _Telling(text).update()


_telling_of_short = lru_cache(_CACHED)(_telling)


@dataclass(frozen=True, slots=True)
class _Quads:
    """What is in the braces of a template: its triples with the graph of each, and where it is."""

    quads: tuple[tuple[Triple, str | None], ...]
    start: int
    end: int


class _Telling(Parser):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._fresh = Fresh(text)
        self._edits: list[Edit] = []
        self._templates: list[tuple[Places, ...]] = []
        self._inserted: list[str] = []
        self._emptied: list[str] = []
        self._head = ""
        self._graphs = False

    def update(self) -> Telling:
        while True:
            start = self.at.start
            self.prologue()
            self._head += f"{self.text[start : self.at.start]} "
            if self.at.kind == "end":
                break
            self._operation(self.at.start)
            if not self.sign(";"):
                break
        if self.at.kind != "end":
            raise NotUnderstood(f"no end at {self.at.start}")
        return Telling(
            edited(self.text, self._edits, 2 * LONGEST),
            tuple(self._templates),
            tuple(self._inserted),
            tuple(self._emptied),
            self._graphs,
        )

    def _operation(self, start: int) -> None:
        match self.take().word:
            case "INSERT" | "DELETE" as word if self.word("DATA"):
                self._quad_data(start, word)
            case "DELETE" if self.word("WHERE"):
                quads = self._quads()
                pattern = self.text[quads.start : quads.end]
                where = f"{{ {pattern} {self._told([quads], {})} }}"
                self._edits.append(Edit(start, self.done, f"DELETE {pattern} WHERE {where}"))
            case "INSERT" | "DELETE" | "WITH" as word:
                self._modify(word)
            case "CLEAR" | "DROP":
                self._empty()
            case "CREATE":
                self.word("SILENT")
                self._one_graph()
                self._graphs = True
            case "ADD" | "COPY" | "MOVE":
                self._between(start)
            case word:
                raise NotUnderstood(f"{word or 'nothing'} at {start}")

    # Quads as such

    def _quad_data(self, start: int, verb: str) -> None:
        """Read INSERT DATA or DELETE DATA; the former may make blank nodes."""
        quads = self._quads()
        block = self.text[quads.start : quads.end]
        blanks = self._blanks(quads)
        if not blanks:
            self._inserted.append(f"{self._head}INSERT DATA {block}")
            return
        if verb == "DELETE":
            raise NotUnderstood(f"a blank node is deleted at {start}")
        told = self._told([quads], blanks)
        self._edits.append(Edit(start, self.done, f"INSERT {self._template(quads, blanks)} WHERE {{ {told} }}"))

    # DELETE and INSERT by templates

    def _modify(self, word: str) -> None:
        own = None
        if word == "WITH":
            own = self._slice(self.take())
            word = self.word("DELETE", "INSERT")
        templates, blanks = list[_Quads](), dict[str, str]()
        while word:
            quads = self._quads(own)
            templates.append(quads)
            if word == "INSERT":
                blanks = self._blanks(quads)
                if blanks:
                    self._edits.append(Edit(quads.start, quads.end, self._template(quads, blanks, own)))
            word = self.word("INSERT") if word == "DELETE" else ""
        while self.word("USING"):
            self.word("NAMED")
            self.iri(self.take())
        if not templates or not self.word("WHERE"):
            raise NotUnderstood(f"no WHERE at {self.at.start}")
        start = self.at.start
        self.skip_braces()
        told = self._told(templates, blanks)
        self._edits += [Edit(start, start, "{ "), Edit(self.done, self.done, f" {told} }}")]

    def _quads(self, graph: str | None = None) -> _Quads:
        """Parse `{ triples GRAPH name { triples } … }` (rule 50)."""
        start, found = self.at.start, list[tuple[Triple, str | None]]()
        self.need("{")
        while not self.sign("}"):
            if self.word("GRAPH"):
                name = self._slice(self.take())
                self.need("{")
                found += self._triples_until_brace(name)
                self.need("}")
            else:
                found += self._triples_until_brace(graph)
            self.sign(".")
        return _Quads(tuple(found), start, self.done)

    def _triples_until_brace(self, graph: str | None) -> Iterator[tuple[Triple, str | None]]:
        if self.starts_node():
            for triple in self.block().triples:
                if isinstance(triple.verb, Path) and triple.verb.kind != "iri":
                    raise NotUnderstood(f"no predicate at {triple.start}")
                yield triple, graph
        elif self.at.sign != "}" and self.at.word != "GRAPH":
            raise NotUnderstood(f"no triple at {self.at.start}")

    def _blanks(self, quads: _Quads) -> dict[str, str]:
        """Return a new variable for each blank node."""
        ends = (end for triple, _ in quads.quads for end in (triple.subject, triple.object))
        values = dict.fromkeys(end.value for end in ends if end.kind == "blank")
        for token in self.tokens:
            if token.kind == "blank" and token.text in values and not quads.start <= token.start < quads.end:
                raise NotUnderstood(f"{token.text} is in two places, which only the engine knows to refuse")
        return {value: f"?{self._fresh.variable()}" for value in values}

    def _template(self, quads: _Quads, blanks: dict[str, str], own: str | None = None) -> str:
        """Return a template with variables for its blank nodes; what WITH says of it still holds."""
        return "{ " + " ".join(self._statement_of(triple, graph, blanks, own) for triple, graph in quads.quads) + " }"

    def _statement_of(self, triple: Triple, graph: str | None, blanks: dict[str, str], own: str | None) -> str:
        text = " ".join(self._written(node, blanks) for node in (triple.subject, triple.verb, triple.object))
        return f"{text} ." if graph is None or graph == own else f"GRAPH {graph} {{ {text} }}"

    def _written(self, node: Term | Path, blanks: dict[str, str]) -> str:
        if isinstance(node, Path):
            return f"<{TYPE}>" if self.text[node.start : node.end] == "a" else self.text[node.start : node.end]
        if node.kind != "blank":
            return self.text[node.start : node.end]
        if node.value not in blanks:
            raise NotUnderstood(f"a blank node is deleted at {node.start}")
        return blanks[node.value]

    def _told(self, templates: Iterable[_Quads], blanks: dict[str, str]) -> str:
        """Return what makes the blank nodes, and tells the terms of the templates, at the end of a WHERE."""
        terms: dict[str, int] = {}

        def place(text: str) -> int:
            return terms.setdefault(text, len(terms))

        def places(triple: Triple, graph: str | None) -> Places:
            s, p, o = (place(self._written(node, blanks)) for node in (triple.subject, triple.verb, triple.object))
            return s, p, o, None if graph is None else place(graph)

        self._templates.append(tuple(places(*each) for quads in templates for each in quads.quads))
        made = " ".join(f"BIND(BNODE() AS {variable})" for variable in blanks.values())
        return f"{made} {self._tell(terms)}"

    def _tell(self, terms: Iterable[str]) -> str:
        values = (f"COALESCE({text}, <{UNBOUND}>)" if text[0] in "?$" else text for text in terms)
        handed = ", ".join([str(len(self._templates) - 1), *values])
        return f"BIND(<{TELL}>({handed}) AS ?{self._fresh.variable()})"

    # Operations on whole graphs

    def _empty(self) -> None:
        """Read what CLEAR and DROP name. What other operations add to it before is told by these."""
        self._graphs = True
        self.word("SILENT")
        which = self.word(*_ALL)
        if which in ("DEFAULT", "ALL"):
            self._emptied.append(f"{self._head}SELECT ?s ?p ?o {{ ?s ?p ?o }} LIMIT {MOST + 1}")
        if which in ("NAMED", "ALL"):
            self._emptied.append(f"{self._head}SELECT ?s ?p ?o ?g {{ GRAPH ?g {{ ?s ?p ?o }} }} LIMIT {MOST + 1}")
        if not which:
            graph = self._one_graph()
            quads = f"GRAPH {graph} {{ ?s ?p ?o }} BIND({graph} AS ?g)"
            self._emptied.append(f"{self._head}SELECT ?s ?p ?o ?g {{ {quads} }} LIMIT {MOST + 1}")

    def _one_graph(self) -> str:
        if not self.word("GRAPH"):
            raise NotUnderstood(f"no GRAPH at {self.at.start}")
        return self._slice(self.take())

    def _between(self, start: int) -> None:
        """Read ADD, COPY, MOVE; the graph from which is touched by the last of them, and looked at by all."""
        self.word("SILENT")
        source = self._end()
        if not self.word("TO"):
            raise NotUnderstood(f"no TO at {self.at.start}")
        target = self._end()
        self._looked_at(start, [(source, source), (source, target), (target, target)])

    def _end(self) -> str | None:
        if self.word("DEFAULT"):
            return None
        self.word("GRAPH")
        return self._slice(self.take())

    def _looked_at(self, start: int, graphs: list[tuple[str | None, str | None]]) -> None:
        """Put what looks at graphs before an operation: it tells what it finds as quads of others."""
        self._graphs = True
        looks = "".join(f"{self._look(source, target)} ;\n" for source, target in graphs)
        self._edits.append(Edit(start, start, looks))

    def _look(self, source: str | None, target: str | None) -> str:
        names = [self._fresh.variable() for _ in range(3)]
        triple = " ".join(f"?{name}" for name in names)
        self._templates.append(((0, 1, 2, None if target is None else 3),))
        told = self._tell([*(f"?{name}" for name in names), *([] if target is None else [target])])
        pattern = triple if source is None else f"GRAPH {source} {{ {triple} }}"
        return f"INSERT {{}} WHERE {{ {{ SELECT * {{ {pattern} }} LIMIT {MOST + 1} }} {told} }}"

    def _slice(self, token: Token) -> str:
        """Return an IRI or a variable as it is written."""
        if token.kind != "variable":
            self.iri(token)
        return token.text
