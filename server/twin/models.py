"""Reads models: a document, whose points are tied to series, for a named graph of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import IO

import pyoxigraph as ox

from ontologies.models.census import Census
from ontologies.models.form import HEAD, Form, Options
from ontologies.models.reading import BRICK
from ontologies.models.reading import read as read_document
from ontologies.models.registry import form_named, recognise
from ontologies.models.report import REPAIRED, Report
from ontologies.models.settings import settings_for
from ontologies.namespaces import compact
from ontologies.point_map import PointMap
from ontologies.points import Finding, PointSeries, check_points, find_points, reference_quads
from server.errors import bad_request
from server.twin.unpacking import bare_name, head_of, unpacked
from storage.graph.staging import Staged

MODEL_GRAPHS = "urn:twinhouse:model:"
# Media types that say nothing about the form: the content does.
GENERAL = frozenset(
    {"application/octet-stream", "application/json", "application/xml", "text/xml", "text/plain", "text/csv"}
    | {"application/gzip", "application/x-gzip", "application/zstd", "application/x-yaml", "text/yaml"}
    | {"application/x-www-form-urlencoded"}  # what curl says of --data-binary
)
_MOST_UNPACKED = 2 << 30  # bytes


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What a load found and did. `references` are the points that were given a series reference in our form.

    `with_series` are the points whose model says which series they have. `classes` and `counts` are by name, `found`
    by kind of finding, and `findings` the first of them: kind, where, message. `loaded` is false for a dry run.
    """

    graphs: tuple[str, ...]
    triples: int
    points: int
    references: int
    repaired_iris: int
    repaired_ids: int
    damaged_ids: int
    shared_series: int
    form: str = ""
    loaded: bool = True
    with_series: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    findings: list[dict[str, str]] = field(default_factory=list)
    examples: dict[str, list[str]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """A model as it comes: its document, a name for it, and how to read it.

    `format` is the name of a form, a media type, or None (the content tells); `graph` an IRI or None (made from the
    name); `base` begins the IRIs of entities that the document names in another way, or None (made from the graph);
    `brick` is the release of Brick to migrate it to, `settings` are those of its form.
    """

    document: bytes | IO[bytes] | Path
    name: str
    format: str | None = None
    graph: str | None = None
    lenient: bool = False
    map: PointMap | None = None
    base: str | None = None
    most: int = _MOST_UNPACKED
    brick: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    def form(self, head: bytes) -> Form:
        """Return the form of the document, which begins so. Raises UnknownFormat."""
        given = (self.format or "").partition(";")[0].strip().lower()
        if given and given not in GENERAL:
            return form_named(self.format or "")
        return recognise(bare_name(self.name), head)

    def graph_name(self) -> ox.NamedNode:
        """Return the graph that the model goes to. Raises a 400 problem for what is no absolute IRI."""
        return named_node(self.graph) if self.graph else model_graph(self.name)

    def options(self, form: Form, graph: ox.NamedNode | ox.DefaultGraph | None = None) -> Options:
        """Return how its form is to read it, into a graph (None: its own).

        Raises a 400 problem for a bad IRI, and UnknownSetting for a setting that the form lacks.
        """
        own = self.graph_name()
        base = named_node(self.base).value if self.base else entity_base(own)
        (settings,) = settings_for(self.settings, form)
        return Options(graph or own, base, self.lenient, settings | ({BRICK: self.brick} if self.brick else {}))


def model_graph(name: str) -> ox.NamedNode:
    """Return the graph for a file of this name: loading it again replaces it."""
    stem = re.sub(r"[^\w.\-]+", "-", PurePath(bare_name(name)).stem).strip("-") or "model"
    return ox.NamedNode(MODEL_GRAPHS + stem)


def entity_base(graph: ox.NamedNode) -> str:
    """Return what the IRIs of a graph's entities begin with, where its document gives them none."""
    if graph.value.endswith(("/", "#", ":")):
        return graph.value
    return graph.value + ("#" if graph.value.startswith(("http:", "https:")) else ":")


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

    Raises FormatError, ValueShapeError, UnknownFormat, UnknownOntology or a problem. Memory grows with the points,
    and for what is no RDF with the document.
    """
    census, findings = Census(), list[Finding]()
    graph = model.graph_name()
    with unpacked(model.document, model.most) as document:
        form = model.form(head_of(document, HEAD))
        read = read_document(form, document, model.options(form))
        found = find_points(staged.passing(census.passing(read.quads)), findings)
    points = model.map.apply(found) if model.map else found
    triples, graphs = staged.count, {graph, *map(_iri_or_default, staged.graphs)}
    staged.extend(reference_quads(points, graph))
    return _report(graphs, triples, points, findings, read.report, census, model.map)


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
    report: Report,
    census: Census,
    point_map: PointMap | None,
) -> LoadReport:
    mapped = point_map.uuids if point_map else {}
    damaged = [f.points[0] for f in findings if f.kind == "damaged-id"]
    left = [point for point in damaged if point not in mapped]
    shared = [f for f in check_points(points) if f.kind == "shared-series"]
    unknown = point_map.unknown(points) if point_map else []
    told = report.to_dict()
    return LoadReport(
        graphs=tuple(sorted(g.value if isinstance(g, ox.NamedNode) else "default" for g in graphs)),
        triples=triples,
        points=len(points),
        references=sum(not point.canonical for point in points),
        repaired_iris=report.found[REPAIRED],
        repaired_ids=len(damaged) - len(left),
        damaged_ids=len(left),
        shared_series=len(shared),
        form=report.form,
        with_series=sum(bool(point.references) for point in points),
        classes={compact(iri): count for iri, count in census.classes.most_common()},
        counts=told["counts"],
        found=told["found"],
        findings=told["findings"],
        examples=_examples(report, left, shared),
        warnings=tuple(_warnings(findings, left, unknown)),
    )


def _examples(report: Report, damaged: list[str], shared: list[Finding]) -> dict[str, list[str]]:
    examples = {
        "repaired_iris": [f"{f.where} -> {f.message.removeprefix('written as ')}" for f in report.of(REPAIRED)[:5]],
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
