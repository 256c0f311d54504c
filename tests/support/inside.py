"""A server on real sockets in a thread of this process, for tests that look at its twin while clients come and go."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from server.app import create_app
from server.edge.connections import connection_class
from server.settings import Settings
from server.streaming import Slots
from server.twin.service import Twin

SECONDS = 60.0
"""After which a test gives up waiting."""


@dataclass(frozen=True, slots=True)
class Inside:
    """Where the server answers, and what it serves."""

    url: str
    twin: Twin
    slots: Slots

    def lingering(self) -> int:
        """How many queries go on for a moment that nobody waits for any more."""
        return len(self.slots.asking.lingering) if self.slots.asking is not None else 0


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@contextmanager
def inside(data: Path, **settings: float | str) -> Iterator[Inside]:
    """Serve a data directory until the block ends."""
    chosen = Settings.from_environment({}, data=data, **settings)
    app = create_app(chosen)
    connection = connection_class(chosen)
    server = _Server(uvicorn.Config(app, http=connection, log_config=None, timeout_graceful_shutdown=2))
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            assert server.up.wait(SECONDS)
            yield Inside(f"http://127.0.0.1:{listener.getsockname()[1]}", app.state.twin, app.state.slots)
        finally:
            server.should_exit = True
            thread.join()
