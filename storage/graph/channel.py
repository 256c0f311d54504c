"""A socket to the writer process (see storage.graph.writer), and what its errors are here."""

from __future__ import annotations

import contextlib
import json
import select
import socket
from collections.abc import Iterator
from typing import Any

from storage.errors import DiskFailed, MemoryLimitExceeded, QueryEvaluationError, StorageError, WriterCrashed
from storage.graph.syntax import syntax_error, too_long

TOO_DEEP = "has parts that are too deep in each other"
"""What is wrong with a text or terms for which the engine's stack does not do."""
_READ = 1 << 18  # bytes


class Gone(Exception):
    """The process has ended."""


class NotSynced(DiskFailed):
    """The disk did not confirm what the process wrote."""


class Channel:
    """A socket to the process: one request at a time, and its answer, or several in turn."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._received = b""

    @property
    def inherited(self) -> int:
        """The file descriptor for the process."""
        return self._theirs.fileno()

    def handed_over(self) -> None:
        """Let go of the process's end, which it has now itself."""
        self._theirs.close()

    def send(self, request: dict[str, Any]) -> None:
        """Send a request. Raises Gone."""
        with _gone_if_closed():
            self._ours.sendall(json.dumps(request).encode() + b"\n")

    def fileno(self) -> int:
        """Return what becomes readable when there is an answer, or the process has ended."""
        return self._ours.fileno()

    @property
    def has_more(self) -> bool:
        """Tell whether an answer was received together with the last one."""
        return b"\n" in self._received

    def ready(self, seconds: float) -> bool:
        """Wait so long for an answer, or for the end of the process."""
        if self.has_more:
            return True
        poll = select.poll()
        poll.register(self._ours, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def receive(self) -> Any:  # noqa: ANN401 - JSON
        """Return the next answer, or raise the error that it is; or Gone."""
        answer = json.loads(self._line())
        if "error" in answer:
            raise as_exception(answer)
        return answer["ok"]

    def _line(self) -> bytes:
        parts = [self._received]
        while b"\n" not in parts[-1]:
            with _gone_if_closed():
                parts.append(self._ours.recv(_READ))
            if not parts[-1]:
                raise Gone
        line, _, self._received = b"".join(parts).partition(b"\n")
        return line

    def close(self) -> None:
        """Close both ends. Closing twice is fine."""
        self._ours.close()
        self._theirs.close()


@contextlib.contextmanager
def _gone_if_closed() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Gone from error


def as_exception(answer: dict[str, Any]) -> StorageError:
    """Return the error that an answer is."""
    message = answer["message"]
    match answer["error"]:
        case "syntax":
            return syntax_error(message, answer["line"], answer["column"])
        case "evaluation":
            return QueryEvaluationError(message)
        case "memory":
            return too_long(message) or MemoryLimitExceeded("the write needed more memory than it may use")
        case "sync":
            return NotSynced(message)
        case "disk":
            return DiskFailed(f"the graph could not be written or read: {message}")
        case _:
            return WriterCrashed(message)
