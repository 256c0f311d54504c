"""Gives a name to all that a pattern goes through: blank nodes, the middle of a path, the predicate of `!p`.

`[ :p ?y ] :q/^:r ?z` is `?1 :p ?y . ?1 :q ?2 . ?z :r ?2`, with ?1 and ?2 left out of the solutions in the end
(SPARQL 1.1 Query, sections 4.1.4 and 18.2.2.4). The other paths stay: the engine gives each of their solutions once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from storage.graph.rewriting.syntax import NONE, Block, Element, Names, Nested, Path, Term, Triple, groups_of
from storage.graph.rewriting.tokens import Edit, Fresh, NotUnderstood, between, tokens_of
from storage.graph.rewriting.triples import NAMESPACE


@dataclass(frozen=True, slots=True)
class Pattern:
    """A triple or path pattern as it is written: its ends, what its verb is, and the IRI that its target may be."""

    subject: str
    written: str
    target: str
    verb: Term | Path
    iri: str | None = None

    @property
    def text(self) -> str:
        """The pattern in SPARQL."""
        return f"{self.subject} {self.written} {self.target}"

    @property
    def names(self) -> Names:
        """Its variables."""
        verb = self.verb.names if isinstance(self.verb, Term) else NONE
        return verb.union(end[1:] for end in (self.subject, self.target) if end.startswith(("?", "$")))


class Explicit:
    """Writes the blocks of a text anew, with names."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.fresh = Fresh(text)
        self._labels: dict[str, str] = {}
        self._places: dict[str, int] = {}
        self._iris: dict[str, str] = {}

    def hides(self, elements: Sequence[Element]) -> bool:
        """Tell whether solutions go through something without a name."""
        return any(self._hides(element) for element in elements)

    def _hides(self, element: Element) -> bool:
        if isinstance(element, Block):
            return any(map(self._is_hidden, element.triples))
        if not isinstance(element, Nested) or element.kind == "MINUS":
            return False
        return len(element.groups) > 1 or any(self.hides(group.elements) for group in groups_of(element))

    def _is_hidden(self, triple: Triple) -> bool:
        return any(node.kind == "blank" for node in triple.ends) or self._goes_through(triple.verb)

    def _goes_through(self, verb: Term | Path) -> bool:
        if isinstance(verb, Term):
            return False
        if verb.kind == "inverse":
            return self._goes_through(verb.parts[0])
        return verb.kind == "sequence" or (verb.kind == "negated" and self.negated(verb) is not None)

    def block(self, block: Block) -> Iterator[Edit]:
        """Yield the edit that gives names to a block, if it needs some."""
        if any(map(self._is_hidden, block.triples)):
            patterns, filters = self.parts(block)
            yield Edit(block.start, block.end, " . ".join(pattern.text for pattern in patterns) + filters)

    def parts(self, block: Block) -> tuple[list[Pattern], str]:
        """Return the patterns of a block, with names, and the filters that go with them."""
        for node in (node for triple in block.triples for node in triple.ends if node.kind == "blank"):
            if self._places.setdefault(node.value, block.start) != block.start:
                raise NotUnderstood(f"{node.value} is in two places, which mostly is an error")
        lists = _lists(block)
        patterns, filters = list[Pattern](), list[str]()
        for triple in block.triples:
            if not _is_of_list(triple):
                ends = (self._node(triple.subject, lists), self._node(triple.object, lists))
                self._pattern(ends[0], triple.verb, ends[1], patterns, filters)
        for name, nodes in lists.items():
            patterns += self._list(self._label(name), [self._node(node, lists) for node in nodes])
        return patterns, "".join(f" FILTER({each})" for each in filters)

    def _node(self, node: Term, lists: dict[str, list[Term]]) -> str:
        if node.kind != "blank":
            written = self._slice(node)
            if node.kind == "iri":
                self._iris[written] = node.value
            return written
        if node.value.startswith("(") and node.value not in lists:
            return f"<{NAMESPACE}nil>"
        return self._label(node.value)

    def _label(self, name: str) -> str:
        if name not in self._labels:
            self._labels[name] = self._new()
        return self._labels[name]

    def _new(self) -> str:
        return f"?{self.fresh.variable()}"

    def _slice(self, part: Term | Path) -> str:
        return self._text[part.start : part.end]

    def _list(self, node: str, items: Sequence[str]) -> Iterator[Pattern]:
        """Yield the triples of a collection (section 4.2.3)."""
        for place, item in enumerate(items):
            last = place == len(items) - 1
            rest = f"<{NAMESPACE}nil>" if last else self._new()
            for verb, target in (("first", item), ("rest", rest)):
                iri = f"{NAMESPACE}{verb}"
                yield Pattern(node, f"<{iri}>", target, Path("iri", 0, 0, value=iri))
            node = rest

    def _pattern(
        self, subject: str, verb: Term | Path, target: str, patterns: list[Pattern], filters: list[str]
    ) -> None:
        """Add what a pattern is made of."""
        kind = verb.kind if isinstance(verb, Path) else ""
        if isinstance(verb, Path) and kind == "inverse" and verb.parts[0].kind != "closure":
            self._pattern(target, verb.parts[0], subject, patterns, filters)
        elif isinstance(verb, Path) and kind == "sequence":
            nodes = [subject, *(self._new() for _ in verb.parts[1:]), target]
            for step, before, after in zip(verb.parts, nodes, nodes[1:], strict=False):
                self._pattern(before, step, after, patterns, filters)
        elif isinstance(verb, Path) and kind == "negated" and (negated := self.negated(verb)):
            predicate = self._new()
            inverse, others = negated
            ends = (target, subject) if inverse else (subject, target)
            patterns.append(Pattern(ends[0], predicate, ends[1], Term("variable", predicate[1:], 0, 0)))
            filters.append(f"{predicate} NOT IN ({', '.join(others)})")
        else:
            patterns.append(Pattern(subject, self._slice(verb), target, verb, self._iris.get(target)))

    def negated(self, path: Path) -> tuple[bool, list[str]] | None:
        """Return whether `!p` or `!^p` is inverse, and what it leaves out; None for `!(p|^q)`, which is two paths."""
        tokens = between(tokens_of(self._text), path.start, path.end)
        names = [f"<{NAMESPACE}type>" if token.text == "a" else token.text for token in tokens if not token.sign]
        inverse = sum(token.sign == "^" for token in tokens)
        return (bool(inverse), names) if inverse in (0, len(names)) else None


def _is_of_list(triple: Triple) -> bool:
    """Tell whether a triple stands for an item of a collection; see triples.TriplesParser."""
    verb = triple.verb
    return isinstance(verb, Path) and verb.kind == "negated" and verb.end == 0


def _lists(block: Block) -> dict[str, list[Term]]:
    found = dict[str, list[Term]]()
    for triple in block.triples:
        if _is_of_list(triple):
            found.setdefault(triple.subject.value, []).append(triple.object)
    return found
