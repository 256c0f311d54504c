"""Readings in and out: POST /readings, GET /readings, POST /readings/query, GET /latest."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate, islice
from typing import Any, BinaryIO, cast

import pyarrow as pa
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.errors import Problem
from server.limits import query_limits
from server.negotiation import negotiate
from server.protocols.deleting import delete
from server.protocols.http import (
    Parameters,
    accepted,
    content_format,
    json_body,
    query_pairs,
    settings_of,
    spooled_body,
    twin_of,
)
from server.protocols.keys import content_of, idempotency_key
from server.protocols.selecting import POINTS, SELECT, choice, readings_request
from server.streaming import send_or_stream, slots_of
from server.tables.formats import TABLE_FORMATS, format_of
from server.tables.options import ReadOptions
from server.tables.read import open_readings
from server.tables.write import encode
from server.twin.ingest import MOST_SHOWN, IngestReport, at_most
from server.twin.join import ReadingsRequest
from server.twin.once import Once
from server.twin.paging import Page
from server.twin.service import Twin
from storage.errors import RowLimitExceeded
from storage.graph.queries import Limits
from storage.series.receipts import Receipt

FORMATS = {name: table_format.media_type for name, table_format in TABLE_FORMATS.items()}
_COLUMNS = ("id_column", "time_column", "value_column", "text_column", "status_column")
_MOST_SHOWN_TEXT = 10_000  # characters of the names that an answer has
_FEW = 4_096  # rows whose form takes less time than to hand them on to another thread
_WRITE = (*_COLUMNS, "wide", "timezone", "time_unit", "na", "delimiter", "source", "file", "unknown")


async def readings(request: Request) -> Response:
    """Read readings by a join (GET), store the body's readings, all or none (POST), or delete readings (DELETE)."""
    if request.method == "DELETE":
        return await delete(request)
    return await (write(request) if request.method == "POST" else read(request))


async def write(request: Request) -> Response:
    """Store the body's readings, all or none. They are durable and visible when the answer comes."""
    media_type = content_format(request)
    if format_of(media_type) is None:
        known = ", ".join(FORMATS.values())
        raise Problem(415, "unknown-format", f"{media_type} is no format of readings", hint=f"send one of {known}")
    parameters = Parameters(query_pairs(request), _WRITE)
    options = _options(parameters)
    known_only = choice(parameters, "unknown", ("accept", "ignore")) == "ignore"
    source, file = parameters.one("source"), parameters.one("file")
    twin = twin_of(request)

    def store(body: BinaryIO, key: str | None, content: str) -> dict[str, Any]:
        with open_readings(body, media_type, options) as table:
            left_out = known_only or (table.roles.wide and parameters.one("unknown") is None)
            batches = at_most(table.batches(), twin.settings.ingest_rows)

            def document(report: IngestReport) -> dict[str, Any]:
                return ingest_document(report, table.rows_missing, table.ignored)

            def receipt(report: IngestReport) -> Receipt | None:
                return Receipt(key, content, json.dumps(document(report))) if key else None

            return document(twin.ingest(batches, source=source, file=file, known_only=left_out, receipt=receipt))

    async with spooled_body(request) as spooled:
        body = cast("BinaryIO", spooled)
        if (key := idempotency_key(request)) is None:
            return JSONResponse(await slots_of(request).store(store, body, None, ""))
        digest = partial(content_of, request, body)
        return await slots_of(request).store(_once, twin.once, key, digest, partial(store, body, key))


def _once(once: Once, key: str, digest: Callable[[], str], store: Callable[[str], dict[str, Any]]) -> Response:
    """Store what has this key the first time that it comes; answer it the same from then on."""
    content = digest()
    with once.begin(key, content) as receipt:
        if receipt is not None:
            headers = {"Idempotency-Replayed": "true"}
            return Response(receipt.answer, media_type="application/json", headers=headers)
        return JSONResponse(store(content))


def ingest_document(report: IngestReport, missing: int, columns: Sequence[str]) -> dict[str, Any]:
    """Return what was stored as the answer's document, which is short however many names there are."""
    return {
        "readings": report.readings,
        "points": report.points,
        "missing": missing,
        "unknown": _shown(report.unknown),
        "ignored": {**_shown(report.ignored), "column_count": len(columns), "columns": _first(columns)},
    }


def _shown(counts: dict[str, int]) -> dict[str, Any]:
    return {"points": len(counts), "readings": sum(counts.values()), "ids": _first(counts)}


def _first(names: Iterable[str]) -> list[str]:
    """Return the first names, none of them cut, as clients look them up."""
    first = list(islice(names, MOST_SHOWN))
    return [
        name for name, length in zip(first, accumulate(map(len, first)), strict=True) if length <= _MOST_SHOWN_TEXT
    ]


def _options(parameters: Parameters) -> ReadOptions:
    return ReadOptions(
        id_column=parameters.one("id_column"),
        time_column=parameters.one("time_column"),
        value_column=parameters.one("value_column"),
        text_column=parameters.one("text_column"),
        status_column=parameters.one("status_column"),
        wide=parameters.flag("wide") if parameters.one("wide") is not None else None,
        timezone=parameters.one("timezone"),
        time_unit=parameters.one("time_unit"),  # type: ignore[arg-type] # checked by ReadOptions
        na=parameters.all("na"),
        delimiter=parameters.one("delimiter"),
    )


async def read(request: Request) -> Response:
    """Answer the join, asked by the URL."""
    return await _read(request, Parameters(query_pairs(request), SELECT))


async def read_query(request: Request) -> Response:
    """Answer the join, asked by a JSON body with the same names (`point` a text or a list)."""
    pairs = [*query_pairs(request), *_pairs(await json_body(request))]
    return await _read(request, Parameters(pairs, SELECT))


def _pairs(document: dict[str, Any]) -> list[tuple[str, str]]:
    pairs = []
    for name, value in document.items():
        for item in value if isinstance(value, list) else [value]:
            if item is not None:
                pairs.append((name, item if isinstance(item, str) else json.dumps(item)))
    return pairs


async def _read(request: Request, parameters: Parameters) -> Response:
    media_type = negotiate(FORMATS, accepted(request), parameters.one("format"))
    wanted, limits = readings_request(parameters), query_limits(settings_of(request), parameters.one("timeout"))
    begun = slots_of(request).start(_begun, twin_of(request), wanted, limits, media_type, until=limits.until)
    page, chunks, body = await begun
    headers = _next(request, page.following.text()) if page.following is not None else {}
    if body is not None:
        return Response(body, media_type=media_type, headers=headers)
    return await send_or_stream(request, chunks, page.rows.close, media_type, headers)


def _begun(
    twin: Twin, wanted: ReadingsRequest, limits: Limits, media_type: str
) -> tuple[Page, Iterator[bytes], bytes | None]:
    """Start to read; of few rows that are in memory then the body is made at once, in the same thread."""
    page = twin.readings(wanted, limits)
    rows = page.rows
    chunks = encode(_limited(iter(rows), limits), rows.schema, media_type)
    few = rows.held is not None and rows.held <= _FEW
    return page, chunks, b"".join(chunks) if few else None


def _next(request: Request, cursor: str) -> dict[str, str]:
    """Return the headers that lead to the next page (RFC 8288)."""
    if request.method == "POST":
        return {"Next-Cursor": cursor}
    return {"Next-Cursor": cursor, "Link": f'<{request.url.include_query_params(cursor=cursor)}>; rel="next"'}


async def latest(request: Request) -> Response:
    """Answer with the newest reading of each point."""
    parameters = Parameters(query_pairs(request), (*POINTS, "timeout", "format"))
    wanted = ReadingsRequest(parameters.text("query"), parameters.all("point"))
    limits = query_limits(settings_of(request), parameters.one("timeout"))
    table = await slots_of(request).start(twin_of(request).latest, wanted, limits, until=limits.until)
    return await table_response(request, table, parameters.one("format"))


async def table_response(request: Request, table: pa.Table, name: str | None) -> Response:
    """Return a table in the form that the client likes."""
    media_type = negotiate(FORMATS, accepted(request), name)
    chunks = encode(iter(table.to_batches()), table.schema, media_type)
    return await send_or_stream(request, chunks, lambda: None, media_type)


def _limited(batches: Iterator[pa.RecordBatch], limits: Limits) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        if rows > limits.rows:
            raise RowLimitExceeded(f"the answer has more than {limits.rows:,} rows")
        yield batch
