"""The gate as ASGI: in front of one route, before anything of the body is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from server.auth.gate import Gate, require
from server.auth.sites import Sites
from server.auth.tokens import Role
from storage.graph.results import ASKER, Asker

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
_Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_Asgi = Callable[[_Scope, _Receive, _Send], Awaitable[None]]


class Guard:
    """Lets a request to its route when its role is the method's or a higher one; NONE is open to everyone."""

    def __init__(
        self, app: _Asgi, roles: Mapping[str, Role], *, password: str | None = None, habitual: bool = False
    ) -> None:
        """`password` names the parameter in which clients of this route may send their token, instead of a header.

        With `habitual`, they send some token in any case: it only counts where somebody without one may not.
        """
        self._app = app
        self._roles = roles
        self._password = password
        self._habitual = habitual

    def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> Awaitable[None]:
        """Pass a request on. Raises a 401, 403 or 429 problem."""
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if (needed := self._roles[method]) is not Role.NONE:
            role = _role(scope, method, self._authorization(scope, needed))
            require(role, needed)
            scope["role"] = role
        return self._app(scope, receive, send)

    def _authorization(self, scope: _Scope, needed: Role) -> str | None:
        """Return the header as if all clients of the route sent their token as the others do."""
        if self._habitual and scope["app"].state.gate.anonymous >= needed:
            return None
        sent: bytes | None = scope["fields"].get(b"authorization")
        if sent is not None:
            return sent.decode("latin-1")
        return _sent_in_url(scope, self._password) if self._password is not None else None


def _role(scope: _Scope, method: str, authorization: str | None) -> Role:
    state, fields = scope["app"].state, scope["fields"]
    gate: Gate = state.gate
    sites: Sites = state.sites
    sites.require(method, fields, authorization)
    client, origin = scope.get("client") or ("", 0), fields.get(b"origin")
    role = gate.role(authorization, client[0], origin.decode("latin-1") if origin is not None else None)
    ASKER.set(Asker(scope.get("request_id", ""), *gate.sender(authorization)))
    return role


def _sent_in_url(scope: _Scope, password: str) -> str | None:
    """Return the header that the parameter stands for."""
    sent = [value for name, value in parse_qsl(scope["query_string"].decode("latin-1")) if name == password]
    return f"Bearer {sent[0]}" if sent else None


def require_role(scope: _Scope, needed: Role) -> None:
    """Ask more than the route does, of a request whose need shows in its content. Raises a 401 or 403 problem."""
    require(scope.get("role", Role.NONE), needed)
