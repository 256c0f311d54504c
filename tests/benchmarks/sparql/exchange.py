"""Queries, updates and documents, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from tests.benchmarks.exchange import PATIENCE, Answer, Refused, exchange

__all__ = ["Answer", "Refused", "ask", "send", "update"]
_CHUNK = 1 << 20


def ask(port: int, query: str, media_type: str, *, keep: bool = True) -> Answer:
    """Ask a query, on a connection of its own; `keep` the answer or only count it. Raises Refused."""
    return exchange(port, "GET", f"/query?query={quote(query, safe='')}", {"Accept": media_type}, keep=keep)


def update(port: int, text: str) -> Answer:
    """Run an update. Raises Refused."""
    return exchange(port, "POST", "/update", {"Content-Type": "application/sparql-update"}, text.encode())


def send(port: int, method: str, path: str, file: Path, media_type: str, *, patience: float = PATIENCE) -> Answer:
    """Send a file as a body; `patience` is in seconds. Raises Refused."""
    headers = {"Content-Type": media_type, "Content-Length": str(file.stat().st_size)}
    return exchange(port, method, path, headers, _blocks(file), patience=patience)


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as body:
        while block := body.read(_CHUNK):
            yield block
