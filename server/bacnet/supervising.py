"""A command as a child of ours: started with us, started again when it ends, ended with us."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

_LOG = logging.getLogger(__name__)
_SHORTEST, _LONGEST = 1.0, 60.0  # seconds before it is started again
_STABLE = 60.0  # seconds after which a run counts as a good one
_END_SECONDS = 15.0
_MAIN = "from server.cli.main import main; main()"
LIFELINE = "TWINHOUSE_LIFELINE"


class Supervisor(threading.Thread):
    """Keeps `twinhouse ARGUMENTS` running until it is stopped."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """`environment` is for the child, where ours has nothing of the same name."""
        super().__init__(name=" ".join(arguments), daemon=True)
        self._arguments = list(arguments)
        self._environment = dict(environment or {})
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def run(self) -> None:
        """Start the child, again and again."""
        pause = _SHORTEST
        while not self._stopping.is_set():
            started = time.monotonic()
            code = self._run_once()
            if self._stopping.is_set():
                return
            pause = _SHORTEST if time.monotonic() - started > _STABLE else min(2 * pause, _LONGEST)
            _LOG.warning("`twinhouse %s` ended with %s; it is started again in %.0f s", self.name, code, pause)
            self._stopping.wait(pause)

    def _run_once(self) -> int | None:
        reading, writing = os.pipe()
        command = [sys.executable, "-c", _MAIN, *self._arguments]
        environment = {**self._environment, **os.environ, LIFELINE: str(reading)}
        try:
            with self._lock:
                if self._stopping.is_set():
                    return None
                self._process = subprocess.Popen(command, pass_fds=[reading], env=environment)
            return self._process.wait()
        finally:
            os.close(reading)
            os.close(writing)

    def stop(self) -> None:
        """End the child; stopping twice is fine."""
        self._stopping.set()
        with self._lock:
            process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        if self.is_alive():
            self.join(_END_SECONDS)


def bind_to_parent() -> None:
    """End with the server that started us, if one did, whatever becomes of it."""
    fd = os.environ.get(LIFELINE)
    if fd is not None:
        from storage.graph.lifeline import end_with_parent

        end_with_parent(int(fd))
