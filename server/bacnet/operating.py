"""Takes commands from the server, has them carried out, and tells how each went; takes back what is held."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from server.bacnet.commanding import Commander, NotDone, Order
from server.bacnet.config import Config
from server.bacnet.holdings import Holdings
from server.bacnet.polling import Device
from server.bacnet.sending import Away, client, detail_of, headers_of
from server.bacnet.tags import ObjectId

_LOG = logging.getLogger(__name__)
_WAIT = 20  # seconds that the server may keep us waiting for a command
_AWAY_SECONDS = 5.0
_TAKE_BACK_SECONDS = 1.0


class Operator:
    """What the gateway does about commands. Without permissions it takes none, but takes back what is still held."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._devices: dict[str, Device] = {}
        self._points: dict[str, tuple[Device, ObjectId]] = {}
        self._holdings = Holdings(config.state / "commands.sqlite")
        self._audit_path = config.state / "commands.jsonl"
        self._commander = Commander(config.commands, self._holdings, self.audit)

    def know(self, devices: Sequence[Device]) -> None:
        """Say what there is to command."""
        self._devices = {device.plan.key: device for device in devices}
        self._points = {point.id: (device, point.object) for device in devices for point in device.plan.points}

    def audit(self, entry: dict[str, Any]) -> None:
        """Keep an entry; durable when it returns."""
        append(self._audit_path, {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **entry})

    async def take_back(self) -> None:
        """Take back what has held its time, until cancelled."""
        while True:
            await self._commander.take_back_due(self._devices)
            await asyncio.sleep(_TAKE_BACK_SECONDS)

    async def take_orders(self) -> None:
        """Take commands and carry them out, until cancelled."""
        if not self._config.commands:
            return
        said = ""
        async with client(_WAIT + 30.0) as http, asyncio.TaskGroup() as tasks:
            while True:
                try:
                    found = await self._ask(http, f"commands/take?wait={_WAIT}", {})
                    said = ""
                    for command in found.get("commands", ()):
                        tasks.create_task(self._obey(http, command))
                except Away as reason:
                    if str(reason) != said:
                        _LOG.warning("no commands are taken: %s", reason)
                    said = str(reason)
                    await asyncio.sleep(_AWAY_SECONDS)

    async def _obey(self, http: httpx2.AsyncClient, command: dict[str, Any]) -> None:
        try:
            outcome = await self._carry_out(command)
        except NotDone as error:
            outcome = {"failure": error.kind, "detail": str(error)}
        try:
            await self._ask(http, f"commands/{command['id']}/outcome", outcome)
        except Away as reason:
            _LOG.warning("how command %s went cannot be told: %s", command["id"], reason)

    async def _carry_out(self, command: dict[str, Any]) -> dict[str, Any]:
        target = self._points.get(str(command["point"]))
        if target is None:
            raise NotDone("unknown", "the gateway has no such point")
        order = Order(command["value"], command["priority"], command["seconds"], command["life_safety"])
        return await self._commander.carry_out(*target, order, str(command["who"]))

    async def _ask(self, http: httpx2.AsyncClient, path: str, document: dict[str, Any]) -> dict[str, Any]:
        """Post a document and return the answer's. Raises Away."""
        url = f"{self._config.url}/{path}"
        try:
            answer = await http.post(url, json=document, headers=headers_of(self._config.token_file))
        except httpx2.HTTPError as error:
            raise Away(f"no answer from {self._config.url}: {error or type(error).__name__}") from None
        if answer.status_code >= 300:
            raise Away(f"{url} answers {answer.status_code}: {detail_of(answer)}")
        found = answer.json() if answer.content else {}
        return found if isinstance(found, dict) else {}

    def close(self) -> None:
        """Close the files."""
        self._holdings.close()


def append(path: Path, entry: dict[str, Any]) -> None:
    """Append a line of JSON; durable when it returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="utf-8") as file:
        file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
