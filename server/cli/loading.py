"""A model on its way to POST /models: the server goes on by itself, and is asked how far it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from server.cli.failure import failure_of
from server.cli.progress import loading

if TYPE_CHECKING:
    from server.cli.client import Client

_PATIENCE = 1  # seconds until which an answer needs no further request
_STEP = 0.3  # seconds between looks


def loaded(client: Client, name: str, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - as httpx takes it
    """Load a model as `request` says, and return the report. Whoever ends it meanwhile (Ctrl-C) ends the load."""
    headers = {"Prefer": f"respond-async, wait={_PATIENCE}"}
    with loading(name) as show, client.stream("POST", "/models", headers=headers, **request) as answer:
        answer.read()
        document: dict[str, Any] = answer.json()
        if answer.status_code == 202:
            where = answer.headers["location"]
            document = _awaited(client, where, document, show)
    return document


def _awaited(client: Client, where: str, document: dict[str, Any], show: Any) -> dict[str, Any]:  # noqa: ANN401
    try:
        while document["seconds"] is None:
            show(document)
            time.sleep(_STEP)
            document = client.json("GET", where)
    except KeyboardInterrupt:
        client.json("DELETE", where)
        raise
    if document["problem"] is not None:
        raise failure_of(document["problem"])
    report: dict[str, Any] = document["report"]
    return report
