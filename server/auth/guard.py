"""The gate as ASGI: in front of one route, before anything of the body is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from server.auth.gate import Gate, require
from server.auth.tokens import Role

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_Asgi = Callable[[_Scope, _Receive, _Send], Awaitable[None]]


class Guard:
    """Lets a request to its route when its role is the method's or a higher one; NONE is open to everyone."""

    def __init__(self, app: _Asgi, roles: Mapping[str, Role]) -> None:
        self._app = app
        self._roles = roles

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Pass a request on. Raises a 401, 403 or 429 problem."""
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if (needed := self._roles[method]) is not Role.NONE:
            role = _role(scope)
            require(role, needed)
            scope["role"] = role
        await self._app(scope, receive, send)


def _role(scope: _Scope) -> Role:
    gate: Gate = scope["app"].state.gate
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    client = scope.get("client") or ("", 0)
    return gate.role(headers.get(b"authorization"), client[0], headers.get(b"origin"))


def require_role(scope: _Scope, needed: Role) -> None:
    """Ask more than the route does, of a request whose need shows in its content. Raises a 401 or 403 problem."""
    require(scope.get("role", Role.NONE), needed)
