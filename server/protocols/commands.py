"""POST /commands: a command to the building. A gateway takes it by POST /commands/take and tells the outcome."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.errors import Problem, bad_request
from server.protocols.http import Parameters, json_body, query_pairs, twin_of
from server.streaming import Slots, slots_of
from server.twin.commanding import Commands, parse_command
from storage.graph.results import ASKER

_SECONDS = 30
_LONGEST_TAKE = 30
_STATUS = {"refused": 403, "unknown": 404, "unverified": 409, "invalid": 400, "failed": 502}


async def give(request: Request) -> Response:
    """Command a point, and answer when it is done and read back."""
    parameters = Parameters(query_pairs(request), ("timeout",))
    seconds = parameters.number("timeout")
    document = await json_body(request)
    name = document.get("point")
    if not isinstance(name, str):
        raise bad_request("point is missing", hint="the point's IRI, or its series' UUID")
    index = await slots_of(request).start(lambda: twin_of(request).index)
    series = index.series(name)
    point = index.by_uuid.get(series) if series else None
    if series is None or point is None:
        raise Problem(404, "no-such-point", f"there is no point {name}", hint="GET /points lists them")
    asker = ASKER.get()
    command = parse_command(document, series, asker.name if asker else "")
    outcome = await _commands(request).give(command, min(seconds or _SECONDS, 300))
    status = _STATUS.get(str(outcome.get("failure")))
    if status is not None:
        raise Problem(status, f"command-{outcome['failure']}", str(outcome.get("detail", "")))
    return JSONResponse({**_document(command), "point": point.point, **outcome})


async def take(request: Request) -> Response:
    """Give a gateway the commands that wait, or those that come within `wait` seconds while it is there."""
    parameters = Parameters(query_pairs(request), ("wait",))
    wait = min(parameters.number("wait") or 0, _LONGEST_TAKE)
    commands, left = _commands(request), asyncio.Event()

    def leave() -> None:
        left.set()
        commands.wake()

    slots: Slots = request.app.state.slots
    client = slots.clients.watch(request.receive, leave)
    try:
        found = await commands.take(max(wait, 0.01), lambda: not left.is_set())
    finally:
        client.close()
    return JSONResponse({"commands": [_document(each) for each in found]})


async def outcome(request: Request) -> Response:
    """Take note of how a command went."""
    Parameters(query_pairs(request), ())
    document = await json_body(request)
    if not await _commands(request).tell(request.path_params["id"], document):
        raise Problem(404, "no-such-command", "nobody waits for this command any more")
    return Response(status_code=204)


def _document(command: Any) -> dict[str, Any]:  # noqa: ANN401 - a Command
    return {**asdict(command), "point": str(command.point)}


def _commands(request: Request) -> Commands:
    commands: Commands = request.app.state.commands
    return commands
