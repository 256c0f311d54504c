"""A real server for a test: `twinhouse serve` as a process of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

START_SECONDS = 30.0
STOP_SECONDS = 30.0
COMMAND = (sys.executable, "-c", "from server.cli.main import main; main()")


@contextmanager
def running_server(data: Path, *options: str, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """Serve a data directory on a free port until the block ends; gives its URL once it is ready.

    `options` are further options of `twinhouse serve`. The end is SIGTERM, which must end it with exit code 0.
    """
    with tempfile.TemporaryFile("w+") as log:
        command = [*COMMAND, "serve", "--data", str(data), "--port", "0", *options]
        process = subprocess.Popen(command, stderr=log, env=env)
        try:
            yield _ready(process, log)
        finally:
            code = stop(process)
        assert code == 0, f"the server ended with {code}:\n{_text(log)}"


def stop(process: subprocess.Popen[bytes], seconds: float = STOP_SECONDS) -> int:
    """End a process by SIGTERM, or by SIGKILL if that takes too long; returns its exit code."""
    process.terminate()
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _ready(process: subprocess.Popen[bytes], log: IO[str]) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        said = [line for line in _text(log).splitlines() if line.startswith("serving ")]
        if said and is_ready(url := said[0].rpartition(" at ")[2].rstrip("/")):
            return url
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start (exit code {process.poll()}):\n{_text(log)}")


def _text(log: IO[str]) -> str:
    """Return all that was written, without moving the place where the server writes on."""
    return Path(f"/proc/self/fd/{log.fileno()}").read_text()


def is_ready(url: str) -> bool:
    """Ask /readyz once."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
