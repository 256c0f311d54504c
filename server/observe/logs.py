"""The log on stderr: a line an event, with as little work for it as can be."""

from __future__ import annotations

import logging
import sys
import time
from typing import TextIO

_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


class _Formatter(logging.Formatter):
    """Writes the time as `logging` does by default; each second is written once."""

    def __init__(self) -> None:
        super().__init__(_FORMAT)
        self._second: tuple[int, str] = (-1, "")

    def format(self, record: logging.LogRecord) -> str:
        """Return what `logging` does; its own way there is long, and most records are of requests."""
        if record.exc_info or record.exc_text or record.stack_info:
            return super().format(record)
        return f"{self.formatTime(record)} {record.levelname} {record.name} {record.getMessage()}"

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002 - as there
        """Return local time with milliseconds."""
        second = int(record.created)
        if second != self._second[0]:
            self._second = second, time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))
        return f"{self._second[1]},{int(record.msecs):03}"


class _Handler(logging.StreamHandler[TextIO]):
    """Writes a line at once; stderr does not keep lines, so there is nothing to flush."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            self.stream.write(f"{self.format(record)}\n")
        except Exception:  # whatever it is, logging has a way to tell it
            self.handleError(record)


def log_to_stderr() -> None:
    """Log what is worth knowing in daily use."""
    handler = _Handler(sys.stderr)
    handler.setFormatter(_Formatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # What the format does not show need not be found out, each time ("Optimization" in Python's logging HOWTO).
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
