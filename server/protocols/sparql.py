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
from server.streaming import stream
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
_UPDATE = ("update", "using-graph-uri", "using-named-graph-uri", "using-union-graph")


@dataclass(frozen=True, slots=True)
class _Request:
    """What a client asks, wherever in the request it said so."""

    text: str
    parameters: Parameters


async def query(request: Request) -> Response:
    """Answer a query (SPARQL 1.1 Protocol, section 2.1)."""
    return await _answer(request, await _read(request, "query", "application/sparql-query", _QUERY))


async def update(request: Request) -> Response:
    """Run an update (section 2.2). It is durable and visible when the answer comes."""
    asked = await _read(request, "update", "application/sparql-update", _UPDATE)
    for name in _UPDATE[1:]:
        if asked.parameters.one(name) is not None:
            raise Problem(
                501, "not-implemented", f"{name} is not supported yet", hint="use USING or WITH in the text"
            )
    if form(asked.text) not in (Form.UPDATE, Form.UNKNOWN):
        raise bad_request("this is a query, not an update", hint="send it to /query")
    await to_thread.run_sync(twin_of(request).graph.update, asked.text)
    return Response(status_code=204)


async def sparql(request: Request) -> Response:
    """Answer a query or run an update, whichever comes."""
    if request.method == "GET":
        return await query(request)
    media_type = media_type_of(request)
    if media_type == "application/sparql-update":
        return await update(request)
    if media_type == "application/x-www-form-urlencoded":
        body = await request.body()
        if any(part.startswith(b"update=") for part in body.split(b"&")):
            return await update(request)
    return await query(request)


async def _read(request: Request, name: str, direct: str, known: tuple[str, ...]) -> _Request:
    pairs = query_pairs(request)
    media_type = media_type_of(request)
    if request.method == "GET":
        return _asked(Parameters(pairs, known), name)
    if media_type == direct:
        rest = [pair for pair in pairs if pair[0] != name]
        return _Request(await text_body(request), Parameters(rest, known))
    if media_type == "application/x-www-form-urlencoded":
        return _asked(Parameters([*pairs, *await form_pairs(request)], known), name)
    raise Problem(
        415,
        "unsupported-media-type",
        f"{media_type or 'a body without a Content-Type'} is no {name}",
        hint=f"send {direct}, or a form with {name}=",
    )


def _asked(parameters: Parameters, name: str) -> _Request:
    text = parameters.one(name)
    if text is None:
        raise bad_request(
            f"the parameter {name} is missing", hint=f"?{name}=... or a body of application/sparql-{name}"
        )
    return _Request(text, parameters)


async def _answer(request: Request, asked: _Request) -> Response:
    refuse_outbound(asked.text)
    kind = form(asked.text)
    if kind is Form.UPDATE:
        raise bad_request("this is an update, not a query", hint="send it to /update")
    parameters = asked.parameters
    media_type = negotiate(_offers(kind), request.headers.get("accept"), parameters.one("format"))
    limits = query_limits(settings_of(request), parameters.one("timeout"))
    if media_type in _TABLES.values():
        return await _table(request, _query(request, asked, RESULTS["json"]), limits, media_type)
    result = await to_thread.run_sync(twin_of(request).query, _query(request, asked, media_type), limits)
    headers = {"Vary": "Accept", "ETag": f'W/"{result.generation}"'}
    return await stream(iter(result), result.close, media_type, headers)


def _offers(kind: Form) -> dict[str, str]:
    if kind in (Form.CONSTRUCT, Form.DESCRIBE):
        return GRAPHS
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
    found = await to_thread.run_sync(twin_of(request).solutions, query, limits)
    table = await to_thread.run_sync(table_of, found.variables, found.rows)
    chunks = encode(iter(table.to_batches()), table.schema, media_type)
    return await stream(chunks, lambda: None, media_type, {"Vary": "Accept"})
