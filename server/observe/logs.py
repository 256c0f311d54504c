"""The log on stderr: a line an event, with as little work for it as can be."""

from __future__ import annotations

import logging
import sys
import time
from collections import deque
from typing import TextIO

_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


class _Clock:
    """Writes times as `logging` does by default; each second is written once."""

    def __init__(self) -> None:
        self._second: tuple[int, str] = (-1, "")

    def text(self, moment: float) -> str:
        """Return local time with milliseconds."""
        second = int(moment)
        if second != self._second[0]:
            self._second = second, time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        return f"{self._second[1]},{int((moment - second) * 1000):03}"


class _Formatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__(_FORMAT)
        self._clock = _Clock()

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002 - as there
        """Return local time with milliseconds."""
        return self._clock.text(record.created)


class Lines(logging.Handler):
    """Writes lines: those of `logging` at once, others together with the next ones."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.setFormatter(_Formatter())
        self._stream = stream
        self._clock = _Clock()
        self._waiting = deque[str]()

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, behind what waits."""
        try:
            self._write(f"{self.format(record)}\n")
        except Exception:  # whatever it is, logging has a way to tell it
            self.handleError(record)

    def add(self, name: str, text: str) -> bool:
        """Take a line of the level INFO; tell whether it is the first that waits for `flush`. For one thread."""
        self._waiting.append(f"{self._clock.text(time.time())} INFO {name} {text}\n")
        return len(self._waiting) == 1

    def flush(self) -> None:
        """Write what waits; stderr itself keeps nothing. `logging` does so too when the process ends."""
        if self._waiting:
            self._write("")

    def _write(self, last: str) -> None:
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        self._stream.write("".join([*waiting, last]))


def lines_of(log: logging.Logger) -> Lines | None:
    """Return where lines of the level INFO of a log go, if they go to `Lines`."""
    found = (handler for handler in logging.getLogger().handlers if isinstance(handler, Lines))
    return next(found, None) if log.isEnabledFor(logging.INFO) else None


def log_to_stderr() -> None:
    """Log what is worth knowing in daily use."""
    logging.basicConfig(level=logging.INFO, handlers=[Lines(sys.stderr)])
    # What the format does not show need not be found out, each time ("Optimization" in Python's logging HOWTO).
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
