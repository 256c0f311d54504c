"""Brings readings from the buffer to the server, by its public HTTP API, in their order."""

from __future__ import annotations

import asyncio
import csv
import io
import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx2

from server.bacnet.buffer import Buffer, Reading

_LOG = logging.getLogger(__name__)
_ROWS = 20_000
_PAUSE = 0.5
_LONGEST_PAUSE = 30.0
_REFUSALS = frozenset({400, 413, 422})


class Sender:
    """Sends what waits, for ever. While the server is away it waits and tries again."""

    def __init__(self, buffer: Buffer, url: str, token_file: Path | None = None, *, pause: float = _PAUSE) -> None:
        self._buffer = buffer
        self._url = url
        self._token_file = token_file
        self._pause = pause
        self._away = ""
        self.sent = 0

    async def run(self) -> None:
        """Send until cancelled."""
        pause = self._pause
        async with client() as http:
            while True:
                try:
                    while await self.send_some(http):
                        pause = self._pause
                    self._say(None)
                    pause = self._pause
                except Away as reason:
                    self._say(str(reason))
                    pause = min(2 * pause, _LONGEST_PAUSE)
                await asyncio.sleep(pause)

    async def send_all(self, seconds: float) -> None:
        """Send what waits, at the end; what cannot be sent in the time stays in the buffer."""
        try:
            async with asyncio.timeout(seconds), client() as http:
                while await self.send_some(http):
                    pass
        except (Away, TimeoutError):
            pass

    async def send_some(self, client: httpx2.AsyncClient) -> bool:
        """Send one request's worth; tell whether there was anything. Raises Away."""
        readings, numbers = await asyncio.to_thread(self._buffer.first, _ROWS)
        if not readings:
            return False
        await self._send(client, readings, numbers)
        return True

    async def _send(self, client: httpx2.AsyncClient, readings: Sequence[Reading], numbers: Sequence[int]) -> None:
        """Send readings; what the server refuses is found by halves, and set apart with its reason."""
        refusal = await self._post(client, readings)
        if refusal is None:
            await asyncio.to_thread(self._buffer.remove, numbers)
            self.sent += len(readings)
        elif len(readings) == 1:
            _LOG.error("the server refuses a reading of %s: %s", readings[0].id, refusal)
            await asyncio.to_thread(self._buffer.refuse, readings[0], numbers[0], refusal)
        else:
            middle = len(readings) // 2
            await self._send(client, readings[:middle], numbers[:middle])
            await self._send(client, readings[middle:], numbers[middle:])

    async def _post(self, client: httpx2.AsyncClient, readings: Sequence[Reading]) -> str | None:
        """Post readings; return why the server refuses them, None when it has them. Raises Away."""
        headers = {"Content-Type": "text/csv", **headers_of(self._token_file)}
        try:
            answer = await client.post(f"{self._url}/readings", content=body_of(readings), headers=headers)
        except httpx2.HTTPError as error:
            raise Away(f"no answer from {self._url}: {error or type(error).__name__}") from None
        if answer.status_code in _REFUSALS:
            return detail_of(answer)
        if answer.status_code >= 300:
            raise Away(f"{self._url} answers {answer.status_code}: {detail_of(answer)}")
        return None

    def _say(self, reason: str | None) -> None:
        if reason is not None and reason != self._away:
            _LOG.warning("%s; readings wait in the buffer", reason)
        elif reason is None and self._away:
            _LOG.info("the server is back; the buffer is empty")
        self._away = reason or ""


def client(seconds: float = 60.0) -> httpx2.AsyncClient:
    """Return a client that waits so long for an answer. It asks the server alone, whatever proxies there are."""
    return httpx2.AsyncClient(timeout=httpx2.Timeout(seconds, connect=5.0), trust_env=False)


def headers_of(token_file: Path | None) -> dict[str, str]:
    """Return the header with the token, if there is one; its file is read each time, since it may be changed.

    Raises Away where it cannot be read.
    """
    if token_file is None:
        token = os.environ.get("TWINHOUSE_TOKEN", "").strip()
    else:
        try:
            token = token_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise Away(f"{token_file}: {error.strerror}") from None
    return {"Authorization": f"Bearer {token}"} if token else {}


class Away(Exception):
    """The server cannot be asked, or not now."""


def body_of(readings: Sequence[Reading]) -> bytes:
    """Return readings as CSV."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("id", "time", "value", "text", "status"))
    for each in readings:
        rows.writerow(
            (each.id, time_text(each.time), "" if each.value is None else repr(each.value), each.text, each.status)
        )
    return text.getvalue().encode()


def time_text(microseconds: int) -> str:
    """Return a time in ISO 8601."""
    seconds, rest = divmod(microseconds, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06d}Z"


def detail_of(answer: httpx2.Response) -> str:
    """Return what a problem document says."""
    try:
        document = answer.json()
    except ValueError:
        return answer.text[:200]
    return str(document.get("detail", "")) if isinstance(document, dict) else ""
