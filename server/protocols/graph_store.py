"""SPARQL 1.1 Graph Store HTTP Protocol at /store: one graph (`?graph=IRI` or `?default`) or the whole dataset."""

from __future__ import annotations

from typing import IO
from uuid import uuid4

from anyio import to_thread
from pyoxigraph import DefaultGraph, NamedNode, Quad, RdfFormat
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from ontologies.formats import format_of_file, format_of_media_type, read_quads
from server.errors import Problem, bad_request
from server.limits import bounded_receive, query_limits
from server.negotiation import GRAPHS, negotiate
from server.protocols.caching import unchanged, validators
from server.protocols.http import (
    Parameters,
    content_format,
    media_type_of,
    query_pairs,
    settings_of,
    spooled_body,
    twin_of,
)
from server.streaming import slots_of, stream
from server.twin.models import base_iri, named_node
from storage.graph.readers import Dump

_DIRECT = ("format", "lenient")
_KNOWN = ("graph", "default", *_DIRECT)
_DATASETS = {name: GRAPHS[name] for name in ("nquads", "trig", "jsonld")}
Graph = NamedNode | DefaultGraph


async def store(request: Request) -> Response:
    """Read, replace, add to or drop a graph, or the dataset (SPARQL 1.1 Graph Store HTTP Protocol)."""
    parameters = Parameters(query_pairs(request), _DIRECT if request.path_params else _KNOWN)
    graph = _graph(request, parameters)
    match request.method:
        case "PUT" | "POST":
            return await _write(request, parameters, graph)
        case "DELETE":
            return await _delete(request, graph)
    return await _read(request, parameters, graph)


def _graph(request: Request, parameters: Parameters) -> Graph | None:
    """Return the graph that the URL names, or is (section 4.1); None for the whole dataset."""
    if request.path_params:
        return named_node(str(request.url.replace(query="", fragment="")))
    name = parameters.one("graph")
    if parameters.one("default") is not None:
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
    media_type = negotiate(offers, request.headers.get("accept"), parameters.one("format"))
    if same := unchanged(request, twin_of(request).graph.generation):
        return same
    name = graph.value if isinstance(graph, NamedNode) else None
    dump = Dump(name, media_type, whole=graph is None)
    limits = query_limits(settings_of(request))
    result = await slots_of(request).start(twin_of(request).query, dump, limits)
    headers = validators(result.generation)
    return await stream(request, iter(result), result.close, media_type, headers, leave=True)


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
        quads = await to_thread.run_sync(_read_part, body, fmt, graph, parameters.flag("lenient"))
    return await _keep(request, quads, graph, headers)


async def _write_parts(request: Request, parameters: Parameters, graph: Graph | None) -> Response:
    """Add the documents of a form, each in the format that its part says (section 5.5), all or none."""
    quads: list[Quad] = []
    bounded = Request(request.scope, bounded_receive(request.receive, settings_of(request)))
    async with bounded.form() as form:
        for part in (value for _, value in form.multi_items() if isinstance(value, UploadFile)):
            fmt = (
                format_of_media_type(part.content_type) if part.content_type else format_of_file(part.filename or "")
            )
            quads += await to_thread.run_sync(_read_part, part.file, fmt, graph, parameters.flag("lenient"))
    return await _keep(request, quads, graph, {})


def _read_part(body: IO[bytes], fmt: RdfFormat, graph: Graph | None, lenient: bool) -> list[Quad]:
    into = graph if graph is not None else DefaultGraph()
    return list(read_quads(body, fmt, base_iri=base_iri(into), graph=into, lenient=lenient))


async def _keep(request: Request, quads: list[Quad], graph: Graph | None, headers: dict[str, str]) -> Response:
    created = graph is not None and not twin_of(request).graph.has_graph(graph)
    await to_thread.run_sync(_store, request, quads, graph)
    return Response(status_code=201 if created else 204, headers=headers)


def _store(request: Request, quads: list[Quad], graph: Graph | None) -> None:
    target = twin_of(request).graph
    if graph is not None and any(quad.graph_name != graph for quad in quads):
        raise bad_request("the document has named graphs, and the URL names one", hint="send it to /store alone")
    if request.method == "POST":
        target.add(quads)
    elif graph is not None:
        target.replace(quads, [graph])
    else:
        target.replace_all(quads)


async def _delete(request: Request, graph: Graph | None) -> Response:
    target = twin_of(request).graph
    if graph is None:
        await to_thread.run_sync(target.clear)
    else:
        _require(request, graph)
        await to_thread.run_sync(target.remove, graph)
    return Response(status_code=204)
