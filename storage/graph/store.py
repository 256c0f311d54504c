"""The graph: an RDF dataset in an embedded Oxigraph store, with one writer.

Every write method is durable when it returns, and visible to every query that arrives after that. The engine
acknowledges a commit before it is on disk, so each one is followed by an fdatasync of the write-ahead log.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyoxigraph as ox

from storage.errors import Closed, QueryEvaluationError, QuerySyntaxError
from storage.files import DataDirectory, empty_directory, sync_directory
from storage.graph.guard import refuse_outbound

Graph = ox.NamedNode | ox.DefaultGraph
_EPOCH = 1 << 32
_PLACE = re.compile(r"error at (\d+):(\d+): ")
_LONGEST = 240


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A checkpoint of the store; `generation` is what it holds at least."""

    generation: int
    path: Path


class GraphStore:
    """Opens the graph of a data directory for writing; its readers work on snapshots."""

    def __init__(self, directory: DataDirectory) -> None:
        self._path = directory.graph
        self._snapshots = directory.snapshots
        self._write = threading.RLock()
        self._leases = threading.Lock()
        self._leased: dict[int, int] = {}
        self._newest: Snapshot | None = None
        empty_directory(self._snapshots)
        self._store: ox.Store | None = ox.Store(str(self._path))
        self._generation = directory.epoch * _EPOCH
        self._sync()
        sync_directory(self._path)
        sync_directory(self._path.parent)

    @property
    def _open(self) -> ox.Store:
        if self._store is None:
            raise Closed("the graph is closed")
        return self._store

    @property
    def generation(self) -> int:
        """A number that every commit raises, and that no two runs share."""
        return self._generation

    def update(self, text: str, *, base_iri: str | None = None) -> None:
        """Run a SPARQL 1.1 Update, as one transaction. Durable and visible when it returns.

        Raises QuerySyntaxError, QueryRefused (LOAD, SERVICE) or QueryEvaluationError, with nothing changed.
        """
        refuse_outbound(text)
        with self._commit():
            try:
                self._open.update(text, base_iri=base_iri)
            except SyntaxError as error:
                raise syntax_error(error.msg, error.lineno, error.offset) from None
            except RuntimeError as error:
                raise QueryEvaluationError(str(error)) from None

    def replace(self, quads: Iterable[ox.Quad], graphs: Sequence[Graph]) -> None:
        """Make `graphs` hold exactly those of `quads` that are theirs, all in one transaction.

        `quads` may only name graphs in `graphs`; one that gets none is there all the same. Durable and visible when
        it returns; if `quads` raises, nothing is changed.
        """
        staged = list(quads)
        with self._commit():
            old = [graph for graph in graphs if self._holds(graph)]
            empty = set(graphs) - {quad.graph_name for quad in staged} - {ox.DefaultGraph()}
            if old or empty:  # only the text of an update can do all of it in one transaction
                creates = (f"CREATE SILENT {_name(graph)}" for graph in empty)
                self._open.update(" ;\n".join([*map(_delete, old), *creates, _insert_data(staged)]))
            else:
                self._open.extend(staged)

    def replace_all(self, quads: Iterable[ox.Quad]) -> None:
        """Make the dataset hold exactly `quads`, in one transaction. Durable and visible when it returns."""
        staged = list(quads)
        with self._commit():
            self._open.update(f"DROP ALL ;\n{_insert_data(staged)}")

    def add(self, quads: Iterable[ox.Quad]) -> None:
        """Add quads, in one transaction. Durable and visible when it returns."""
        staged = list(quads)
        with self._commit():
            self._open.extend(staged)

    def remove(self, graph: Graph) -> bool:
        """Drop a graph. Durable and visible when it returns; False where there was none."""
        if not self.has_graph(graph):
            return False
        with self._commit():
            self._open.update(f"DROP SILENT {_name(graph)}")
        return True

    def clear(self) -> None:
        """Drop every graph. Durable and visible when it returns."""
        with self._commit():
            self._open.update("DROP ALL")

    def has_graph(self, graph: Graph) -> bool:
        """Tell whether a graph exists; the default graph always does."""
        return isinstance(graph, ox.DefaultGraph) or self._open.contains_named_graph(graph)

    def _holds(self, graph: Graph) -> bool:
        if isinstance(graph, ox.NamedNode):
            return self._open.contains_named_graph(graph)
        return next(self._open.quads_for_pattern(None, None, None, graph), None) is not None

    def graphs(self) -> list[str]:
        """Return the IRIs of the named graphs, sorted."""
        return sorted(graph.value for graph in self._open.named_graphs() if isinstance(graph, ox.NamedNode))

    def __len__(self) -> int:
        return len(self._open)

    @contextlib.contextmanager
    def _commit(self) -> Iterator[None]:
        with self._write:
            yield
            self._sync()
            self._generation += 1

    def _sync(self) -> None:
        """Flush every log to disk: the engine switches logs, so the newest alone is not enough."""
        for log in self._path.glob("*.log"):
            with contextlib.suppress(FileNotFoundError):
                fd = os.open(log, os.O_RDONLY)
                try:
                    os.fdatasync(fd)
                finally:
                    os.close(fd)

    def take(self) -> Snapshot:
        """Lend a snapshot of the current generation or newer; it stays on disk until `give_back`."""
        wanted = self._generation
        with self._leases:
            if self._newest is None or self._newest.generation < wanted:
                self._newest = self._checkpoint()
                self._collect()
            self._leased[self._newest.generation] = self._leased.get(self._newest.generation, 0) + 1
            return self._newest

    def give_back(self, snapshot: Snapshot) -> None:
        """End a lease; the snapshot is deleted once nobody holds it and a newer one exists."""
        with self._leases:
            self._leased[snapshot.generation] -= 1
            self._collect()

    def _checkpoint(self) -> Snapshot:
        generation = self._generation  # read first: a commit that ends meanwhile may be in, and does no harm
        path = self._snapshots / str(generation)
        shutil.rmtree(path, ignore_errors=True)
        self._open.backup(str(path))
        return Snapshot(generation, path)

    def _collect(self) -> None:
        newest = self._newest.generation if self._newest else -1
        for generation, leases in list(self._leased.items()):
            if leases == 0 and generation != newest:
                del self._leased[generation]
                shutil.rmtree(self._snapshots / str(generation), ignore_errors=True)

    def backup(self, target: Path) -> None:
        """Write a checkpoint of the current generation to `target`, which must not exist."""
        with self._write:
            self._open.backup(str(target))

    def close(self) -> None:
        """Flush and let go of the store. Closing twice is fine."""
        with self._write:
            if self._store is not None:
                self._store.flush()
                self._store = None


def syntax_error(message: str, line: int | None, column: int | None) -> QuerySyntaxError:
    """Return the engine's syntax error, with the place that some of its messages hold, and without its grammar.

    What it expected can be a page of token classes; the first line of it is what a person can use.
    """
    if place := _PLACE.match(message):
        line, column = line or int(place[1]), column or int(place[2])
        message = message[place.end() :]
    brief = message.partition("\n")[0]
    short = brief if len(brief) <= _LONGEST else brief[:_LONGEST].rpartition(",")[0] + ", …"
    where = f"line {line}, column {column}: " if line else ""
    return QuerySyntaxError(where + short, line, column)


def _name(graph: Graph) -> str:
    return "DEFAULT" if isinstance(graph, ox.DefaultGraph) else f"GRAPH {graph}"


def _delete(graph: Graph) -> str:
    """Return the operations that empty and then drop a graph; dropping a full one is slower by far."""
    triples = "?s ?p ?o" if isinstance(graph, ox.DefaultGraph) else f"{_name(graph)} {{ ?s ?p ?o }}"
    return f"DELETE WHERE {{ {triples} }} ;\nDROP SILENT {_name(graph)}"


def _insert_data(quads: list[ox.Quad]) -> str:
    """Return one operation for all graphs: a blank node that two of them share stays one."""
    by_graph: dict[Graph, list[str]] = {}
    for quad in quads:
        if isinstance(quad.graph_name, ox.BlankNode):
            raise QueryEvaluationError("a graph cannot be named by a blank node")
        by_graph.setdefault(quad.graph_name, []).append(f"{quad.triple} .")
    return "INSERT DATA {\n" + "\n".join(map(_block, by_graph, by_graph.values())) + "\n}"


def _block(graph: Graph, triples: list[str]) -> str:
    body = "\n".join(triples)
    return body if isinstance(graph, ox.DefaultGraph) else f"{_name(graph)} {{ {body} }}"
