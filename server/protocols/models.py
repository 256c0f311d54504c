"""Models in and out at /models, in every form that the field uses; their forms are told apart by content."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import IO
from urllib.parse import urlsplit

from anyio import to_thread
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ontologies.models.form import Form
from ontologies.models.registry import FORMS, form_named
from ontologies.models.settings import LOCAL, parse_settings, settings_for, settings_named
from ontologies.point_map import PointMap, read_map
from server.errors import bad_request
from server.protocols.http import (
    Parameters,
    content_format,
    media_type_of,
    plain,
    query_pairs,
    settings_of,
    spooled_body,
    twin_of,
)
from server.protocols.loads import begun, wants_no_wait
from server.streaming import stream
from server.twin.exporting import write_model
from server.twin.models import Model

_LOAD = ("graph", "format", "lenient", "name", "base", "brick", "dry_run", "set", "url")
_WRITE = ("graph", "as", "set")
_CHUNK = 1 << 16
_IN_MEMORY = 1 << 20


async def models(request: Request) -> Response:
    """Load a model into its own graph (POST), replacing that, or write the models in another form (GET).

    The body is the document, or a form (multipart/form-data) with the files `model` and `map`, a CSV table of
    iri and uuid; or `url` says where it is.
    """
    if request.method == "POST":
        return await _post(request)
    parameters = Parameters(query_pairs(request), _WRITE)
    name = parameters.one("as")
    if name is None:
        return JSONResponse({"forms": [_described(form) for form in FORMS]})
    form = form_named(name)
    (settings,) = settings_for(_settings(parameters), form)
    return await _written(request, form, parameters.all("graph"), settings)


def _described(form: Form) -> dict[str, object]:
    return {
        "name": form.name,
        "title": form.title,
        "media_types": list(form.media_types),
        "endings": list(form.endings),
        "settings": list(settings_named(form)),
    }


def _settings(parameters: Parameters) -> dict[str, str]:
    settings = parse_settings(parameters.all("set"))
    for name in LOCAL & settings.keys():
        raise bad_request(
            f"the setting {name} names a folder, and cannot be given here", hint="twinhouse load and convert take it"
        )
    return settings


async def _written(request: Request, form: Form, graphs: tuple[str, ...], settings: Mapping[str, str]) -> Response:
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed when the answer has been sent
    try:
        report = await to_thread.run_sync(write_model, twin_of(request), form, graphs, file, settings)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    media_type = form.media_types[0] if form.media_types else "application/octet-stream"
    findings = ", ".join(f"{kind}={count}" for kind, count in sorted(report.found.items()) if count)
    chunks = iter(partial(file.read, _CHUNK), b"")
    return await stream(request, chunks, file.close, media_type, {"Twinhouse-Findings": findings} if findings else {})


async def _post(request: Request) -> Response:
    parameters = Parameters(query_pairs(request), _LOAD)
    if (url := parameters.one("url")) is not None:
        return await _load_url(request, parameters, url)
    if media_type_of(request) == "multipart/form-data":
        return await _load_form(request, parameters)
    media_type = content_format(request)
    async with spooled_body(request) as body:
        return await _load(request, parameters, body, media_type, None)


async def _load_url(request: Request, parameters: Parameters, url: str) -> Response:
    """Load a document of another server; its Content-Type says too little of most forms to be asked."""
    if await request.body():
        raise bad_request("there is both a url and a body", hint="send one of them")
    found = await to_thread.run_sync(twin_of(request).fetch, url)
    with found.body as document:
        name = PurePosixPath(urlsplit(found.url.text).path).name
        return await _load(request, parameters, document, None, None, name or None)


async def _load_form(request: Request, parameters: Parameters) -> Response:
    async with request.form(max_files=2, max_fields=0) as form:
        model, table = form.get("model"), form.get("map")
        if not isinstance(model, UploadFile):
            raise bad_request(
                "the form has no file named model", hint="curl -F model=@building.ttl -F map=@points.csv"
            )
        point_map = await _read_map(table) if isinstance(table, UploadFile) else None
        # A browser and curl call what they do not know octet-stream: then the file's name tells.
        known = model.content_type if model.content_type != "application/octet-stream" else None
        return await _load(request, parameters, model.file, known, point_map, model.filename)


async def _read_map(table: UploadFile) -> PointMap:
    try:
        text = (await table.read()).decode()
    except UnicodeDecodeError as error:
        raise bad_request(f"the map is not UTF-8 at byte {error.start}") from None
    return read_map(text.splitlines(keepends=True))


async def _load(
    request: Request,
    parameters: Parameters,
    document: IO[bytes],
    media_type: str | None,
    point_map: PointMap | None,
    file_name: str | None = None,
) -> Response:
    model = Model(
        document,
        parameters.one("name") or file_name or "model",
        parameters.one("format") or media_type,
        parameters.one("graph"),
        parameters.flag("lenient"),
        point_map,
        parameters.one("base"),
        settings_of(request).unpacked_megabytes << 20,
        parameters.one("brick"),
        _settings(parameters),
    )
    load = partial(twin_of(request).load, dry_run=parameters.flag("dry_run"))
    if not wants_no_wait(request):
        return JSONResponse(plain(await to_thread.run_sync(partial(load, model))))
    own = await to_thread.run_sync(_kept, document)  # the request's is closed when this is answered
    return await begun(request, model.name, partial(load, replace(model, document=own)), own.close)


def _kept(document: IO[bytes]) -> IO[bytes]:
    """Return the document once more: if it is on disk, the same file."""
    fd = os.dup(document.fileno())  # it is on disk from now on, if it was not
    document.flush()
    return os.fdopen(fd, "rb")
