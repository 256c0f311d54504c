"""Wires everything: the one composition root."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial, update_wrapper

from anyio import to_thread
from prometheus_client import CollectorRegistry
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from server.auth.gate import gate_of
from server.auth.guard import Guard
from server.auth.sites import sites_of
from server.auth.tokens import Role
from server.edge.answers import Packed
from server.edge.bodies import Bodies
from server.edge.origins import CrossOrigin
from server.edge.problems import problem_response
from server.edge.serving import Answering, Service
from server.errors import Problem
from server.gathering import Gathering
from server.observe.health import livez, readyz
from server.observe.metrics import Gauges, metrics
from server.observe.requests import Observed
from server.protocols import (
    admin,
    changes,
    commands,
    description,
    graph_store,
    influx,
    loads,
    models,
    observations,
    points,
    queries,
    readings,
    series,
    sparql,
)
from server.protocols.spooled import Spools, Texts
from server.settings import Settings
from server.streaming import Slots
from server.twin.commanding import Commands
from server.twin.data_updates import DataUpdates
from server.twin.service import Twin


def _route(
    path: str,
    endpoint: Callable[[Request], Awaitable[Response]],
    *,
    password: str | None = None,
    habitual: bool = False,
    **roles: Role,
) -> Route:
    """Return a route: its methods, each with the role that it needs. HEAD needs that of GET. See Guard."""
    guard = Middleware(Guard, roles, password=password, habitual=habitual)
    return Route(path, _Endpoint(endpoint), methods=list(roles), middleware=[guard])


class _Endpoint:
    """An endpoint as ASGI. Starlette's own way handles errors here as well, which `Answering` does."""

    def __init__(self, call: Callable[[Request], Awaitable[Response]]) -> None:
        update_wrapper(self, call)
        self._call = call

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            response = await self._call(request)
            await response(scope, receive, send)
        finally:
            request.app.state.texts.let_go(scope)


_OPEN, _READ, _WRITE, _OPERATE, _ADMIN = Role
ROUTES = (
    _route("/", description.start, GET=_READ),
    _route("/openapi.json", description.openapi, GET=_READ),
    _route("/query", sparql.query, GET=_READ, POST=_READ, QUERY=_READ),
    _route("/update", sparql.update, POST=_WRITE),
    _route("/sparql", sparql.sparql, GET=_READ, POST=_READ, QUERY=_READ),  # an update asks for more when it is read
    _route("/store", graph_store.store, GET=_READ, PUT=_WRITE, POST=_WRITE, DELETE=_WRITE),
    _route("/store/{name:path}", graph_store.store, GET=_READ, PUT=_WRITE, POST=_WRITE, DELETE=_WRITE),
    _route("/graphs", admin.graphs, GET=_READ),
    _route("/changes", changes.changes, GET=_READ),
    _route("/changes/{number}", changes.change, GET=_READ),
    _route("/changes/{number}/undo", changes.undo, POST=_WRITE),
    _route("/queries", queries.queries, GET=_READ),
    _route("/queries/{id}", queries.cancel, DELETE=_READ),
    _route("/readings", readings.readings, GET=_READ, POST=_WRITE, DELETE=_WRITE),
    _route("/readings/query", readings.read_query, POST=_READ),
    _route(influx.V1, influx.write_v1, password=influx.PASSWORD, habitual=True, POST=_WRITE),
    _route(influx.V2, influx.write_v2, habitual=True, POST=_WRITE),
    _route("/ping", influx.ping, GET=_OPEN),
    _route("/health", influx.health, GET=_OPEN),
    _route("/latest", readings.latest, GET=_READ),
    _route("/points", points.points, GET=_READ),
    _route("/points/{uuid}", points.point, GET=_READ),
    _route("/observations/{uuid}/{time}", observations.observation, GET=_READ),
    _route("/models", models.models, GET=_READ, POST=_WRITE),
    _route("/loads", loads.loads, GET=_READ),
    _route("/loads/{id}", loads.load, GET=_READ, DELETE=_WRITE),
    _route("/ontologies", admin.ontologies, GET=_READ, POST=_WRITE),
    _route("/validate", admin.validate, POST=_READ),
    _route("/infer", admin.infer, POST=_WRITE),
    _route("/check", admin.check, POST=_READ),
    _route("/commands", commands.give, POST=_OPERATE),
    _route("/commands/take", commands.take, POST=_OPERATE),
    _route("/commands/{id}/outcome", commands.outcome, POST=_OPERATE),
    _route("/seal", admin.seal, POST=_ADMIN),
    _route("/series/status", series.status, GET=_READ),
    _route("/series/retain", series.retain, POST=_ADMIN),
    _route("/export", admin.export, GET=_READ),
    _route("/backup", admin.backup, GET=_ADMIN),
    _route("/livez", livez, GET=_OPEN),
    _route("/readyz", readyz, GET=_OPEN),
    _route("/metrics", metrics, GET=_READ),
)


def create_app(settings: Settings, what: str | None = None) -> Service:
    """Return the application; it opens the data directory when it starts and closes it when it ends.

    `what` names the process for whoever finds the directory locked; without it, the server's address does.
    """
    what = what or f"the server at {settings.url}"
    registry = CollectorRegistry()
    app = Service(
        routes=ROUTES,
        middleware=[
            Middleware(Observed, registry=registry),
            Middleware(CrossOrigin, origins=settings.origins),
            Middleware(Packed),
            Middleware(Bodies, settings=settings),
            Middleware(Answering, form=_answer),
        ],
        lifespan=partial(_lifespan, settings, registry, what),
    )
    app.state.registry = registry
    app.state.gate = gate_of(settings)
    app.state.spools = Spools()
    app.state.texts = Texts()
    app.state.sites = sites_of(settings)
    return app


def give_up_long_work(app: Service) -> None:
    """End large loads and the wait for commands: the server is to stop, and they would not end in the time it has."""
    twin: Twin = app.state.twin
    twin.give_up_long_work()
    app.state.commands.stop()


@asynccontextmanager
async def _lifespan(settings: Settings, registry: CollectorRegistry, what: str, app: Service) -> AsyncIterator[None]:
    twin = await to_thread.run_sync(Twin, settings, what)
    app.state.twin = twin
    app.state.slots = Slots(twin.readers, end=twin.hybrid.queries.end)
    app.state.updates = Gathering(DataUpdates(twin))
    app.state.commands = Commands(settings.data)
    registry.register(Gauges(twin.gauges))
    try:
        yield
    finally:
        app.state.commands.close()
        await app.state.updates.close()
        app.state.slots.close()
        await to_thread.run_sync(twin.close)


def _answer(request: Request, problem: Problem) -> Response:
    """Return the answer that a problem is, in the form that the clients of its route know."""
    return influx.error_response(request, problem) or problem_response(problem)
