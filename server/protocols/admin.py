"""Looking after a twin: graphs, ontologies, validation, checks, and copies of it all."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version as package_version
from pathlib import Path

import pyoxigraph as ox
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ontologies.formats import format_of_media_type, read_quads
from ontologies.namespaces import PREFIXES
from ontologies.sarif import MEDIA_TYPE as SARIF
from ontologies.sarif import to_sarif
from server.auth.guard import require_role
from server.auth.tokens import Role
from server.negotiation import GRAPHS, negotiate
from server.protocols.http import Parameters, accepted, plain, query_pairs, twin_of
from server.streaming import stream
from server.twin.dataset import write_dataset
from server.twin.service import COPY, Twin
from storage.graph import escaping

_TAR = "application/x-tar"
_CHUNK = 1 << 20
_DATASETS = ("trig", "nquads")
_REPORTS = {
    "json": "application/json",
    "sarif": SARIF,
    **{name: media_type for name, media_type in GRAPHS.items() if name not in _DATASETS},
}


async def graphs(request: Request) -> Response:
    """List the named graphs."""
    Parameters(query_pairs(request), ())
    return JSONResponse({"graphs": await to_thread.run_sync(twin_of(request).graph.graphs)})


async def ontologies(request: Request) -> Response:
    """List the packaged ontologies (GET), or load one (POST `?name=brick&version=1.4`)."""
    twin = twin_of(request)
    if request.method == "POST":
        parameters = Parameters(query_pairs(request), ("name", "version"))
        name, version = parameters.one("name") or "brick", parameters.one("version")
        return JSONResponse(await to_thread.run_sync(twin.ontologies.load, name, version))
    Parameters(query_pairs(request), ())
    return JSONResponse({"ontologies": await to_thread.run_sync(twin.ontologies.known)})


async def validate(request: Request) -> Response:
    """Validate a graph, or all models, with SHACL; the report comes as JSON, as SARIF, or as a graph."""
    parameters = Parameters(query_pairs(request), ("graph", "name", "version", "format"))
    media_type = negotiate(_REPORTS, accepted(request), parameters.one("format"))
    twin = twin_of(request)
    asked = parameters.one("graph"), parameters.one("name") or "brick", parameters.one("version")
    if media_type in (_REPORTS["json"], _REPORTS["sarif"]):
        report = await to_thread.run_sync(twin.ontologies.validate, *asked)
        document = to_sarif(report, package_version("twinhouse")) if media_type == SARIF else report
        return JSONResponse(document, media_type=media_type)
    triples = await to_thread.run_sync(twin.ontologies.report, *asked)
    body = await to_thread.run_sync(_serialized, triples, media_type)
    return Response(body, media_type=media_type)


def _serialized(triples: bytes, media_type: str) -> bytes:
    quads = read_quads(triples, ox.RdfFormat.N_TRIPLES)
    return escaping.serialize(quads, format_of_media_type(media_type), PREFIXES)


async def infer(request: Request) -> Response:
    """Bring the graph of what follows from the models up to date."""
    parameters = Parameters(query_pairs(request), ("name", "version", "classes"))
    run = partial(
        twin_of(request).ontologies.infer,
        parameters.one("name") or "brick",
        parameters.one("version"),
        classes=parameters.flag("classes"),
    )
    return JSONResponse(plain(await to_thread.run_sync(run)))


async def check(request: Request) -> Response:
    """Verify both halves and their agreement; an admin may set apart what is broken, or give it up."""
    parameters = Parameters(query_pairs(request), ("quarantine", "give_up"))
    mend, give_up = parameters.flag("quarantine"), parameters.number("give_up")
    if mend or give_up is not None:
        require_role(request.scope, Role.ADMIN)
    run = partial(twin_of(request).check, mend=mend, give_up=give_up)
    return JSONResponse(plain(await to_thread.run_sync(run)))


async def seal(request: Request) -> Response:
    """Write what is hot to Parquet now."""
    Parameters(query_pairs(request), ())
    return JSONResponse(plain(await to_thread.run_sync(twin_of(request).seal)))


async def export(request: Request) -> Response:
    """Stream the data set that is useful without us, as a tar archive."""
    return await _archive(request, write_dataset)


async def backup(request: Request) -> Response:
    """Stream a copy of the data directory, as a tar archive."""
    return await _archive(request, Twin.back_up)


async def _archive(request: Request, write: Callable[[Twin, Path], None]) -> Response:
    Parameters(query_pairs(request), ())
    twin = twin_of(request)
    # Beside the data, so that files that never change are linked, not copied.
    scratch = tempfile.TemporaryDirectory(dir=twin.directory.root, prefix=COPY)
    chunks = _archived(lambda: write(twin, Path(scratch.name) / "copy"), Path(scratch.name) / "copy")
    return await stream(request, chunks, scratch.cleanup, _TAR)


def _archived(write: Callable[[], None], folder: Path) -> Iterator[bytes]:
    """Write the folder, then yield its files as a tar archive, one at a time."""
    write()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            member = tarfile.TarInfo(str(path.relative_to(folder)))
            member.size = path.stat().st_size
            member.mtime = int(path.stat().st_mtime)
            yield member.tobuf()
            yield from _padded(path, member.size)
    yield bytes(tarfile.RECORDSIZE)


def _padded(path: Path, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
    if rest := -size % tarfile.BLOCKSIZE:
        yield bytes(rest)
