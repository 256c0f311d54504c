"""SPARQL 1.1 Protocol: /query, /update and /sparql, which is both."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import NamedTuple

from anyio import to_thread
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.asking import Answer
from server.auth.guard import require_role
from server.auth.tokens import Role
from server.errors import Problem, bad_request
from server.limits import query_limits
from server.negotiation import GRAPHS, RESULTS, negotiate
from server.protocols.caching import unchanged, validators
from server.protocols.http import (
    Parameters,
    accepted,
    form_pairs,
    media_type_of,
    query_pairs,
    text_body,
    twin_of,
)
from server.protocols.service import describe
from server.streaming import Whole, answer, slots_of, stream
from server.tables.formats import TABLE_FORMATS
from server.tables.write import encode
from server.twin.answers import Answers, Kept
from server.twin.data_updates import DataUpdate
from server.twin.hybrid.pushed import Pushed
from server.twin.models import named_node
from server.twin.reading import About, about_query
from server.twin.service import Twin
from storage.graph.guard import Form, form
from storage.graph.inserted import is_small_data
from storage.graph.queries import Limits, Query
from storage.graph.results import ASKER
from storage.graph.using import names_dataset, with_using

_TABLES = {name: TABLE_FORMATS[name].media_type for name in ("arrow", "parquet")}
_SOLUTIONS = {**RESULTS, **_TABLES}
_BOOLEANS = {name: RESULTS[name] for name in ("json", "xml", "csv", "tsv")}
_DATASET = ("default-graph-uri", "named-graph-uri", "union-default-graph")
_QUERY = ("query", *_DATASET, "format", "timeout", "explain")
_USING = ("using-graph-uri", "using-named-graph-uri", "using-union-graph")
_UPDATE = ("update", *_USING, "timeout")
_CUSTOMARY = ("output", "results")  # SPARQLWrapper sends these beside format
_SHORT = 8192  # characters; longer texts are read in a thread, and what is known of them is not kept
_FORM = "application/x-www-form-urlencoded"
_COSTLY = 0.005  # seconds; the first answer to a text is kept if it took them: to keep costs a tenth of a small query
Pairs = list[tuple[str, str]]


class _Request(NamedTuple):
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
    if request.method in ("GET", "HEAD") and not request.query_params:
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
    if request.scope["method"] in ("GET", "HEAD"):
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
    found = parameters.text(name) if text is None else text
    if found is None:
        raise bad_request(
            f"the parameter {name} is missing", hint=f"?{name}=... or a body of application/sparql-{name}"
        )
    if name == "query" and (not found or found.isspace()):
        raise bad_request("the query is empty")
    return _Request(found, parameters)


async def _run(request: Request, asked: _Request) -> Response:
    require_role(request.scope, Role.WRITE)
    if asked.parameters.names <= {"update"} and is_small_data(asked.text):
        await request.app.state.updates.run(DataUpdate(asked.text, _base(request), ASKER.get()))
        return Response(status_code=204)
    is_short = len(asked.text) < _SHORT
    twin = twin_of(request)
    limits = query_limits(twin.settings, asked.parameters.one("timeout"))
    text = _updating(asked) if is_short else await slots_of(request).parse(_updating, asked, until=limits.until)
    union = asked.parameters.flag("using-union-graph")
    run = partial(twin.update, base_iri=_base(request), seconds=limits.left, union=union)
    await slots_of(request).run(run, text)
    return Response(status_code=204)


def _updating(asked: _Request) -> str:
    """Return the update with the dataset of the protocol's parameters (section 2.2.3)."""
    if form(asked.text) not in (Form.UPDATE, Form.UNKNOWN):
        raise bad_request("this is a query, not an update", hint="send it to /query")
    parameters = asked.parameters
    default, named = parameters.all("using-graph-uri"), parameters.all("using-named-graph-uri")
    union = parameters.flag("using-union-graph")
    if not default and not named and not union:
        return asked.text
    if names_dataset(asked.text):
        raise bad_request("the text has USING or WITH, and the request has a using parameter", hint="use one of them")
    if union and (default or named):
        raise bad_request("using-union-graph takes all graphs, and the request names some", hint="use one of them")
    for iri in (*default, *named):
        named_node(iri)
    return with_using(asked.text, default, named) if not union else asked.text


def _base(request: Request) -> str:
    """Return the endpoint's own URL, against which relative IRIs resolve (RFC 3986, section 5.1.3)."""
    scope = request.scope
    server = scope.get("server")
    host = scope["fields"].get(b"host")
    return _url(scope.get("scheme", "http"), host, tuple(server) if server else None, scope["path"])


@lru_cache(256)
def _url(scheme: str, host: bytes | None, server: tuple[object, ...] | None, path: str) -> str:
    headers = [] if host is None else [(b"host", host)]
    return str(URL(scope={"scheme": scheme, "server": server, "path": path, "headers": headers}))


async def _answer(request: Request, asked: _Request) -> Response:
    text, parameters, twin = asked.text, asked.parameters, twin_of(request)
    limits = query_limits(twin.settings, parameters.one("timeout"))
    if len(text) < _SHORT:
        about, sees = _about(twin, text)
    else:
        about, sees = await slots_of(request).parse(_about, twin, text, until=limits.until)
    if about.form is Form.UPDATE:
        raise bad_request("this is an update, not a query", hint="send it to /update")
    named = parameters.all("format")[:1]  # SPARQLWrapper may send a second one, which is its whole Accept header
    media_type = _media_type(about.form, accepted(request), named[0] if named else None)
    if (explain := parameters.one("explain")) not in (None, "false"):
        return await _explain(request, asked, limits, about, explain)
    if media_type in _TABLES.values():
        return await _table(request, _query(request, asked, RESULTS["tsv"]), limits, media_type)
    if sees:
        return await _hybrid(request, _query(request, asked, media_type), limits, about.asks)
    generation = twin.graph.generation
    if about.lasts and (same := unchanged(request, generation, media_type)):
        return same
    query = _query(request, asked, media_type)
    if about.asks:
        query = await to_thread.run_sync(twin.leased, query, limits)
    if not about.lasts:
        return await answer(request, query, limits, media_type, lambda _: {})
    return await _lasting(request, query, limits, twin.answers if about.repeats else None, generation)


def _about(twin: Twin, text: str) -> tuple[About, bool]:
    """Return what a query's text tells, and whether it sees readings."""
    read = about_query if len(text) < _SHORT else about_query.__wrapped__
    return read(text), twin.hybrid.sees(text)


async def _explain(request: Request, asked: _Request, limits: Limits, about: About, how: str | None) -> Response:
    """Tell what becomes of a query instead of its answer; `explain=plan` does not run it."""
    if how not in ("true", "plan"):
        raise bad_request(f'explain is true, plan or false, not "{how}"')
    twin = twin_of(request)
    form = GRAPHS["ntriples"] if about.form in (Form.CONSTRUCT, Form.DESCRIBE) else RESULTS["json"]
    query = _query(request, asked, form)
    if about.asks:
        query = await to_thread.run_sync(twin.leased, query, limits)
    run = partial(twin.hybrid.explain, run=how == "true")
    found = await slots_of(request).start(run, query, limits, until=limits.until)
    return JSONResponse(found.document(), headers={"Cache-Control": "no-store"})


async def _hybrid(request: Request, query: Query, limits: Limits, asks: bool) -> Response:
    """Answer a query that sees readings: no generation of the graph tells how long its answer lasts."""
    twin = twin_of(request)
    if asks:
        query = await to_thread.run_sync(twin.leased, query, limits)
    headers = {"Cache-Control": "no-store"}
    found = await slots_of(request).start(twin.hybrid.answer, query, limits, until=limits.until)
    if isinstance(found, Pushed):
        return await stream(request, iter(found), found.close, query.format, headers)
    query, limits = found
    return await answer(request, query, limits, query.format, lambda _: headers)


async def _lasting(
    request: Request, query: Query, limits: Limits, answers: Answers | None, generation: int
) -> Response:
    """Answer a query whose answer changes with the graph alone; with `answers`, from these where it is there."""

    def headers(generation: int) -> dict[str, str]:
        return validators(generation, query.format)

    if answers is None:
        return await answer(request, query, limits, query.format, headers)
    is_again = answers.asked_before(query.text)
    if is_again and (kept := answers.get(query, generation, limits)):
        return Whole(kept.body, query.format, headers(kept.generation))

    def keep(found: Answer, body: bytes) -> None:
        if is_again or found.running_seconds >= _COSTLY:
            answers.put(query, Kept(found.generation, found.rows, body))

    return await answer(request, query, limits, query.format, headers, keep)


@lru_cache(1024)
def _media_type(form: Form, accept: str | None, name: str | None) -> str:
    return negotiate(_offers(form), accept, name)


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
    asks_union = parameters.flag("union-default-graph")
    if asks_union and given:
        raise bad_request("union-default-graph takes all graphs, and the request names some", hint="use one of them")
    union = asks_union or twin_of(request).settings.default_graph == "union"
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
    found = await slots_of(request).start(twin_of(request).typed, query, limits, until=limits.until)
    chunks = encode(found.batches(), found.schema, media_type, exact=True)
    return await stream(request, chunks, found.close, media_type, until=limits.end)
