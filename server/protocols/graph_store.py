"""SPARQL 1.1 Graph Store HTTP Protocol at /store: one graph (`?graph=IRI` or `?default`) or the whole dataset."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import IO
from uuid import uuid4

from pyoxigraph import DefaultGraph, NamedNode, RdfFormat
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from ontologies.formats import format_of_file, format_of_media_type
from server.errors import Problem, bad_request
from server.limits import query_limits
from server.negotiation import GRAPHS, negotiate
from server.protocols.caching import Conditions, unchanged, validators
from server.protocols.forms import documents
from server.protocols.http import (
    Parameters,
    accepted,
    content_format,
    media_type_of,
    query_pairs,
    settings_of,
    spooled_body,
    twin_of,
)
from server.streaming import answer, slots_of
from server.twin.changes import Recorded
from server.twin.hybrid.updates import read_only, refuse_graphs
from server.twin.hybrid.vocabulary import READINGS
from server.twin.loading import Document, stage
from server.twin.models import named_node
from storage.graph.queries import Dump
from storage.graph.store import GraphStore

_DIRECT = ("format", "lenient")
_KNOWN = ("graph", "default", *_DIRECT)
_DATASETS = {name: GRAPHS[name] for name in ("nquads", "trig", "jsonld")}
Graph = NamedNode | DefaultGraph


async def store(request: Request) -> Response:
    """Read, replace, add to or drop a graph, or the dataset (SPARQL 1.1 Graph Store HTTP Protocol)."""
    parameters = Parameters(query_pairs(request), _DIRECT if request.path_params else _KNOWN)
    graph = _graph(request, parameters)
    if request.method not in ("GET", "HEAD") and isinstance(graph, NamedNode) and graph.value == READINGS:
        raise read_only()
    match request.method:
        case "PUT" | "POST":
            return await _write(request, parameters, graph)
        case "DELETE":
            return await _delete(request, graph)
    return await _read(request, parameters, graph)


def _graph(request: Request, parameters: Parameters) -> Graph | None:
    """Return the graph that the URL names, or is (section 4.1); None for the whole dataset."""
    if request.path_params:
        path = request.scope["raw_path"].decode("latin-1")  # with its escapes, which are a part of an IRI
        return named_node(str(request.url.replace(path=path, query="", fragment="")))
    name = parameters.one("graph")
    if parameters.one("default") is not None:
        if not parameters.flag("default"):
            raise bad_request("default has no value", hint="leave it out for another graph")
        if name is not None:
            raise bad_request("both graph and default are given", hint="give one of them")
        return DefaultGraph()
    return named_node(name) if name is not None else None


def _require(request: Request, graph: Graph) -> None:
    if not twin_of(request).graph.has_graph(graph):
        raise Problem(404, "no-such-graph", f"there is no graph {graph}", hint="GET /graphs lists them")


async def _read(request: Request, parameters: Parameters, graph: Graph | None) -> Response:
    if graph is not None:
        _require(request, graph)
    offers = _DATASETS if graph is None else GRAPHS
    media_type = negotiate(offers, accepted(request), parameters.one("format"))
    if same := unchanged(request, twin_of(request).graph.generation, media_type):
        return same
    name = graph.value if isinstance(graph, NamedNode) else None
    dump = Dump(name, media_type, whole=graph is None)
    limits = query_limits(settings_of(request))
    return await answer(request, dump, limits, media_type, lambda generation: validators(generation, media_type))


async def _write(request: Request, parameters: Parameters, graph: Graph | None) -> Response:
    if media_type_of(request) == "multipart/form-data" and request.method == "POST":
        return await _write_parts(request, parameters, graph)
    fmt = format_of_media_type(content_format(request))
    headers = {}
    if graph is None and not fmt.supports_datasets:
        if request.method != "POST":
            raise bad_request(f"{fmt.name} holds one graph, and the URL names none", hint="?graph=IRI or ?default")
        graph = NamedNode(f"{request.base_url}store/{uuid4()}")
        headers["Location"] = graph.value
    async with spooled_body(request) as body:
        return await _keep(request, parameters, graph, [(body, fmt)], headers)


async def _write_parts(request: Request, parameters: Parameters, graph: Graph | None) -> Response:
    """Add the documents of a form, each in the format that its part says (section 5.5), all or none."""
    async with documents(request) as parts:
        return await _keep(request, parameters, graph, [(part.file, _format_of(part)) for part in parts], {})


def _format_of(part: UploadFile) -> RdfFormat:
    return format_of_media_type(part.content_type) if part.content_type else format_of_file(part.filename or "")


async def _keep(
    request: Request,
    parameters: Parameters,
    graph: Graph | None,
    parts: Sequence[tuple[IO[bytes], RdfFormat]],
    headers: dict[str, str],
) -> Response:
    target = twin_of(request).recorded(_what(request, graph))
    store = partial(_store, target, request.method, graph, parts, parameters.flag("lenient"), Conditions.of(request))
    created = await slots_of(request).run(store)
    return Response(status_code=201 if created else 204, headers=headers)


def _what(request: Request, graph: Graph | None) -> str:
    """Return what a change is recorded as."""
    return f"{request.method} {'everything' if graph is None else graph}"


def _store(
    target: GraphStore | Recorded,
    method: str,
    graph: Graph | None,
    parts: Sequence[tuple[IO[bytes], RdfFormat]],
    lenient: bool,
    conditions: Conditions,
) -> bool:
    """Write the documents; returns whether that made the graph. They are read before anything else has to wait."""
    alone = graph is None and len(parts) == 1 and (method == "PUT" or target.is_empty())
    with target.staged() as staged:
        for body, fmt in parts:
            document = Document(body, fmt, graph if graph is not None else DefaultGraph(), lenient)
            stage(staged, document, alone=alone)
        if graph is not None and staged.graphs - {graph}:
            raise bad_request("the document has named graphs, and the URL names one", hint="send it to /store alone")
        refuse_graphs(staged.graphs)
        with target.holding():
            exists = graph is None or target.has_graph(graph)
            conditions.require(exists=exists, generation=target.generation)
            if method == "POST":
                target.add(staged)
            elif graph is not None:
                target.replace(staged, [graph])
            else:
                target.replace_all(staged)
        return not exists


async def _delete(request: Request, graph: Graph | None) -> Response:
    target = twin_of(request).recorded(_what(request, graph))
    if graph is not None:
        _require(request, graph)
    await slots_of(request).run(_remove, target, graph, Conditions.of(request))
    return Response(status_code=204)


def _remove(target: GraphStore | Recorded, graph: Graph | None, conditions: Conditions) -> None:
    with target.holding():
        exists = graph is None or target.has_graph(graph)
        conditions.require(exists=exists, generation=target.generation)
        if graph is None:
            target.clear()
        else:
            target.remove(graph)
