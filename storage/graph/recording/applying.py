"""Makes a change of which each quad is known, in one transaction: blank nodes keep the labels that they have.

No text of an update can name a blank node of the store. A function can return one: so for quads that have some the
text just counts, and functions return what the quads of these numbers are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

import pyoxigraph as ox

from storage.graph.recording.recorder import Change, Recorder
from storage.graph.replacing import inserting
from storage.graph.sharing import Note

_PARTS = ("subject", "predicate", "object", "graph_name")
_PLACE = "urn:twinhouse:part:"
Functions = dict[ox.NamedNode, Callable[..., Any]]


def apply(store: ox.Store, wanted: Change, note: Note | None = None) -> Change | None:
    """Remove and add quads, make graphs, and drop those of `dropped` that then are empty; returns what it changed.

    `note` is told before.
    """
    removed, added = _quads(wanted.removed), _quads(wanted.added)
    recorder = Recorder(store, most=len(removed) + len(added), note=note)
    recorder.see([*removed, *added])
    made, dropped = [ox.NamedNode(iri) for iri in wanted.made], _emptied(store, wanted.dropped, removed, added)
    for graph in (*made, *dropped):
        recorder.see_graph(graph)
    if not removed and not dropped and {quad.graph_name for quad in added}.issuperset(made):
        store.extend(added)
    else:
        make(store, [quad for quad in removed if quad.graph_name not in dropped], added, made, dropped)
    return recorder.change()


def make(
    store: ox.Store,
    removed: Sequence[ox.Quad],
    added: Sequence[ox.Quad],
    made: Iterable[ox.NamedNode],
    dropped: Sequence[ox.NamedNode] = (),
) -> None:
    """Remove quads, drop graphs that have no others, make graphs, and add quads, in one transaction."""
    deletes, functions = _each("DELETE", removed)
    inserts, more = _each("INSERT", added)
    drops = (f"DELETE WHERE {{ GRAPH {graph} {{ ?s ?p ?o }} }} ;\nDROP SILENT GRAPH {graph}" for graph in dropped)
    creates = (f"CREATE SILENT GRAPH {graph}" for graph in made)
    store.update(" ;\n".join([*deletes, *drops, *creates, *inserts]), custom_functions={**functions, **more})


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


def _each(verb: str, quads: Sequence[ox.Quad]) -> tuple[list[str], Functions]:
    """Return the operations for quads, and the functions that these need."""
    plain = [quad for quad in quads if not has_blank(quad)]
    others = [quad for quad in quads if has_blank(quad)]
    texts = [inserting(plain, verb)] if plain else []
    return [*texts, *_counting(verb, others)], _functions(verb, others) if others else {}


def has_blank(quad: ox.Quad) -> bool:
    """Tell whether a quad may have a blank node."""
    return any(isinstance(end, ox.BlankNode | ox.Triple) for end in (quad.subject, quad.object, quad.graph_name))


def _counting(verb: str, quads: Sequence[ox.Quad]) -> list[str]:
    """Return an operation for the quads of the default graph, and one for those of named ones."""
    default = [i for i, quad in enumerate(quads) if isinstance(quad.graph_name, ox.DefaultGraph)]
    named = [i for i, quad in enumerate(quads) if not isinstance(quad.graph_name, ox.DefaultGraph)]
    bound = [f"BIND(<{_PLACE}{verb}:{part}>(?i) AS ?{part})" for part in _PARTS]
    triple = "?subject ?predicate ?object"
    return [
        f"{verb} {{ {template} }} WHERE {{ VALUES ?i {{ {' '.join(map(str, numbers))} }} {' '.join(parts)} }}"
        for numbers, template, parts in (
            (default, triple, bound[:-1]),
            (named, f"GRAPH ?graph_name {{ {triple} }}", bound),
        )
        if numbers
    ]


def _functions(verb: str, quads: Sequence[ox.Quad]) -> Functions:
    def function(part: str) -> Callable[[ox.Literal], Any]:
        of = attrgetter(part)
        return lambda number: of(quads[int(number.value)])

    return {ox.NamedNode(f"{_PLACE}{verb}:{part}"): function(part) for part in _PARTS}
