"""Models out of the graph, as documents of any form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO

from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat

from ontologies.formats import read_quads
from ontologies.models.form import Form, Options
from ontologies.models.rdf import RdfForm
from ontologies.models.report import Report
from server.errors import Problem
from server.twin.models import named_node
from server.twin.service import Twin
from storage.graph.escaping import refusals, sink_for


def write_model(
    twin: Twin, form: Form, graphs: Sequence[str], sink: IO[bytes], settings: Mapping[str, str] | None = None
) -> Report:
    """Write graphs (none named: all but the ontologies and what was inferred) as a document of a form.

    The report tells what the form cannot express. Raises a 404 problem for a graph that is not there.
    """
    return write_as(form, _quads(twin, graphs), sink, Options(settings=settings or {}))


def write_as(form: Form, quads: Iterable[Quad], sink: IO[bytes], options: Options) -> Report:
    """Write quads as a document of a form. Raises NotInFormat for what its format cannot hold."""
    with refusals():
        return form.write(quads, sink_for(form.format, sink) if isinstance(form, RdfForm) else sink, options)


def _quads(twin: Twin, graphs: Sequence[str]) -> Iterator[Quad]:
    there = twin.graph.graphs()
    for name in graphs:
        if named_node(name).value not in there:
            raise Problem(404, "no-such-graph", f"there is no graph {name}", hint="GET /graphs lists them")
    named: list[str | None] = [*graphs] if graphs else twin.models()
    for each in named:
        graph = NamedNode(each) if each is not None else DefaultGraph()
        yield from read_quads(twin.triples(each), RdfFormat.N_TRIPLES, graph=graph)
