"""The text of an update that replaces graphs: only an update can do all of it in one transaction of the engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyoxigraph as ox

Graph = ox.NamedNode | ox.DefaultGraph


def replacing(graphs: Sequence[Graph], quads: Sequence[ox.Quad]) -> str:
    """Return an update after which `graphs` hold those of `quads` that are theirs; a named one exists in any case."""
    named = (f"CREATE {name(graph)}" for graph in graphs if isinstance(graph, ox.NamedNode))
    return " ;\n".join([*map(_delete, graphs), *named, inserting(quads)])


def replacing_all(quads: Sequence[ox.Quad]) -> str:
    """Return an update after which the dataset holds just `quads`."""
    return f"DROP ALL ;\n{inserting(quads)}"


def name(graph: Graph) -> str:
    """Return how an update names a graph (SPARQL 1.1 Update, section 3.2)."""
    return "DEFAULT" if isinstance(graph, ox.DefaultGraph) else f"GRAPH {graph}"


def _delete(graph: Graph) -> str:
    """Return the operations that empty and then drop a graph; dropping a full one is slower by far."""
    triples = "?s ?p ?o" if isinstance(graph, ox.DefaultGraph) else f"{name(graph)} {{ ?s ?p ?o }}"
    return f"DELETE WHERE {{ {triples} }} ;\nDROP SILENT {name(graph)}"


def inserting(quads: Iterable[ox.Quad], verb: str = "INSERT") -> str:
    """Return one operation for all graphs: a blank node that two of them share stays one."""
    by_graph: dict[object, list[str]] = {}
    for quad in quads:
        by_graph.setdefault(quad.graph_name, []).append(f"{quad.triple} .")
    return f"{verb} DATA {{\n" + "\n".join(map(_block, by_graph, by_graph.values())) + "\n}"


def _block(graph: object, triples: list[str]) -> str:
    body = "\n".join(triples)
    return body if isinstance(graph, ox.DefaultGraph) else f"GRAPH {graph} {{ {body} }}"
