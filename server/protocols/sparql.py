"""SPARQL 1.1 Protocol: /query, /update and /sparql, which is both."""

from __future__ import annotations

from dataclasses import dataclass

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from server.errors import Problem, bad_request
from server.limits import query_limits
from server.negotiation import GRAPHS, RESULTS, negotiate
from server.protocols.http import (
    Parameters,
    form_pairs,
    media_type_of,
    query_pairs,
    settings_of,
    text_body,
    twin_of,
)
from server.streaming import slots_of, stream
from server.tables.formats import TABLE_FORMATS
from server.tables.write import encode
from server.twin.models import named_node
from server.twin.terms import table_of
from storage.graph.guard import Form, form, refuse_outbound
from storage.graph.readers import Limits, Query

_TABLES = {name: TABLE_FORMATS[name].media_type for name in ("arrow", "parquet")}
_SOLUTIONS = {**RESULTS, **_TABLES}
_BOOLEANS = {name: RESULTS[name] for name in ("json", "xml", "csv", "tsv")}
_DATASET = ("default-graph-uri", "named-graph-uri", "union-default-graph")
_QUERY = ("query", *_DATASET, "format", "timeout")
_USING = ("using-graph-uri", "using-named-graph-uri", "using-union-graph")
_UPDATE = ("update", *_USING)
_CUSTOMARY = ("output", "results")  # SPARQLWrapper sends these beside format
_FORM = "application/x-www-form-urlencoded"
Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Request:
    """What a client asks, wherever in the request it said so."""

    text: str
    parameters: Parameters


async def query(request: Request) -> Response:
    """Answer a query (SPARQL 1.1 Protocol, section 2.1)."""
    return await _answer(request, _asked(*await _sent(request, "query"), "query", _QUERY, _CUSTOMARY))


async def update(request: Request) -> Response:
    """Run an update (section 2.2). It is durable and visible when the answer comes."""
    return await _run(request, _asked(*await _sent(request, "update"), "update", _UPDATE, (*_CUSTOMARY, "format")))


async def sparql(request: Request) -> Response:
    """Answer a query or run an update, whichever comes."""
    media_type = media_type_of(request)
    if media_type == "application/sparql-update" and request.method == "POST":
        return await update(request)
    if media_type != _FORM or request.method != "POST":
        return await query(request)
    pairs, _ = await _sent(request, "query")
    if any(name == "update" for name, _ in pairs):
        return await _run(request, _asked(pairs, None, "update", _UPDATE, (*_CUSTOMARY, "format")))
    return await _answer(request, _asked(pairs, None, "query", _QUERY, _CUSTOMARY))


async def _sent(request: Request, name: str) -> tuple[Pairs, str | None]:
    """Return the parameters that came with the URL or a form, and the body where that is the text itself."""
    pairs = query_pairs(request)
    if request.method != "POST":
        return pairs, None
    media_type = media_type_of(request)
    if media_type == f"application/sparql-{name}":
        return [pair for pair in pairs if pair[0] != name], await text_body(request)
    if media_type == _FORM:
        return [*pairs, *await form_pairs(request)], None
    raise Problem(
        415,
        "unsupported-media-type",
        f"{media_type or 'a body without a Content-Type'} is no {name}",
        hint=f"send application/sparql-{name}, or a form with {name}=",
    )


def _asked(pairs: Pairs, text: str | None, name: str, known: tuple[str, ...], customary: tuple[str, ...]) -> _Request:
    parameters = Parameters(pairs, known, customary)
    found = parameters.one(name) if text is None else text
    if found is None:
        raise bad_request(
            f"the parameter {name} is missing", hint=f"?{name}=... or a body of application/sparql-{name}"
        )
    return _Request(found, parameters)


async def _run(request: Request, asked: _Request) -> Response:
    for name in _USING:
        if asked.parameters.all(name):
            raise Problem(
                501, "not-implemented", f"{name} is not supported yet", hint="use USING or WITH in the text"
            )
    if form(asked.text) not in (Form.UPDATE, Form.UNKNOWN):
        raise bad_request("this is a query, not an update", hint="send it to /query")
    await to_thread.run_sync(twin_of(request).update, asked.text)
    return Response(status_code=204)


async def _answer(request: Request, asked: _Request) -> Response:
    refuse_outbound(asked.text)
    kind = form(asked.text)
    if kind is Form.UPDATE:
        raise bad_request("this is an update, not a query", hint="send it to /update")
    parameters = asked.parameters
    named = parameters.all("format")[:1]  # SPARQLWrapper may send a second one, which is its whole Accept header
    media_type = negotiate(_offers(kind), request.headers.get("accept"), named[0] if named else None)
    limits = query_limits(settings_of(request), parameters.one("timeout"))
    if media_type in _TABLES.values():
        return await _table(request, _query(request, asked, RESULTS["json"]), limits, media_type)
    result = await slots_of(request).start(twin_of(request).query, _query(request, asked, media_type), limits)
    headers = {"Vary": "Accept", "ETag": f'W/"{result.generation}"'}
    return await stream(request, iter(result), result.close, media_type, headers, leave=True)


def _offers(kind: Form) -> dict[str, str]:
    if kind in (Form.CONSTRUCT, Form.DESCRIBE):
        return GRAPHS
    if kind is Form.UNKNOWN:  # the engine will say what is wrong with it, whatever the client accepts
        return {**GRAPHS, **_SOLUTIONS}
    return _BOOLEANS if kind is Form.ASK else _SOLUTIONS


def _query(request: Request, asked: _Request, media_type: str) -> Query:
    parameters = asked.parameters
    default, named = parameters.all("default-graph-uri"), parameters.all("named-graph-uri")
    given = bool(default or named)
    for iri in (*default, *named):
        named_node(iri)
    union = settings_of(request).default_graph == "union" or parameters.flag("union-default-graph")
    return Query(
        asked.text,
        media_type,
        union=union and not given,
        default_graphs=default if given else None,
        named_graphs=named if given else None,
    )


async def _table(request: Request, query: Query, limits: Limits, media_type: str) -> Response:
    """Answer as Arrow or Parquet, whose column types need all rows."""
    found = await slots_of(request).start(twin_of(request).solutions, query, limits)
    table = await to_thread.run_sync(table_of, found.variables, found.rows)
    chunks = encode(iter(table.to_batches()), table.schema, media_type)
    return await stream(request, chunks, lambda: None, media_type, {"Vary": "Accept"})
