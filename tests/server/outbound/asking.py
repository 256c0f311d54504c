"""What a client says to the server, and what it hears."""

from __future__ import annotations

from typing import Any

from httpx2 import Response
from starlette.testclient import TestClient


def ask(client: TestClient, text: str, **more: str) -> Response:
    return client.get("/query", params={"query": text, **more})


def update(client: TestClient, text: str) -> Response:
    return client.post("/update", data={"update": text})


def problem(answer: Response) -> tuple[int, str]:
    """Return status and detail of a problem, which must not tell of the gateway."""
    document: dict[str, Any] = answer.json()
    return answer.status_code, document["detail"]


def everything(client: TestClient) -> list[str]:
    return sorted(client.get("/store", params={"format": "nquads"}).text.splitlines())
