"""What follows from the models, kept in a graph of its own: made anew only where a model has changed.

Models that share no node cannot add to what follows from one another, so each group of graphs that do is looked at by
itself, and what followed from it is remembered by its content. The graph also says what it was made from, so that
a restart does not make it again.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyoxigraph as ox

from ontologies import catalog
from ontologies.models.comparing import lines as canonical
from ontologies.namespaces import TWH
from server.errors import Problem
from server.twin.reasoning import infer_apart
from storage.errors import Closed, StorageError

if TYPE_CHECKING:
    from server.twin.service import Twin

INFERRED = TWH["inferred"]
_MADE_FROM = TWH["madeFrom"]
_QUIET = 2.0  # seconds without a change before the models are looked at again
_MOST = 2_000_000  # triples, all of which are in memory
_SHARE = 4  # of the time that looking took, to wait before the next
_LOG = logging.getLogger(__name__)
Lines = frozenset[bytes]  # N-Triples, a line each


@dataclass(frozen=True, slots=True)
class Rules:
    """By which ontology, and whether to each class those above it are added."""

    ontology: catalog.Ontology
    classes: bool = False

    @classmethod
    def parse(cls, text: str) -> Rules | None:
        """Read the setting: `brick`, `brick 1.5`, `223p`, each with `classes` or without; nothing for none.

        Raises UnknownOntology.
        """
        words = text.split()
        names = [word for word in words if word != "classes"]
        return cls(catalog.find(*names[:2]), "classes" in words) if names else None


@dataclass(frozen=True, slots=True)
class InferReport:
    """What is inferred now, and how that differs from before; of so many groups of models so many were made anew."""

    graph: str
    ontology: str
    triples: int
    added: int
    removed: int
    groups: int
    inferred_groups: int
    seconds: float


class Inferring:
    """Makes the graph of what follows; with `rules`, by itself whenever the graph has changed."""

    def __init__(self, twin: Twin, rules: Rules | None) -> None:
        self._twin = twin
        self._rules = rules
        self._lock = threading.Lock()
        self._known: dict[bytes, Lines] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        if rules:
            self._thread.start()

    def infer(self, rules: Rules) -> InferReport:
        """Bring the graph up to date, as one change. Durable and visible when it returns.

        Raises DeadlineExceeded or a problem where the SHACL engine does not end, or fails; nothing is changed then.
        """
        with self._lock:
            began = time.monotonic()
            before = self._lines(INFERRED.value)
            groups = dict(self._groups(rules))
            made_from = _made_from(groups)
            if made_from in before:
                after, new = before, set[bytes]()
            else:
                new = groups.keys() - self._known.keys()
                self._known = {key: self._known.get(key) or self._infer(groups[key], rules) for key in groups}
                after = frozenset({made_from}).union(*self._known.values()).difference(*groups.values())
                self._twin.graph.replace(_quads(after), [INFERRED])
            return InferReport(
                graph=INFERRED.value,
                ontology=rules.ontology.iri,
                triples=len(after) - 1,
                added=_count(after - before),
                removed=_count(before - after),
                groups=len(groups),
                inferred_groups=len(new),
                seconds=round(time.monotonic() - began, 3),
            )

    def _groups(self, rules: Rules) -> Iterator[tuple[bytes, Lines]]:
        names = self._twin.models()
        graphs = [ox.DefaultGraph() if name is None else ox.NamedNode(name) for name in names]
        if self._twin.graph.size(graphs, _MOST + 1) > _MOST:
            raise Problem(
                400,
                "models-too-large",
                f"the models have more than {_MOST:,} triples, which are the most that are reasoned about",
                hint="keep what needs no inference, such as a register of assets, in another twin",
            )
        models = {name: lines for name in names if (lines := self._lines(name))}
        about = f"{rules.ontology.iri} {rules.classes} {rules.ontology.path.stat().st_mtime_ns}".encode()
        for group in together(models):
            lines = frozenset().union(*(models[name] for name in group))
            yield hashlib.sha256(b"\n".join([about, *_labelled(lines)])).digest(), lines

    def _lines(self, graph: str | None) -> Lines:
        return frozenset(self._twin.triples(graph).splitlines())

    def _infer(self, lines: Lines, rules: Rules) -> Lines:
        triples = b"\n".join(lines) + b"\n"
        children = self._twin.graph.children
        return frozenset(infer_apart(children, triples, rules.ontology, classes=rules.classes).splitlines())

    def _run(self) -> None:
        seen, wait = -1, _QUIET
        while not self._closed.wait(wait):
            generation, wait = self._twin.graph.generation, _QUIET
            if self._rules is None or generation == seen or self._closed.wait(_QUIET):
                continue
            if generation != self._twin.graph.generation:
                continue  # others are writing
            began = time.monotonic()
            try:
                self.infer(self._rules)
            except Closed:
                return
            except (Problem, StorageError):
                _LOG.exception("what follows from the models is not up to date; the next change makes it anew")
            seen = self._twin.graph.generation if self._is_mine(generation) else generation
            wait = max(_QUIET, _SHARE * (time.monotonic() - began))

    def _is_mine(self, generation: int) -> bool:
        """Tell whether nobody else has written since that generation: then this has, once at most."""
        return self._twin.graph.generation <= generation + 1

    def close(self) -> None:
        """End once what is under way is done. Closing twice is fine."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()


def together(models: Mapping[str | None, Iterable[bytes]]) -> list[list[str | None]]:
    """Part graphs (N-Triples, a line each) into groups: two that have a node in common, which one describes."""
    parent: dict[str | None, str | None] = {name: name for name in models}

    def root(name: str | None) -> str | None:
        while parent[name] != name:
            name = parent[name]
        return name

    described: dict[bytes, str | None] = {}
    for name, lines in models.items():
        for node in {line.partition(b" ")[0] for line in lines}:
            parent[root(described.setdefault(node, name))] = root(name)
    for name, lines in models.items():
        for line in lines:
            other = described.get(line.split(b" ", 2)[2].removesuffix(b" ."))
            if other is not None:
                parent[root(other)] = root(name)
    groups: dict[str | None, list[str | None]] = {}
    for name in models:
        groups.setdefault(root(name), []).append(name)
    return list(groups.values())


def _labelled(lines: Lines) -> list[bytes]:
    """Return the lines in order, the same whatever blank nodes are labelled: a model loaded again is no other one."""
    if not any(b"_:" in line for line in lines):
        return sorted(lines)
    return sorted(line.encode() for line in canonical(ox.parse(b"\n".join(lines), ox.RdfFormat.N_TRIPLES)))


def _made_from(groups: Iterable[bytes]) -> bytes:
    """Return the statement that tells of which groups the graph was made."""
    return f'{INFERRED} {_MADE_FROM} "{hashlib.sha256(b"".join(sorted(groups))).hexdigest()}" .'.encode()


def _count(lines: Lines) -> int:
    """Count what is inferred: all but that statement."""
    return sum(1 for line in lines if not line.startswith(str(INFERRED).encode()))


def _quads(lines: Lines) -> Iterator[ox.Quad]:
    for quad in ox.parse(b"\n".join(lines) + b"\n", ox.RdfFormat.N_TRIPLES):
        yield ox.Quad(quad.subject, quad.predicate, quad.object, INFERRED)
