"""The graph: an RDF dataset in an embedded Oxigraph store, with one writer.

Every write method is durable when it returns, and visible to every query that arrives after that. One that raises has
changed nothing, but for DiskFailed and WriterCrashed, with which that may not be known. Small changes are
transactions of the engine, which acknowledges a commit before it is on disk: so each is followed by an fdatasync of
the write-ahead log, which all share that wait for one. Large changes are made on a copy that then takes the store's
place.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from storage.errors import Closed, DiskFailed, Overloaded, QueryEvaluationError, StorageError, WriterCrashed
from storage.files import DataDirectory, make_directory, sync_directory
from storage.graph.channel import Channel, NotSynced
from storage.graph.engine import Deadline, Engine
from storage.graph.guard import refuse_outbound
from storage.graph.rebuilding import Rebuilding
from storage.graph.recording.recorder import Change
from storage.graph.replacing import Graph, name, replacing, replacing_all
from storage.graph.settling import Settling
from storage.graph.snapshots import Snapshot, Snapshots
from storage.graph.staging import Staged
from storage.graph.sync import GroupSync, Logs
from storage.graph.syntax import syntax_error

__all__ = ["Change", "Graph", "GraphStore", "Snapshot", "syntax_error"]

Quads = Iterable[ox.Quad] | Staged
Told = Callable[[Change | None], None]
ToldOfEach = Callable[[int, Change | None], None]
MOST_IN_TRANSACTION = 20_000  # quads; from there on a copy takes less time, and less memory
_EPOCH = 1 << 32
_PATIENCE = 2.0  # seconds that a write has to end in when the store is closed


class Begun:
    """Updates under way: when `fileno` becomes readable, `end` returns what became of them; see `update_all`."""

    def __init__(
        self, channel: Channel, end: Callable[[], list[int | StorageError]], give_up: Callable[[], None]
    ) -> None:
        """`give_up` ends the process that runs them, if that does not answer."""
        self.fileno = channel.fileno
        self.end = end
        self.give_up = give_up


class GraphStore:
    """Opens the graph of a data directory for writing; its readers work on snapshots. Thread-safe."""

    def __init__(self, directory: DataDirectory, *, memory: int = 2 << 30) -> None:
        """The process that writes may use `memory` bytes. Raises Corrupt where the graph cannot be opened."""
        self._loading = directory.loading
        self._rebuilding = Rebuilding(directory.graph, directory.loading, directory.lock)
        self._rebuilding.recover()
        make_directory(directory.graph)
        logs = self._logs = Logs(directory.graph)
        self._engine = Engine(directory.graph, logs, memory, directory.lock)
        self._pen = threading.RLock()  # who holds it writes
        self._raising = threading.Lock()
        self._waiting = 0  # threads that want the pen
        self._begun = False
        self._committed = self._generation = directory.epoch * _EPOCH
        self._syncing = GroupSync(logs.sync)
        self._settling = Settling(lambda: bool(self._engine.ask("settled")), self._renew)
        self._snapshots = Snapshots(
            directory.snapshots,
            logs,
            lambda: self._generation,
            self._engine.checkpoint,
            self._settle_what_can_be,
            self._settling.soon,
        )
        self._closed = False
        self._watching = list[Callable[[], None]]()
        self._syncing.wait()
        sync_directory(directory.graph)

    @property
    def generation(self) -> int:
        """A number that every commit raises, and that no two runs share."""
        return self._generation

    def watch(self, call: Callable[[], None]) -> None:
        """Have something called, which must not block, whenever there is a new generation."""
        self._watching.append(call)

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
        deadline = None if seconds is None else Deadline.after(seconds)
        with self._writing(deadline):
            request = {"update": text, "base": base_iri, "union": union, "record": told is not None}
            commit = self._told(told, self._engine.write(deadline, **request))
        return self._settle(commit)

    def apply(self, change: Change, told: Told) -> int:
        """Remove and add quads, and make graphs, as one transaction; returns the generation that has it.

        Blank nodes have the labels that they have in the store. A graph of `dropped` goes if it then is empty.
        `told` gets what that changes, as it does of an update.
        """
        with self._writing():
            commit = self._told(told, self._engine.write(apply=asdict(change)))
        return self._settle(commit)

    def update_all(
        self,
        updates: Sequence[tuple[str, str | None]],
        *,
        seconds: float | None = None,
        told: ToldOfEach | None = None,
    ) -> list[int | StorageError]:
        """Run updates of data alone (see `inserted`), texts with their base IRIs, each as a transaction of its own.

        Returns for each the generation that has it, or its error. All share a message to the writer and a sync, and
        the `seconds` in which they are to begin. `told` gets the place of each that has run, and what `update` tells.
        Raises QueryRefused, Overloaded or Closed with nothing changed.
        """
        for text, _ in updates:
            refuse_outbound(text)
        with self._writing(None if seconds is None else Deadline.after(seconds)), self._noting_failure():
            return self._committed_of(self._engine.update_all(updates, record=told is not None), told)

    def begin_updates(
        self, updates: Sequence[tuple[str, str | None]], told: ToldOfEach | None = None
    ) -> Begun | None:
        """Begin what `update_all` does, without waiting for anything; None where it would have to wait.

        Who gets something calls its `end`, in the same thread, before it begins more.
        """
        for text, _ in updates:
            refuse_outbound(text)
        if self._waiting or self._begun or not self._pen.acquire(blocking=False):
            return None
        try:
            self._check()
            channel = self._engine.begin_updates(updates, record=told is not None)
        except BaseException:
            self._pen.release()
            raise
        if channel is None:
            self._pen.release()
            return None
        self._begun = True
        return Begun(channel, partial(self._end_updates, channel, told), partial(self._engine.end_writer, channel))

    def _end_updates(self, channel: Channel, told: ToldOfEach | None) -> list[int | StorageError]:
        self._begun = False
        with self._until_released(), self._noting_failure():
            return self._committed_of(self._engine.end_updates(channel), told)

    def _committed_of(self, found: list[Any], told: ToldOfEach | None) -> list[int | StorageError]:
        """Return the generations of a group's updates, which are visible from now on, or their errors."""
        outcomes = [
            each if isinstance(each, StorageError) else self._told(told and partial(told, place), each)
            for place, each in enumerate(found)
        ]
        if any(isinstance(each, DiskFailed) for each in found):
            self._next()  # one of them may be there all the same
        self._reach(self._committed)
        return outcomes

    @contextlib.contextmanager
    def _noting_failure(self) -> Iterator[None]:
        """Let all writes fail from now on if the writer could not sync."""
        try:
            yield
        except NotSynced as error:
            self._syncing.fail(OSError(str(error)))
            self._syncing.check()

    def staged(self) -> Staged:
        """Return an empty collection for quads to be written; close it in the end."""
        return Staged(self._loading, MOST_IN_TRANSACTION)

    def replace(self, quads: Quads, graphs: Sequence[Graph]) -> int:
        """Make `graphs` hold exactly those of `quads` that are theirs; returns the generation that has it.

        `quads` may only name graphs in `graphs`; one that gets none is there all the same. If `quads` raises, nothing
        is changed.
        """
        with self._held(quads) as staged:
            if any(isinstance(graph, ox.BlankNode) for graph in staged.graphs):
                raise QueryEvaluationError("a graph cannot be named by a blank node")
            with self._writing():
                few = self._few(staged, graphs)
                if few is not None:
                    commit = self._transact(update=replacing(graphs, few), base=None, adds=_n_quads(few))
                else:
                    commit = self._rebuild(staged, graphs)
            return self._settle(commit)

    def replace_all(self, quads: Quads) -> int:
        """Make the dataset hold exactly `quads`; returns the generation that has it."""
        with self._held(quads) as staged:
            plain = not any(isinstance(graph, ox.BlankNode) for graph in staged.graphs)  # else no update can do it
            with self._writing():
                few = self._few(staged, None) if plain else None
                if few is not None:
                    commit = self._transact(update=replacing_all(few), base=None, adds=_n_quads(few))
                else:
                    commit = self._rebuild(staged, None)
            return self._settle(commit)

    def add(self, quads: Quads) -> int:
        """Add quads; returns the generation that has them."""
        with self._held(quads) as staged, self._writing():
            few = staged.quads()
            if few is not None:
                commit = self._transact(quads=_n_quads(few))
            else:
                commit = self._rebuild(staged, None if self.is_empty() else ())
        return self._settle(commit)

    def remove(self, graph: Graph) -> bool:
        """Drop a graph; False where there was none."""
        if not self.has_graph(graph):
            return False
        with self.staged() as nothing, self._writing():
            if self._few(nothing, [graph]) is not None:
                commit = self._transact(update=f"DROP SILENT {name(graph)}", base=None, adds="")
            else:
                commit = self._rebuild(nothing, [graph], dropped=True)
            self._engine.write(forget=True)
        self._settle(commit)
        return True

    def clear(self) -> None:
        """Drop every graph."""
        self.replace_all(())

    @contextlib.contextmanager
    def holding(self, seconds: float | None = None) -> Iterator[None]:
        """Let nobody else write until the block ends: what is read in it is what is changed in it.

        Raises Overloaded where other writes take all of so many `seconds`.
        """
        with self._writing(None if seconds is None else Deadline.after(seconds)):
            yield

    @contextlib.contextmanager
    def _held(self, quads: Quads) -> Iterator[Staged]:
        """Lend all of the quads, staged."""
        if isinstance(quads, Staged):
            yield quads
            return
        with self.staged() as staged:
            staged.extend(quads)
            yield staged

    def _few(self, staged: Staged, graphs: Sequence[Graph] | None) -> list[ox.Quad] | None:
        """Return the quads if they and what they replace (None: everything) fit into a transaction, else None."""
        few = staged.quads()
        if few is None:
            return None
        left = MOST_IN_TRANSACTION - len(few)
        return few if self._engine.size(_iris(graphs), left + 1) <= left else None

    @contextlib.contextmanager
    def _writing(self, deadline: Deadline | None = None) -> Iterator[None]:
        """Hold the pen. Raises Overloaded where it is not to be had in time, Closed or DiskFailed."""
        with self._raising:
            self._waiting += 1
        try:
            if not self._pen.acquire(timeout=-1 if deadline is None else deadline.left) and deadline is not None:
                raise Overloaded(f"other writes to the graph took all of the {deadline.seconds:g} s")
        finally:
            with self._raising:
                self._waiting -= 1
        with self._until_released():
            self._check()
            yield

    def _check(self) -> None:
        if self._closed:
            raise Closed("the graph is closed")
        self._syncing.check()

    @contextlib.contextmanager
    def _until_released(self) -> Iterator[None]:
        """Release the pen after the block."""
        try:
            yield
        except (DiskFailed, WriterCrashed):
            self._reach(self._next())  # the change may be there all the same
            raise
        finally:
            self._pen.release()

    def _transact(self, deadline: Deadline | None = None, **request: Any) -> int:  # noqa: ANN401 - JSON
        self._engine.write(deadline, **request)
        return self._next()

    def _told(self, told: Told | None, changed: dict[str, Any] | None) -> int:
        commit = self._next()
        if told is not None:
            told(None if changed is None else Change.parse(changed))
        return commit

    def _rebuild(self, staged: Staged, graphs: Sequence[Graph] | None, *, dropped: bool = False) -> int:
        """Make the change on a copy, and let that take the store's place. Durable when it returns.

        It drops `graphs` (None: all), adds what is staged, and makes `graphs`, unless they are `dropped` for good.
        """
        drop = _iris(graphs)
        if drop is None and (whole := staged.store()) is not None:
            self._rebuilding.adopt(whole)
        else:
            self._rebuilding.fill(
                None if drop is None else self._engine.checkpoint,
                staged.path() if staged.count else None,
                drop or [],
                [] if dropped else [iri for iri in drop or [] if iri is not None],
                rebuild=bool(drop) and self._mostly(drop or []),
            )
            self._rebuilding.tell_changed(staged.graphs)
        with self._engine.paused(), self._failing(), self._logs.exchanging():
            self._rebuilding.exchange()
        return self._next()

    def _mostly(self, graphs: list[str | None]) -> bool:
        """Tell whether most of what there is is in these graphs."""
        total = len(self)
        return 2 * self._engine.size(graphs, total) > total

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        """Let all writes fail from now on if the disk does."""
        try:
            yield
        except OSError as error:
            self._syncing.fail(error)
            self._syncing.check()

    def _next(self) -> int:
        self._committed += 1
        return self._committed

    def _settle(self, commit: int) -> int:
        """Make a commit, and all before it, durable and visible."""
        self._syncing.wait()
        self._reach(commit)
        return commit

    def _renew(self) -> None:
        """Let readers look anew at what the graphs share."""
        with self._writing():
            commit = self._next()
        self._reach(commit)

    def _settle_what_can_be(self) -> None:
        with contextlib.suppress(DiskFailed):  # which is told to those who write
            self._syncing.wait()

    def _reach(self, commit: int) -> None:
        with self._raising:
            self._generation = max(self._generation, commit)
        for call in self._watching:
            call()

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
        return not self._engine.size(None, 1) and not self._engine.graphs()

    def size(self, graphs: Sequence[Graph] | None, most: int) -> int:
        """Return how many quads these graphs (None: all) hold; counts up to `most` only."""
        return self._engine.size(_iris(graphs), most)

    def quads(self, graphs: Sequence[Graph]) -> list[ox.Quad]:
        """Return the quads of these graphs as of now. All are in memory, so ask `size` first."""
        return _parsed(self._engine.ask("quads", graphs=_iris(graphs)))

    def lacking(self, quads: Iterable[ox.Quad]) -> list[ox.Quad]:
        """Return those of the quads that are not there; blank nodes are told by their labels in the store."""
        return _parsed(self._engine.ask("lacking", quads=_n_quads(quads)))

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
        self._closed = True
        self._settling.close()
        if not self._pen.acquire(timeout=_PATIENCE):
            self._rebuilding.close()
            self._engine.hasten()
            self._pen.acquire()
        try:
            self._engine.close()
            self._logs.close()
        finally:
            self._pen.release()


def _n_quads(quads: Iterable[ox.Quad]) -> str:
    return (ox.serialize(quads, format=ox.RdfFormat.N_QUADS) or b"").decode()


def _parsed(n_quads: str) -> list[ox.Quad]:
    return list(ox.parse(n_quads, ox.RdfFormat.N_QUADS))


def _iris(graphs: Sequence[Graph] | None) -> list[str | None] | None:
    """Return the graphs as the processes name them."""
    return None if graphs is None else [graph.value if isinstance(graph, ox.NamedNode) else None for graph in graphs]
