"""Wires everything: the one composition root."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus

from anyio import to_thread
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ontologies.errors import OntologyError
from server.errors import MEDIA_TYPE, Problem, bad_request, problem_of
from server.observe.health import livez, readyz
from server.observe.metrics import Gauges, metrics
from server.observe.requests import Observed
from server.protocols import admin, description, graph_store, points, readings, sparql
from server.settings import Settings
from server.streaming import Slots
from server.tables.errors import BadReadings
from server.twin.service import Twin
from storage.errors import StorageError

ROUTES = (
    Route("/", description.start),
    Route("/openapi.json", description.openapi),
    Route("/query", sparql.query, methods=["GET", "POST"]),
    Route("/update", sparql.update, methods=["POST"]),
    Route("/sparql", sparql.sparql, methods=["GET", "POST"]),
    Route("/store", graph_store.store, methods=["GET", "PUT", "POST", "DELETE"]),
    Route("/graphs", admin.graphs),
    Route("/readings", readings.readings, methods=["GET", "POST"]),
    Route("/readings/query", readings.read_query, methods=["POST"]),
    Route("/latest", readings.latest),
    Route("/points", points.points),
    Route("/points/{uuid}", points.point),
    Route("/models", admin.load, methods=["POST"]),
    Route("/ontologies", admin.ontologies, methods=["GET", "POST"]),
    Route("/validate", admin.validate, methods=["POST"]),
    Route("/check", admin.check, methods=["POST"]),
    Route("/seal", admin.seal, methods=["POST"]),
    Route("/export", admin.export),
    Route("/backup", admin.backup),
    Route("/livez", livez),
    Route("/readyz", readyz),
    Route("/metrics", metrics),
)


def create_app(settings: Settings, what: str | None = None) -> Starlette:
    """Return the application; it opens the data directory when it starts and closes it when it ends.

    `what` names the process for whoever finds the directory locked; without it, the server's address does.
    """
    what = what or f"the server at http://{settings.host}:{settings.port}"
    registry = CollectorRegistry()
    app = Starlette(
        routes=list(ROUTES),
        lifespan=partial(_lifespan, settings, registry, what),
        middleware=[Middleware(Observed, registry=registry)],
        exception_handlers=dict.fromkeys(
            (Problem, StorageError, OntologyError, BadReadings, HTTPException, ClientDisconnect, Exception), _answer
        ),
    )
    app.state.registry = registry
    return app


@asynccontextmanager
async def _lifespan(
    settings: Settings, registry: CollectorRegistry, what: str, app: Starlette
) -> AsyncIterator[None]:
    twin = await to_thread.run_sync(Twin, settings, what)
    app.state.twin = twin
    app.state.slots = Slots()
    registry.register(Gauges(twin.gauges))
    try:
        yield
    finally:
        await to_thread.run_sync(twin.close)


async def _answer(_request: Request, error: Exception) -> Response:
    """Turn any error into a problem document."""
    problem = problem_of(error)
    if isinstance(error, HTTPException):
        kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        problem = Problem(error.status_code, kind, str(error.detail), headers=dict(error.headers or {}))
    if isinstance(error, ClientDisconnect):
        problem = bad_request("the request ended before its body did")
    if problem is None:
        problem = Problem(500, "internal", "something went wrong inside the server", hint="its log says what")
    return Response(problem.body(), problem.status, problem.headers, MEDIA_TYPE)
