"""What graphs hold, given as quads: few are a transaction of the engine, many a copy that takes the store's place."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from storage.children import Children
from storage.errors import DeadlineExceeded, QueryEvaluationError
from storage.graph.counting import iris
from storage.graph.deadline import Deadline
from storage.graph.engine import Engine
from storage.graph.pen import Pen
from storage.graph.rebuilding import Rebuilding
from storage.graph.recording.recorder import n_quads
from storage.graph.replacing import Graph, name, replacing, replacing_all
from storage.graph.staging import Staged
from storage.graph.sync import Logs

Quads = Iterable[ox.Quad] | Staged
MOST_IN_TRANSACTION = 20_000  # quads; from there on a copy takes less time, and less memory
FORGETTING_SECONDS = 1.0
"""In which what graphs no longer share is found when one is dropped: other writes wait for that."""


class Contents:
    """Changes what graphs hold; see GraphStore, whose methods these are."""

    def __init__(
        self, engine: Engine, pen: Pen, rebuilding: Rebuilding, logs: Logs, folder: Path, children: Children
    ) -> None:
        """Quads that are many wait in files in the folder, which `children` may fill."""
        self._engine = engine
        self._pen = pen
        self._rebuilding = rebuilding
        self._logs = logs
        self._folder = folder
        self._children = children

    def staged(self) -> Staged:
        """Return an empty collection for quads to be written."""
        return Staged(self._folder, MOST_IN_TRANSACTION, self._children)

    def replace(self, quads: Quads, graphs: Sequence[Graph]) -> int:
        """Make `graphs` hold exactly those of `quads` that are theirs."""
        with self._held(quads) as staged:
            if _names_by_blank_node(staged):
                raise QueryEvaluationError("a graph cannot be named by a blank node")
            with self._pen.held():
                few = self._few(staged, graphs)
                if few is not None:
                    commit = self._transact(update=replacing(graphs, few), base=None, adds=n_quads(few))
                else:
                    commit = self._rebuild(staged, graphs)
            return self._pen.settle(commit)

    def replace_all(self, quads: Quads) -> int:
        """Make the dataset hold exactly `quads`."""
        with self._held(quads) as staged:
            with self._pen.held():
                few = None if _names_by_blank_node(staged) else self._few(staged, None)  # no update can name those
                if few is not None:
                    commit = self._transact(update=replacing_all(few), base=None, adds=n_quads(few))
                else:
                    commit = self._rebuild(staged, None)
            return self._pen.settle(commit)

    def add(self, quads: Quads) -> int:
        """Add quads."""
        with self._held(quads) as staged, self._pen.held():
            few = staged.quads()
            if few is not None:
                commit = self._transact(quads=n_quads(few))
            else:
                commit = self._rebuild(staged, None if self._engine.is_empty() else ())
        return self._pen.settle(commit)

    def remove(self, graph: Graph) -> None:
        """Drop a graph."""
        with self.staged() as nothing, self._pen.held():
            if self._few(nothing, [graph]) is not None:
                commit = self._transact(update=f"DROP SILENT {name(graph)}", base=None, adds="")
            else:
                commit = self._rebuild(nothing, [graph], dropped=True)
            with contextlib.suppress(DeadlineExceeded):  # then what is no longer shared counts as shared on
                self._engine.write(Deadline.after(FORGETTING_SECONDS), forget=True)
        self._pen.settle(commit)

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
        return few if self._engine.size(iris(graphs), left + 1) <= left else None

    def _transact(self, **request: Any) -> int:  # noqa: ANN401 - JSON
        self._engine.write(**request)
        return self._pen.next()

    def _rebuild(self, staged: Staged, graphs: Sequence[Graph] | None, *, dropped: bool = False) -> int:
        """Make the change on a copy, and let that take the store's place. Durable when it returns.

        It drops `graphs` (None: all), adds what is staged, and makes `graphs`, unless they are `dropped` for good.
        """
        drop = iris(graphs)
        if drop is None and (whole := staged.store()) is not None:
            self._rebuilding.adopt(whole)
        else:
            self._rebuilding.fill(
                None if drop is None else self._engine.checkpoint,
                staged.path() if staged.count else None,
                _named(staged),
                drop or [],
                [] if dropped else [iri for iri in drop or [] if iri is not None],
                rebuild=bool(drop) and self._mostly(drop or []),
            )
        with self._engine.paused():
            self._exchange()
        return self._pen.next()

    def _mostly(self, graphs: list[str | None]) -> bool:
        """Tell whether most of what there is is in these graphs."""
        total = self._engine.count()
        return 2 * self._engine.size(graphs, total) > total

    def _exchange(self) -> None:
        """Put the copy in place, while nobody has the store open."""
        try:
            with self._logs.exchanging():
                self._rebuilding.exchange()
        except OSError as error:
            self._pen.fail(error)


def _named(staged: Staged) -> list[str | None] | None:
    """Return the graphs of what is staged as requests name them; None where one is named by a blank node."""
    graphs = [graph for graph in staged.graphs if not isinstance(graph, ox.BlankNode)]
    return iris(graphs) if len(graphs) == len(staged.graphs) else None


def _names_by_blank_node(staged: Staged) -> bool:
    return any(isinstance(graph, ox.BlankNode) for graph in staged.graphs)
