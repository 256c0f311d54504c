"""What was changed in the graph, by whom and when: each change a file, by which it can be undone.

A file is an RDF Patch, packed as gzip: headers, and a line for each quad that was added (`A`) or removed (`D`). It is
written once the change is durable; a crash in between leaves the change unrecorded. Blank nodes are told by what is
said of them (see `ontologies.models.comparing`), so that a document loaded again changes nothing.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pyoxigraph as ox

from ontologies.models.comparing import lines
from server.errors import Problem
from storage.files import make_directory, write_atomically
from storage.graph.results import ASKER
from storage.graph.staging import Staged
from storage.graph.store import Graph, GraphStore

T = TypeVar("T")
MOST_QUADS = 200_000
"""Of larger graphs only the fact of a change is recorded: both states are in memory for a moment."""
MOST_KEPT = 1000
_ENDING = ".rdfp.gz"
Lines = frozenset[str]  # quads, a line of N-Quads each


@dataclass(frozen=True, slots=True)
class Change:
    """A change: `added` and `removed` quads, or None where they could not be recorded (see Changes.lines)."""

    number: int
    time: str
    who: str
    what: str
    graphs: tuple[str | None, ...]
    added: int | None
    removed: int | None


@dataclass(frozen=True, slots=True)
class Delta:
    """What a change adds and removes, as lines of N-Quads."""

    added: Lines = frozenset()
    removed: Lines = frozenset()


class Changes:
    """Records changes of a graph in a folder. Thread-safe."""

    def __init__(self, folder: Path, graph: GraphStore) -> None:
        self._folder = folder
        self._graph = graph
        self._lock = threading.Lock()

    def recorded(
        self, what: str, graphs: Sequence[Graph] | None, foresee: Callable[[], Delta | None], write: Callable[[], T]
    ) -> T:
        """Do what changes these graphs (None: any) as foreseen, and record it; what changes nothing is not.

        A delta that is None is not known: the graphs are too large.
        """
        with self._graph.holding():
            absent = [graph for graph in graphs or () if not self._graph.has_graph(graph)]
            there = set(self._graph.graphs()) if graphs is None else set[str]()
            delta = foresee()
            result = write()
            now = self._graph.graphs() if graphs is None else map(_iri, filter(self._graph.has_graph, absent))
            made = sorted(set(now) - there)
        if delta != Delta():
            self._keep(what, graphs, delta, made)
        return result

    def update(self, write: Callable[[], T]) -> T:
        """Do an update, and record it: what it changes only the whole dataset tells, before and after."""
        with self._graph.holding():
            before, there = self.lines(None), set(self._graph.graphs())
            result = write()
            after, made = self.lines(None), sorted(set(self._graph.graphs()) - there)
        delta = _between(before, after)
        if delta != Delta():
            self._keep("update", None, delta, made)
        return result

    def replacing(self, quads: Staged | None, graphs: Sequence[Graph] | None) -> Delta | None:
        """Return what it changes to make these graphs (None: all) hold what is staged."""
        if quads is not None and quads.count > MOST_QUADS:
            return None
        return _between(self.lines(graphs), _lines_of(_staged(quads)))

    def adding(self, quads: Staged, graphs: Sequence[Graph] | None) -> Delta | None:
        """Return what it changes to add what is staged for these graphs."""
        if quads.count > MOST_QUADS:
            return None
        found = _staged(quads)
        if not _blank_nodes(found):
            return Delta(_lines_of(self._graph.lacking(found)) or Lines())
        before, new = self.lines(graphs), _lines_of(found)  # which of them are new only all of the graph tells
        return None if before is None or new is None else Delta(new - before)

    def listed(self, limit: int) -> Iterator[Change]:
        """Yield the changes, the newest first."""
        for number in sorted(self._numbers(), reverse=True)[:limit]:
            yield self._header(number)[0]

    def patch(self, number: int) -> bytes:
        """Return a change as an RDF Patch. Raises a 404 problem."""
        return self._read(number)

    def undo(self, number: int) -> Change:
        """Take a change back, which is a change itself. Durable and visible when it returns.

        Raises a 404 problem for one that there is not, a 409 problem for one that cannot be taken back: it was not
        recorded as a whole, or what it changed has been changed since.
        """
        change, made = self._header(number)
        if change.added is None:
            detail = f"change {number} is recorded as a fact alone: its graphs are large, or have blank nodes alike"
            raise Problem(409, "not-recorded", detail)
        delta = _parts(self._read(number))
        graphs = _graphs_of(delta)

        def foresee() -> Delta:
            now = self.lines(graphs)
            if now is None or not delta.added <= now or delta.removed & now:
                raise _changed_since(number)
            return Delta(delta.removed, delta.added)

        def write() -> None:
            now = self.lines(graphs) or Lines()
            self._graph.replace(_quads((now - delta.added) | delta.removed), graphs)
            for name in map(ox.NamedNode, made):
                if not self._graph.size([name], 1):
                    self._graph.remove(name)

        self.recorded(f"undo {number}", graphs, foresee, write)
        return next(self.listed(1))

    def lines(self, graphs: Sequence[Graph] | None) -> Lines | None:
        """Return what these graphs (None: all) hold; None where that is too much, or not told apart (_lines_of)."""
        names: Sequence[Graph] = (
            graphs if graphs is not None else [ox.DefaultGraph(), *map(ox.NamedNode, self._graph.graphs())]
        )
        if self._graph.size(names, MOST_QUADS + 1) > MOST_QUADS:
            return None
        return _lines_of(self._graph.quads(names))

    def _keep(self, what: str, graphs: Sequence[Graph] | None, delta: Delta | None, made: Sequence[str]) -> None:
        asker, known = ASKER.get(), delta or Delta()
        named = graphs if graphs is not None else _graphs_of(known)
        headers = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "who": asker.name if asker else "the server",
            "what": what,
            "graphs": [graph.value if isinstance(graph, ox.NamedNode) else None for graph in named],
            "made": list(made),
            "added": len(known.added) if delta else None,
            "removed": len(known.removed) if delta else None,
        }
        with self._lock:
            make_directory(self._folder)
            numbers = sorted(self._numbers())
            write_atomically(self._path(numbers[-1] + 1 if numbers else 1), gzip.compress(_patch(headers, known)))
            for old in numbers[: max(len(numbers) + 1 - MOST_KEPT, 0)]:
                self._path(old).unlink(missing_ok=True)

    def _numbers(self) -> list[int]:
        found = self._folder.glob(f"*{_ENDING}") if self._folder.is_dir() else ()
        return [int(path.name.removesuffix(_ENDING)) for path in found if path.name.removesuffix(_ENDING).isdecimal()]

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:08d}{_ENDING}"

    def _read(self, number: int) -> bytes:
        try:
            return gzip.decompress(self._path(number).read_bytes())
        except FileNotFoundError:
            raise Problem(
                404, "no-such-change", f"there is no change {number}", hint="GET /changes lists them"
            ) from None

    def _header(self, number: int) -> tuple[Change, list[str]]:
        try:
            with gzip.open(self._path(number), "rt", encoding="utf-8") as file:
                head = dict(_heads(file))
        except FileNotFoundError:
            raise Problem(
                404, "no-such-change", f"there is no change {number}", hint="GET /changes lists them"
            ) from None
        made = head.pop("made")
        return Change(number, **{**head, "graphs": tuple(head["graphs"])}), made


class Recorded:
    """A graph whose writes are recorded as what they are for. See GraphStore."""

    def __init__(self, graph: GraphStore, changes: Changes, what: str) -> None:
        self._graph = graph
        self._changes = changes
        self._what = what
        self.staged = graph.staged
        self.has_graph = graph.has_graph
        self.is_empty = graph.is_empty

    def add(self, staged: Staged) -> None:
        """Add quads."""
        named = [graph for graph in staged.graphs if not isinstance(graph, ox.BlankNode)]
        graphs = named if len(named) == len(staged.graphs) else None
        write = partial(self._graph.add, staged)
        self._changes.recorded(self._what, graphs, partial(self._changes.adding, staged, graphs), write)

    def replace(self, quads: Staged, graphs: Sequence[Graph]) -> None:
        """Make graphs hold exactly what is staged."""
        write = partial(self._graph.replace, quads, graphs)
        self._changes.recorded(self._what, graphs, partial(self._changes.replacing, quads, graphs), write)

    def replace_all(self, quads: Staged) -> None:
        """Make the dataset hold exactly what is staged."""
        write = partial(self._graph.replace_all, quads)
        self._changes.recorded(self._what, None, partial(self._changes.replacing, quads, None), write)

    def remove(self, graph: Graph) -> None:
        """Drop a graph."""
        write = partial(self._graph.remove, graph)
        self._changes.recorded(self._what, [graph], partial(self._changes.replacing, None, [graph]), write)

    def clear(self) -> None:
        """Drop every graph."""
        self._changes.recorded(self._what, None, partial(self._changes.replacing, None, None), self._graph.clear)


def _staged(quads: Staged | None) -> list[ox.Quad]:
    if quads is None:
        return []
    few = quads.quads()
    return few if few is not None else list(ox.parse(path=str(quads.path()), format=ox.RdfFormat.N_QUADS))


def _lines_of(quads: Iterable[ox.Quad]) -> Lines | None:
    """Return quads as lines, the same whatever their blank nodes are labelled: those of a graph by what it says.

    None where that does not tell all blank nodes apart: made quads again, the lines would be another graph.
    """
    by_graph: defaultdict[object, list[ox.Quad]] = defaultdict(list)
    for quad in quads:
        by_graph[quad.graph_name].append(quad)
    found = frozenset(f"{line[:-1]}{_end(graph)}" for graph, group in by_graph.items() for line in lines(group))
    each = [_blank_nodes(group) for group in by_graph.values()]
    if not any(each):
        return found
    count = sum(map(len, each))  # one that is in two graphs counts twice, and so is not told apart
    return found if len(set().union(*each)) == count == len(_blank_nodes(_quads(found))) else None


def _blank_nodes(quads: Iterable[ox.Quad]) -> set[object]:
    """Return the blank nodes; statements about statements, which may have some within, count as such."""
    ends = (end for quad in quads for end in (quad.subject, quad.object))
    return {end for end in ends if isinstance(end, ox.BlankNode | ox.Triple)}


def _between(before: Lines | None, after: Lines | None) -> Delta | None:
    return None if before is None or after is None else Delta(after - before, before - after)


def _iri(graph: Graph) -> str:
    return graph.value if isinstance(graph, ox.NamedNode) else ""


def _end(graph: object) -> str:
    return "." if isinstance(graph, ox.DefaultGraph) else f"{graph} ."


def _quads(quads: Iterable[str]) -> list[ox.Quad]:
    return list(ox.parse("\n".join(quads), ox.RdfFormat.N_QUADS))


def _graphs_of(delta: Delta) -> list[Graph]:
    graphs = {quad.graph_name for quad in _quads(delta.added | delta.removed)}
    return sorted((graph for graph in graphs if not isinstance(graph, ox.BlankNode)), key=str)


def _unknown(number: int) -> Problem:
    return Problem(404, "no-such-change", f"there is no change {number}", hint="GET /changes lists them")


def _changed_since(number: int) -> Problem:
    detail = f"what change {number} did has been changed since, or is in a graph that is too large by now"
    return Problem(409, "changed-since", detail, hint="undo later changes of the same graphs first")


def _patch(headers: Mapping[str, object], delta: Delta) -> bytes:
    """Write an RDF Patch. The value of a header is JSON, in a literal."""
    heads = (f"H {name} {json.dumps(json.dumps(value))} ." for name, value in headers.items())
    body = (*(f"D {line}" for line in sorted(delta.removed)), *(f"A {line}" for line in sorted(delta.added)))
    return "\n".join((*heads, "TX .", *body, "TC .", "")).encode()


def _heads(patch: Iterable[str]) -> Iterator[tuple[str, Any]]:
    for line in patch:
        if not line.startswith("H "):
            return
        name, _, value = line[2:].rstrip().removesuffix(" .").partition(" ")
        yield name, json.loads(json.loads(value))


def _parts(patch: bytes) -> Delta:
    found = patch.decode().splitlines()
    added, removed = (frozenset(line[2:] for line in found if line.startswith(sign)) for sign in ("A ", "D "))
    return Delta(added, removed)
