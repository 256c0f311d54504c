"""A server in a process of its own, for what needs real sockets, real clients and real deaths."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Service:
    """Where it answers, and the process."""

    url: str
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End it as a power cut would, with nothing cleaned up."""
        self.process.kill()
        self.process.wait()

    def stop(self, seconds: float = 60.0) -> int:
        """Ask it to end, and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


@contextmanager
def serving(data: Path, **settings: object) -> Iterator[Service]:
    """Serve a data directory. The socket listens at once: the first request waits until the server is up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        fd = listener.fileno()
        names = {f"TWINHOUSE_{name.upper()}": str(value) for name, value in settings.items()}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.service", str(fd)],
            pass_fds=[fd],
            cwd=ROOT,
            env={**os.environ, **names, "TWINHOUSE_DATA": str(data)},
        )
    try:
        yield Service(f"http://127.0.0.1:{port}", process)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def main() -> None:
    """Serve on the socket that is file descriptor argv[1]."""
    import logging

    from server.cli import hosting
    from server.settings import Settings

    logging.basicConfig(level=logging.WARNING)
    listener = socket.socket(fileno=int(sys.argv[1]))  # uvicorn's own `fd` would take it for a Unix socket
    hosting.serve(Settings.from_environment(), listener, lambda: None)


if __name__ == "__main__":
    main()
