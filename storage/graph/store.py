"""The graph: an RDF dataset in an embedded Oxigraph store, with one writer.

Every write method is durable when it returns, and visible to every query that arrives after that. One that raises has
changed nothing, but for DiskFailed and WriterCrashed, with which that may not be known. Small changes are
transactions of the engine, which acknowledges a commit before it is on disk: so each is followed by an fdatasync of
the write-ahead log, which all share that wait for one. Large changes are made on a copy that then takes the store's
place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

import pyoxigraph as ox

from storage.children import Children
from storage.errors import DiskFailed
from storage.files import DataDirectory, make_directory, sync_directory
from storage.graph.contents import MOST_IN_TRANSACTION, Contents, Quads
from storage.graph.counting import iris
from storage.graph.deadline import Deadline
from storage.graph.engine import Engine
from storage.graph.groups import Begun, Groups, Outcomes, ToldOfAll, Updates
from storage.graph.guard import refuse_outbound
from storage.graph.pen import Pen
from storage.graph.rebuilding import Rebuilding
from storage.graph.recording.recorder import Change, n_quads
from storage.graph.replacing import Graph
from storage.graph.settling import Settling
from storage.graph.snapshots import Snapshot, Snapshots
from storage.graph.staging import Staged
from storage.graph.sync import Logs
from storage.graph.syntax import syntax_error

__all__ = ["MOST_IN_TRANSACTION", "Begun", "Change", "Graph", "GraphStore", "Snapshot", "syntax_error"]

Told = Callable[[Change | None], None]
_EPOCH = 1 << 32


class GraphStore:
    """Opens the graph of a data directory for writing; its readers work on snapshots. Thread-safe."""

    def __init__(self, directory: DataDirectory, *, memory: int = 2 << 30) -> None:
        """The process that writes may use `memory` bytes. Raises Corrupt where the graph cannot be opened."""
        self.children = Children()
        """What reads documents for it, or makes copies of it: once they are stopped, large changes are refused."""
        rebuilding = Rebuilding(directory.graph, directory.loading, directory.lock, self.children)
        rebuilding.recover()
        make_directory(directory.graph)
        logs = self._logs = Logs(directory.graph)
        engine = self._engine = Engine(directory.graph, logs, memory, directory.lock)
        pen = self._pen = Pen(directory.epoch * _EPOCH, logs.sync)
        self._groups = Groups(engine, pen)
        self._contents = Contents(engine, pen, rebuilding, logs, directory.loading, self.children)
        self._settling = Settling(lambda: bool(engine.ask("settled")), pen.renew)
        self._snapshots = Snapshots(
            directory.snapshots,
            logs,
            pen,
            engine.checkpoint,
            self._settle_what_can_be,
            self._settling.soon,
        )
        pen.sync()
        sync_directory(directory.graph)

    def _settle_what_can_be(self) -> None:
        with contextlib.suppress(DiskFailed):  # which is told to those who write
            self._pen.sync()

    @property
    def generation(self) -> int:
        """A number that every commit raises, and that no two runs share."""
        return self._pen.generation

    def watch(self, call: Callable[[], None]) -> None:
        """Have something called, which must not block, whenever there is a new generation."""
        self._pen.watch(call)

    # Writing

    def update(
        self,
        text: str,
        *,
        base_iri: str | None = None,
        seconds: float | None = None,
        gateways: Collection[str] = (),
        union: bool = False,
        told: Told | None = None,
    ) -> int:
        """Run a SPARQL 1.1 Update, as one transaction; returns the generation that has it.

        It may lead to the IRIs of `gateways` alone. With `union` its WHERE reads the union of all graphs as the
        default graph; it then is the only operation. `told` gets what it changes, in the order of commits: before
        that is durable, and before others write; None where that is too much.

        Raises QuerySyntaxError, QueryRefused (LOAD, SERVICE), QueryEvaluationError, MemoryLimitExceeded;
        DeadlineExceeded after so many `seconds`, or Overloaded where other writes took all of them.
        """
        refuse_outbound(text, gateways)
        deadline = _deadline(seconds)
        with self._pen.held(deadline):
            request = {"update": text, "base": base_iri, "union": union, "record": told is not None}
            commit = self._told(told, self._engine.write(deadline, **request))
        return self._pen.settle(commit)

    def apply(self, change: Change, told: Told) -> int:
        """Remove and add quads, and make graphs, as one transaction; returns the generation that has it.

        Blank nodes have the labels that they have in the store. A graph of `dropped` goes if it then is empty.
        `told` gets what that changes, as it does of an update.
        """
        with self._pen.held():
            commit = self._told(told, self._engine.write(apply=change.document()))
        return self._pen.settle(commit)

    def _told(self, told: Told | None, change: Change | None) -> int:
        commit = self._pen.next()
        if told is not None:
            told(change)
        return commit

    def update_all(
        self, updates: Updates, *, seconds: float | None = None, told: ToldOfAll | None = None
    ) -> Outcomes:
        """Run updates of data alone (see `inserted`), texts with their base IRIs, each as a transaction of its own.

        Returns for each the generation that has it, or its error. All share a message to the writer and a sync, and
        the `seconds` in which they are to begin. `told` gets what `update` tells, by the place of each that has run.
        Raises QueryRefused, Overloaded or Closed with nothing changed.
        """
        return self._groups.run(updates, _deadline(seconds), told)

    def begin_updates(self, updates: Updates, told: ToldOfAll | None = None) -> Begun | None:
        """Begin what `update_all` does, without waiting for anything; None where it would have to wait.

        Who gets something calls its `end`, in the same thread, before it begins more.
        """
        return self._groups.begin(updates, told)

    def staged(self) -> Staged:
        """Return an empty collection for quads to be written; close it in the end."""
        return self._contents.staged()

    def replace(self, quads: Quads, graphs: Sequence[Graph]) -> int:
        """Make `graphs` hold exactly those of `quads` that are theirs; returns the generation that has it.

        `quads` may only name graphs in `graphs`; one that gets none is there all the same. If `quads` raises, nothing
        is changed.
        """
        return self._contents.replace(quads, graphs)

    def replace_all(self, quads: Quads) -> int:
        """Make the dataset hold exactly `quads`; returns the generation that has it."""
        return self._contents.replace_all(quads)

    def add(self, quads: Quads) -> int:
        """Add quads; returns the generation that has them."""
        return self._contents.add(quads)

    def remove(self, graph: Graph) -> bool:
        """Drop a graph; False where there was none."""
        if not self.has_graph(graph):
            return False
        self._contents.remove(graph)
        return True

    def clear(self) -> None:
        """Drop every graph."""
        self.replace_all(())

    def holding(self, seconds: float | None = None) -> contextlib.AbstractContextManager[None]:
        """Let nobody else write until the block ends: what is read in it is what is changed in it.

        Raises Overloaded where other writes take all of so many `seconds`.
        """
        return self._pen.held(_deadline(seconds))

    # Reading

    def has_graph(self, graph: Graph) -> bool:
        """Tell whether a graph exists; the default graph always does."""
        return isinstance(graph, ox.DefaultGraph) or self._engine.has_graph(graph.value)

    def graphs(self) -> list[str]:
        """Return the IRIs of the named graphs, sorted."""
        return self._engine.graphs()

    def __len__(self) -> int:
        return self._engine.count()

    def is_empty(self) -> bool:
        """Tell whether there is neither a quad nor a named graph."""
        return self._engine.is_empty()

    def size(self, graphs: Sequence[Graph] | None, most: int) -> int:
        """Return how many quads these graphs (None: all) hold; counts up to `most` only."""
        return self._engine.size(iris(graphs), most)

    def quads(self, graphs: Sequence[Graph]) -> list[ox.Quad]:
        """Return the quads of these graphs as of now. All are in memory, so ask `size` first."""
        return _parsed(self._engine.ask("quads", graphs=iris(graphs)))

    def lacking(self, quads: Iterable[ox.Quad]) -> list[ox.Quad]:
        """Return those of the quads that are not there; blank nodes are told by their labels in the store."""
        return _parsed(self._engine.ask("lacking", quads=n_quads(quads)))

    def take(self) -> Snapshot:
        """Lend a snapshot of the current generation or newer; it stays on disk until `give_back`."""
        return self._snapshots.take()

    def give_back(self, snapshot: Snapshot) -> None:
        """End a lease; the snapshot is deleted once nobody holds it and a newer one exists."""
        self._snapshots.give_back(snapshot)

    def backup(self, target: Path) -> None:
        """Write a checkpoint of the current generation to `target`, which must not exist."""
        self._engine.checkpoint(target)

    def close(self) -> None:
        """Flush and let go of the store; a write that does not end now is given up. Closing twice is fine."""
        self._settling.close()
        with self._pen.closing(self._hasten):
            self._engine.close()
            self._logs.close()

    def _hasten(self) -> None:
        self.children.stop()
        self._engine.hasten()


def _deadline(seconds: float | None) -> Deadline | None:
    return None if seconds is None else Deadline.after(seconds)


def _parsed(n_quads: str) -> list[ox.Quad]:
    return list(ox.parse(n_quads, ox.RdfFormat.N_QUADS))
