"""The guard in front of one route."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from server.auth.gate import Gate
from server.auth.guard import Guard, require_role
from server.auth.sites import Sites
from server.auth.tokens import Role, Tokens
from server.errors import Problem


async def never(*_: object) -> Any:  # noqa: ANN401 - it never returns
    raise AssertionError("a request that is refused goes no further, and its body stays unread")


def scope_of(tmp_path: Path, method: str) -> dict[str, Any]:
    gate = Gate(Tokens(tmp_path / "tokens.json"), anonymous=Role.NONE)
    app = SimpleNamespace(state=SimpleNamespace(gate=gate, sites=Sites(None, frozenset())))
    return {"type": "http", "method": method, "headers": [], "fields": {}, "client": None, "app": app}


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_nothing_is_read_of_a_request_that_is_refused(tmp_path: Path, method: str) -> None:
    guard = Guard(never, {"GET": Role.READ, "POST": Role.WRITE})
    with pytest.raises(Problem) as caught:
        anyio.run(guard, scope_of(tmp_path, method), never, never)
    assert caught.value.status == 401


def test_no_role_is_the_least_role() -> None:
    with pytest.raises(Problem):
        require_role({}, Role.READ)
