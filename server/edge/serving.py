"""The frame of the application: Starlette's, with short ways from request to route and from error to answer.

Starlette asks one route after the other, and handles errors in two places, each of which wraps what is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from server.edge.heads import fields_of
from server.edge.origins import methods_of
from server.errors import Problem, bad_request, problem_of
from storage.errors import Closed

_LONGEST_PATH = 100  # characters of it that an answer repeats
Form = Callable[[Request, Problem], Response]


class Service(Starlette):
    """An application: `middleware` from the outside in, then the routes."""

    def __init__(
        self, routes: Sequence[Route], middleware: Sequence[Middleware], lifespan: Lifespan[Service]
    ) -> None:
        super().__init__(middleware=middleware)
        self.state = _State()
        self.router = _Routes(routes, lifespan=lifespan)

    def build_middleware_stack(self) -> ASGIApp:
        """Return the middleware around the routes, and nothing else."""
        app: ASGIApp = self.router
        for made, arguments, named in reversed(self.user_middleware):
            app = made(app, *arguments, **named)
        return app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. In its scope, `fields` has each header by its name: our connections put it there."""
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        scope["app"] = self
        if scope["type"] == "http" and "fields" not in scope:
            scope["fields"] = fields_of(scope["headers"])
        await self.middleware_stack(scope, receive, send)


class _State(State):
    """Attributes like those of any other object; Starlette's are looked up by a method."""

    def __setattr__(self, key: str, value: object) -> None:
        object.__setattr__(self, key, value)


class _Routes(Router):
    """Goes to a route at once whose path is all that there is to it."""

    def __init__(self, routes: Sequence[Route], lifespan: Lifespan[Service]) -> None:
        super().__init__(routes, lifespan=lifespan)
        self._fixed = {route.path: route for route in routes if not route.param_convertors}

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:  # type: ignore[override]
        """Pass a request on."""
        route = self._fixed.get(scope.get("path", ""))
        if route is None or scope["method"] not in (route.methods or ()):
            return super().__call__(scope, receive, send)
        scope["route"] = route
        return route.app(scope, receive, send)


class Answering:
    """Middleware that answers with a problem what is raised before the answer begins; later, it goes on."""

    def __init__(self, app: ASGIApp, form: Form) -> None:
        """`form` makes the answer of a problem."""
        self._app = app
        self._form = form

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on. What is our own fault is raised again when it has been answered, for the log.

        The answer has begun once the scope has its `status`; see `Observed`.
        """
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:  # uvicorn stops; it breaks the connection itself where an answer is not whole
            if "status" not in scope:
                await self._form(Request(scope), _stopping())(scope, receive, send)
        except Exception as error:
            if "status" in scope or scope["type"] != "http":
                raise
            problem = _problem(scope, error)
            await self._form(Request(scope), problem or _internal())(scope, receive, send)
            if problem is None:
                raise


def _problem(scope: Scope, error: Exception) -> Problem | None:
    """Return the problem that an error is to the client; None for what is our own fault."""
    if isinstance(error, ClientDisconnect):
        return bad_request("the request ended before its body did")
    if not isinstance(error, HTTPException):
        return problem_of(error)
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    detail, hint, headers = str(error.detail), "", dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = methods_of(scope) or ""
        detail, hint = f"{scope['method']} is no method of {_path(scope)}", f"methods: {headers['Allow']}"
    elif error.status_code == HTTPStatus.NOT_FOUND:
        detail, hint = f"there is no {_path(scope)}", "GET /openapi.json lists what there is"
    return Problem(error.status_code, kind, detail, hint=hint, headers=headers)


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path if len(path) <= _LONGEST_PATH else f"{path[:_LONGEST_PATH]}..."


def _stopping() -> Problem:
    return problem_of(Closed("there is no more time for this request")) or _internal()


def _internal() -> Problem:
    return Problem(500, "internal", "something went wrong inside the server", hint="its log says what")
