"""SPARQL 1.1 Protocol: /query, /update and /sparql, which is both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from server.auth.guard import require_role
from server.auth.tokens import Role
from server.errors import Problem, bad_request
from server.limits import query_limits
from server.negotiation import GRAPHS, RESULTS, negotiate
from server.protocols.caching import unchanged, validators
from server.protocols.http import (
    Parameters,
    form_pairs,
    media_type_of,
    query_pairs,
    settings_of,
    text_body,
    twin_of,
)
from server.protocols.service import describe
from server.streaming import slots_of, stream
from server.tables.formats import TABLE_FORMATS
from server.tables.write import encode
from server.twin.models import named_node
from server.twin.terms import table_of
from storage.graph.guard import Form, form, keywords, refuse_outbound
from storage.graph.readers import Limits, Query
from storage.graph.using import names_dataset, with_using

_TABLES = {name: TABLE_FORMATS[name].media_type for name in ("arrow", "parquet")}
_SOLUTIONS = {**RESULTS, **_TABLES}
_BOOLEANS = {name: RESULTS[name] for name in ("json", "xml", "csv", "tsv")}
_DATASET = ("default-graph-uri", "named-graph-uri", "union-default-graph")
_QUERY = ("query", *_DATASET, "format", "timeout")
_USING = ("using-graph-uri", "using-named-graph-uri", "using-union-graph")
_UPDATE = ("update", *_USING)
_CUSTOMARY = ("output", "results")  # SPARQLWrapper sends these beside format
_CHANGING = frozenset({"NOW", "RAND", "UUID", "STRUUID"})  # functions whose value is another each time
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
    """Answer a query or run an update, whichever comes; a GET without either gets the service description."""
    media_type = media_type_of(request)
    if media_type == "application/sparql-update" and request.method == "POST":
        return await update(request)
    if request.method != "POST" and not request.query_params:
        return describe(request)
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
        if any(key == name for key, _ in pairs):
            raise bad_request(f"both the URL and the body have a {name}", hint="send one of them")
        return pairs, await text_body(request)
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
    require_role(request.scope, Role.WRITE)
    if form(asked.text) not in (Form.UPDATE, Form.UNKNOWN):
        raise bad_request("this is a query, not an update", hint="send it to /query")
    run = partial(twin_of(request).update, base_iri=_base(request))
    await to_thread.run_sync(run, _with_dataset(asked))
    return Response(status_code=204)


def _with_dataset(asked: _Request) -> str:
    """Return the update with the dataset of the protocol's parameters (section 2.2.3)."""
    parameters = asked.parameters
    if parameters.flag("using-union-graph"):
        raise Problem(501, "not-implemented", "using-union-graph is not supported", hint="name the graphs")
    default, named = parameters.all("using-graph-uri"), parameters.all("using-named-graph-uri")
    if not default and not named:
        return asked.text
    if names_dataset(asked.text):
        raise bad_request("the text has USING or WITH, and the request has using-graph-uri", hint="use one of them")
    for iri in (*default, *named):
        named_node(iri)
    return with_using(asked.text, default, named)


def _base(request: Request) -> str:
    """Return the endpoint's own URL, against which relative IRIs resolve (RFC 3986, section 5.1.3)."""
    return str(request.url.replace(query="", fragment=""))


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
    lasting = _CHANGING.isdisjoint(keywords(asked.text))
    if lasting and (same := unchanged(request, twin_of(request).graph.generation)):
        return same
    result = await slots_of(request).start(twin_of(request).query, _query(request, asked, media_type), limits)
    headers = validators(result.generation) if lasting else {"Vary": "Accept"}
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
        base=_base(request),
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
