"""Reads models: a document, whose points are tied to series, for a named graph of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import IO

import pyoxigraph as ox

from ontologies.formats import Repairs, format_of_file, format_of_media_type, read_quads
from ontologies.point_map import PointMap
from ontologies.points import Finding, PointSeries, check_points, find_points, reference_quads
from server.errors import bad_request
from storage.graph.staging import Staged

MODEL_GRAPHS = "urn:twinhouse:model:"


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load found and did. `references` are the points that were given a series reference in our form."""

    graphs: tuple[str, ...]
    triples: int
    points: int
    references: int
    repaired_iris: int
    repaired_ids: int
    damaged_ids: int
    shared_series: int
    examples: dict[str, list[str]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """A model as it comes: its document, a name for it, and how to read it.

    `format` is a media type or None (the name's ending tells); `graph` an IRI or None (made from the name).
    """

    document: bytes | IO[bytes] | Path
    name: str
    format: str | None = None
    graph: str | None = None
    lenient: bool = False
    map: PointMap | None = None

    def rdf_format(self) -> ox.RdfFormat:
        """Raises UnknownFormat."""
        return format_of_media_type(self.format) if self.format else format_of_file(self.name)

    def graph_name(self) -> ox.NamedNode:
        """Return the graph that the model goes to. Raises a 400 problem for what is no absolute IRI."""
        return named_node(self.graph) if self.graph else model_graph(self.name)


def model_graph(name: str) -> ox.NamedNode:
    """Return the graph for a file of this name: loading it again replaces it."""
    stem = re.sub(r"[^\w.\-]+", "-", PurePath(name).stem).strip("-") or "model"
    return ox.NamedNode(MODEL_GRAPHS + stem)


def named_node(iri: str) -> ox.NamedNode:
    """Return an absolute IRI as a node. Raises a 400 problem."""
    if not re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:", iri):
        raise bad_request(f'"{iri}" is not an absolute IRI', hint="write it in full, such as urn:site:main")
    try:
        return ox.NamedNode(iri)
    except ValueError as error:
        raise bad_request(f'"{iri}" is not an IRI: {error}') from None


def read_model(model: Model, staged: Staged) -> LoadReport:
    """Stage the quads of a model's document, and of the references that its points are given.

    Raises FormatError, UnknownFormat or a problem. Memory grows with the points, not with the document.
    """
    graph, repairs = model.graph_name(), Repairs()
    findings: list[Finding] = []
    quads = read_quads(
        model.document,
        model.rdf_format(),
        base_iri=base_iri(graph),
        graph=graph,
        lenient=model.lenient,
        repairs=repairs,
    )
    found = find_points(staged.passing(quads), findings)
    points = model.map.apply(found) if model.map else found
    triples, graphs = staged.count, {graph, *map(_iri_or_default, staged.graphs)}
    staged.extend(reference_quads(points, graph))
    return _report(graphs, triples, points, findings, repairs, model.map)


def base_iri(graph: ox.NamedNode | ox.DefaultGraph) -> str | None:
    """Relative IRIs resolve against the graph's own, where that is one to resolve against."""
    return graph.value if isinstance(graph, ox.NamedNode) and graph.value.startswith(("http:", "https:")) else None


def _iri_or_default(graph: ox.NamedNode | ox.BlankNode | ox.DefaultGraph) -> ox.NamedNode | ox.DefaultGraph:
    if isinstance(graph, ox.NamedNode | ox.DefaultGraph):
        return graph
    raise bad_request("a graph of the document is named by a blank node", hint="give its graphs IRIs")


def _report(
    graphs: Iterable[ox.NamedNode | ox.DefaultGraph],
    triples: int,
    points: list[PointSeries],
    findings: list[Finding],
    repairs: Repairs,
    point_map: PointMap | None,
) -> LoadReport:
    mapped = point_map.uuids if point_map else {}
    damaged = [f.points[0] for f in findings if f.kind == "damaged-id"]
    left = [point for point in damaged if point not in mapped]
    shared = [f for f in check_points(points) if f.kind == "shared-series"]
    unknown = point_map.unknown(points) if point_map else []
    return LoadReport(
        graphs=tuple(sorted(g.value if isinstance(g, ox.NamedNode) else "default" for g in graphs)),
        triples=triples,
        points=len(points),
        references=sum(not point.canonical for point in points),
        repaired_iris=repairs.count,
        repaired_ids=len(damaged) - len(left),
        damaged_ids=len(left),
        shared_series=len(shared),
        examples=_examples(repairs, left, shared),
        warnings=tuple(_warnings(findings, left, unknown)),
    )


def _examples(repairs: Repairs, damaged: list[str], shared: list[Finding]) -> dict[str, list[str]]:
    examples = {
        "repaired_iris": [f"{before} -> {after}" for before, after in repairs.examples],
        "damaged_ids": damaged[:5],
        "shared_series": [finding.message for finding in shared[:5]],
    }
    return {name: shown for name, shown in examples.items() if shown}


def _warnings(findings: list[Finding], damaged: list[str], unknown: list[str]) -> Iterable[str]:
    yield from (finding.message for finding in findings if finding.kind == "unnamed-point")
    if damaged:
        yield (
            f"{len(damaged)} series ids look like damaged UUIDs: each got a UUID derived from the text;"
            " a table of iri,uuid (--map) gives them the right one"
        )
    if unknown:
        yield f"the map names {len(unknown)} points that the model does not have, such as {unknown[0]}"
