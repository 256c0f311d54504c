"""Makes a change of which each quad is known, in one transaction: blank nodes keep the labels that they have.

No text of an update can name a blank node of the store. A function can return one: so the text just counts, and
functions return what the quads of these numbers are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import pyoxigraph as ox

from storage.graph.recording.recorder import Change, Recorder

_PARTS = ("subject", "predicate", "object", "graph_name")
_PLACE = "urn:twinhouse:part:"
Functions = dict[ox.NamedNode, Callable[..., Any]]


def apply(store: ox.Store, wanted: Change) -> Change | None:
    """Remove and add quads, make graphs, and drop those of `dropped` that then are empty; returns what it changed."""
    removed, added = _quads(wanted.removed), _quads(wanted.added)
    recorder = Recorder(store, most=len(removed) + len(added))
    recorder.see([*removed, *added])
    made, dropped = [ox.NamedNode(iri) for iri in wanted.made], _emptied(store, wanted.dropped, removed, added)
    for graph in (*made, *dropped):
        recorder.see_graph(graph)
    operations = [
        *_each("DELETE", "removed", removed),
        *(f"DROP SILENT GRAPH {graph}" for graph in dropped),
        *(f"CREATE SILENT GRAPH {graph}" for graph in made),
        *_each("INSERT", "added", added),
    ]
    functions = {**_functions("removed", removed), **_functions("added", added)}
    store.update(" ;\n".join(operations), custom_functions=functions)
    return recorder.change()


def _quads(text: str) -> list[ox.Quad]:
    return list(ox.parse(text, ox.RdfFormat.N_QUADS))


def _emptied(
    store: ox.Store, graphs: Sequence[str], removed: Sequence[ox.Quad], added: Sequence[ox.Quad]
) -> list[ox.NamedNode]:
    """Return those of the graphs that have no other quads than those that are removed."""
    gone, kept = set(removed), {quad.graph_name for quad in added}
    names = [ox.NamedNode(iri) for iri in graphs]
    return [
        name
        for name in names
        if name not in kept and all(quad in gone for quad in store.quads_for_pattern(None, None, None, name))
    ]


def _each(verb: str, name: str, quads: Sequence[ox.Quad]) -> list[str]:
    """Return an operation for the quads of the default graph, and one for those of named ones."""
    default = [i for i, quad in enumerate(quads) if isinstance(quad.graph_name, ox.DefaultGraph)]
    named = [i for i, quad in enumerate(quads) if not isinstance(quad.graph_name, ox.DefaultGraph)]
    bound = [f"BIND(<{_PLACE}{name}:{part}>(?i) AS ?{part})" for part in _PARTS]
    triple = "?subject ?predicate ?object"
    return [
        f"{verb} {{ {template} }} WHERE {{ VALUES ?i {{ {' '.join(map(str, numbers))} }} {' '.join(parts)} }}"
        for numbers, template, parts in (
            (default, triple, bound[:-1]),
            (named, f"GRAPH ?graph_name {{ {triple} }}", bound),
        )
        if numbers
    ]


def _functions(name: str, quads: Sequence[ox.Quad]) -> Functions:
    def function(part: str) -> Callable[[ox.Literal], Any]:
        of = attrgetter(part)
        return lambda number: of(quads[int(number.value)])

    return {ox.NamedNode(f"{_PLACE}{name}:{part}"): function(part) for part in _PARTS}
