"""What InfluxDB's clients and Telegraf know: line protocol at /write (1.x) and /api/v2/write (2.x), /ping, /health.

Errors have InfluxDB's forms, as its clients read no other: `{"error"}` in 1.x, `{"code", "message", "line"}` in 2.x.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.errors import Problem, bad_request, problem_of
from server.protocols.http import Parameters, query_pairs, spooled_body, twin_of
from server.streaming import slots_of
from server.tables.line_protocol.read import Precision, read_lines

V1, V2 = "/write", "/api/v2/write"
PASSWORD = "p"  # noqa: S105 - the name of 1.x's parameter for a password, here a token
_V1 = ("db", "rp", "precision", "consistency", "u", PASSWORD)
_V2 = ("bucket", "org", "orgID", "precision")
_CUSTOMARY = ("accept_partial", "chunked", "epoch", "no_sync", "pretty")
_PRECISIONS_V2 = {unit: Precision(unit) for unit in ("ns", "us", "ms", "s")}
_PRECISIONS_V1 = {
    **_PRECISIONS_V2,
    "n": Precision("ns"),
    "u": Precision("us"),
    "m": Precision("s", 60),
    "h": Precision("s", 3600),
}
_DEFAULT_RETENTION = "autogen"
_CODES = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not found",
    405: "method not allowed",
    413: "request too large",
    415: "unsupported media type",
    429: "too many requests",
    503: "unavailable",
}
_KNOWN_WORDS = {
    "bad-readings": "unable to parse",
    "unauthorized": "authorization failed",
    "forbidden": "authorization failed",
}
_LONGEST_HEADER = 500


async def write_v1(request: Request) -> Response:
    """Store line protocol, all or none (InfluxDB 1.x). It is durable and visible when the answer comes."""
    parameters = Parameters(query_pairs(request), _V1, _CUSTOMARY)
    precision = _precision(parameters, _PRECISIONS_V1)
    return await _write(request, precision, _store(parameters.one("db"), parameters.one("rp")))


async def write_v2(request: Request) -> Response:
    """Store line protocol, all or none (InfluxDB 2.x). It is durable and visible when the answer comes."""
    parameters = Parameters(query_pairs(request), _V2, _CUSTOMARY)
    precision = _precision(parameters, _PRECISIONS_V2)
    database, _, retention = (parameters.one("bucket") or "").rpartition("/")
    return await _write(request, precision, _store(database, retention) if database else _store(retention, None))


def _precision(parameters: Parameters, known: dict[str, Precision]) -> Precision:
    name = parameters.one("precision") or "ns"
    if name not in known:
        raise bad_request(f'precision is one of {", ".join(known)}, not "{name[:100]}"')
    return known[name]


def _store(database: str | None, retention: str | None) -> str | None:
    """Return what tells series of the same name apart: `db`, or `db.rp`; the retention policy autogen is no other.

    2.x writes `db/rp` as the name of a bucket that a client of 1.x sees as both.
    """
    named = retention if retention != _DEFAULT_RETENTION else None
    return ".".join(part.replace("/", ".") for part in (database, named) if part) or None


async def _write(request: Request, precision: Precision, store: str | None) -> Response:
    twin = twin_of(request)
    async with spooled_body(request) as body:
        await slots_of(request).store(twin.lines.write, read_lines(body, precision), store)
    return Response(status_code=204, headers=_headers())


async def ping(_request: Request) -> Response:
    """Answer that the process lives, as InfluxDB's clients ask it."""
    return Response(status_code=204, headers=_headers())


async def health(request: Request) -> Response:
    """Answer whether the graph and the series do, as InfluxDB's clients ask it."""
    try:
        await to_thread.run_sync(twin_of(request).probe)
    except Exception as error:
        problem = problem_of(error)
        return _health("fail", problem.detail if problem else "something went wrong inside the server", 503)
    return _health("pass", "ready for queries and writes", 200)


def _health(status: str, message: str, code: int) -> Response:
    document = {"name": "twinhouse", "status": status, "message": message, "checks": [], "version": _version()}
    return JSONResponse(document, code, _headers())


def _headers() -> dict[str, str]:
    return {"X-Influxdb-Version": _version(), "X-Influxdb-Build": "OSS"}


@cache  # it takes a look at the disk
def _version() -> str:
    """Return the version of InfluxDB that has these routes, and what it is (Semantic Versioning, section 10)."""
    return f"1.8.10+twinhouse.{version('twinhouse')}"


def error_response(request: Request, problem: Problem) -> Response | None:
    """Return a problem in the form that clients of the route read; None for routes that are not InfluxDB's."""
    path = request.scope["path"]
    if path not in (V1, V2):
        return None
    text = _text(problem)
    shown = text.encode("ascii", "backslashreplace").decode()[:_LONGEST_HEADER]
    headers = {**problem.headers, **_headers()}
    if path == V1:
        return JSONResponse({"error": text}, problem.status, {**headers, "X-Influxdb-Error": shown})
    code = _CODES.get(problem.status, "internal error")
    document: dict[str, Any] = {"code": code, "message": text}
    if (line := problem.more.get("line")) is not None:
        document |= {"line": line}
    return JSONResponse(document, problem.status, {**headers, "X-Platform-Error-Code": code})


def _text(problem: Problem) -> str:
    """Return what went wrong, after the words by which clients of 1.x know what not to send again."""
    text = f"{problem.detail} ({problem.hint})" if problem.hint else problem.detail
    return f"{_KNOWN_WORDS[problem.kind]}: {text}" if problem.kind in _KNOWN_WORDS else text
