"""Takes note of the quads that an update may touch, and tells in the end which of them have changed."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyoxigraph as ox

from storage.graph.recording.text import MOST, UNBOUND, Places
from storage.graph.sharing import Note

_UNBOUND = ox.NamedNode(UNBOUND)
_DEFAULT = ox.DefaultGraph()


@dataclass(frozen=True, slots=True)
class Change:
    """The quads that came and went, and the names of the graphs that did.

    Quads are N-Quads, a line each, with the labels that blank nodes have in the store. `graphs` are those of the
    quads; None is the default graph.
    """

    added: str = ""
    removed: str = ""
    made: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    graphs: tuple[str | None, ...] = ()

    @classmethod
    def of(
        cls, added: Collection[ox.Quad], removed: Collection[ox.Quad], made: Iterable[Any], dropped: Iterable[Any]
    ) -> Change:
        """Return the change of these quads and graphs."""
        found = {quad.graph_name for quads in (added, removed) for quad in quads}
        names = (None if isinstance(name, ox.DefaultGraph) else name.value for name in found)
        return cls(
            n_quads(added),
            n_quads(removed),
            tuple(sorted(graph.value for graph in made)),
            tuple(sorted(graph.value for graph in dropped)),
            tuple(sorted(names, key=lambda name: name or "")),
        )

    @classmethod
    def parse(cls, document: Sequence[Any]) -> Change:
        """Return the change that JSON has."""
        added, removed, *lists = document
        return cls(added, removed, *map(tuple, lists))

    def document(self) -> Sequence[Any]:
        """Return the change for JSON."""
        return self.added, self.removed, self.made, self.dropped, self.graphs

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.made or self.dropped)


class Recorder:
    """Is told of quads while an update runs: what is asked of the store then is as it was before.

    So is a `note`, before they are added.
    """

    def __init__(
        self,
        store: ox.Store,
        templates: Sequence[Sequence[Places]] = (),
        most: int = MOST,
        note: Note | None = None,
    ) -> None:
        self._store = store
        self._note = note
        self._templates = templates
        self._most = most
        self._before: dict[ox.Quad, bool] = {}
        self._graphs: dict[Any, bool] = {}
        self._lost = False

    def tell(self, number: ox.Literal, *terms: Any) -> ox.Literal:  # noqa: ANN401 - any terms
        """Take note of what a template makes of these terms; the function that the engine calls."""
        try:
            if not self._lost:
                self._see_made(self._templates[int(number.value)], terms)
        except OSError:  # the engine would pass over it, and commit what is not noted
            os._exit(1)
        except Exception:  # as above, which is no harm
            self._lose()
        return number

    def _see_made(self, template: Sequence[Places], terms: Sequence[Any]) -> None:
        """Take note of the quads of a template; for want of a value, or by its kind, the engine leaves some out."""
        made = []
        lacking = {i for i, term in enumerate(terms) if term == _UNBOUND} if _UNBOUND in terms else None
        for places in template:
            s, p, o, g = places
            try:
                quad = ox.Quad(terms[s], terms[p], terms[o], _DEFAULT if g is None else terms[g])
            except TypeError:
                continue
            if lacking is None or lacking.isdisjoint(places):
                made.append(quad)
        self.see(made)

    def see(self, quads: Iterable[ox.Quad]) -> None:
        """Take note of quads, before they are touched."""
        before, store, new = self._before, self._store, list[ox.Quad]()
        for quad in quads:
            if quad not in before:
                before[quad] = quad in store
                if not before[quad]:
                    new.append(quad)
                if quad.graph_name not in self._graphs:
                    self.see_graph(quad.graph_name)
        if self._note is not None:
            self._note.see(new)
        if len(before) > self._most:
            self._lose()

    def see_there(self, quads: Iterable[ox.Quad]) -> None:
        """Take note of quads that are there, before any is touched."""
        for quad in quads:
            self._before[quad] = True
            if quad.graph_name != _DEFAULT:
                self._graphs[quad.graph_name] = True
        if len(self._before) > self._most:
            self._lose()

    def _lose(self) -> None:
        self._lost = True
        if self._note is not None:
            self._note.lose()

    def see_graph(self, graph: Any) -> None:  # noqa: ANN401 - a graph's name
        """Take note of whether there is this graph, before it is made or dropped."""
        if graph not in self._graphs and graph != _DEFAULT:
            self._graphs[graph] = self._store.contains_named_graph(graph)

    def known_graph(self, graph: ox.NamedNode | ox.BlankNode, *, was: bool) -> None:
        """Take note of what is known to have been before."""
        self._graphs.setdefault(graph, was)

    def change(self) -> Change | None:
        """Return what has changed, once the update has run; None where that is not known."""
        if self._lost:
            return None
        after = [(quad, was, quad in self._store) for quad, was in self._before.items()]
        graphs = [(graph, was, self._store.contains_named_graph(graph)) for graph, was in self._graphs.items()]
        return Change.of(
            [quad for quad, was, is_ in after if is_ and not was],
            [quad for quad, was, is_ in after if was and not is_],
            [graph for graph, was, is_ in graphs if is_ and not was],
            [graph for graph, was, is_ in graphs if was and not is_],
        )


def n_quads(quads: Iterable[ox.Quad]) -> str:
    """Return quads as N-Quads."""
    return (ox.serialize(quads, format=ox.RdfFormat.N_QUADS) or b"").decode()
