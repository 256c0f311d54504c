"""Reads the HTTP requests in the protocol's manifests (the vocabularies HTTP in RDF and Content in RDF)."""

from __future__ import annotations

from collections.abc import Iterator

from tests.conformance.cases import Exchange, Expected
from tests.conformance.rdf import Graph, Term

MF = "http://www.w3.org/2001/sw/DataAccess/tests/test-manifest#"
HT = "http://www.w3.org/2011/http#"
CNT = "http://www.w3.org/2011/content#"
STATUS = "http://www.w3.org/2011/http-statusCodes#"

_CODES = {"OK": "200", "Created": "201", "NoContent": "204", "NotFound": "404"}


def exchanges(graph: Graph, action: Term) -> Iterator[Exchange]:
    """Yield the requests of a connection, in order."""
    for head in graph.objects(action, HT + "requests"):
        for request in graph.items(head):
            yield _exchange(graph, request)


def _exchange(graph: Graph, request: Term) -> Exchange:
    method, path = graph.text(request, HT + "methodName"), graph.text(request, HT + "absolutePath")
    assert method is not None
    assert path is not None
    body = _body(graph, request)
    return Exchange(
        method,
        path,
        tuple(_headers(graph, request)),
        body[0].encode(body[1]) if body else None,
        _expected(graph, graph.objects(request, HT + "resp")[0]),
    )


def _headers(graph: Graph, message: Term) -> Iterator[tuple[str, str]]:
    for head in graph.objects(message, HT + "headers"):
        for header in graph.items(head):
            name, value = graph.text(header, HT + "fieldName"), graph.text(header, HT + "fieldValue")
            assert name is not None
            assert value is not None
            yield name.lower(), value


def _body(graph: Graph, message: Term) -> tuple[str, str] | None:
    """Return the text and its encoding."""
    for body in graph.objects(message, HT + "body"):
        return graph.text(body, CNT + "chars") or "", graph.text(body, CNT + "characterEncoding") or "utf-8"
    return None


def _expected(graph: Graph, response: Term) -> Expected:
    body = _body(graph, response)
    boolean = graph.text(response, MF + "expectedBoolean")
    return Expected(
        frozenset(_status(name) for name in graph.texts(response, MF + "expectedStatus")),
        format=graph.text(response, MF + "expectedFormat"),
        boolean=None if boolean is None else boolean == "true",
        location=graph.text(response, MF + "expectedLocation"),
        media_type=dict(_headers(graph, response)).get("content-type"),
        body=body[0] if body else None,
    )


def _status(iri: str) -> str:
    """Return what a status must begin with: `404`, or `2` for all of its class."""
    name = iri.removeprefix(STATUS)
    return _CODES[name] if name in _CODES else name.removeprefix("StatusCode").removesuffix("xx")
