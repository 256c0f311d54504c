"""What the requests of one query may use together: seconds and bytes. Also the means to end them from outside."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

from storage.errors import OutboundFailed


class Budget:
    """Thread-safe: `close` ends the request that goes on, whatever it waits for."""

    def __init__(self, seconds: float, bytes_: int) -> None:
        self._seconds = seconds
        self._bytes = bytes_
        self._left = seconds
        self._until = 0.0
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._closed = False
        self._late = False

    @contextlib.contextmanager
    def spending(self) -> Iterator[None]:
        """Let time run while a request goes on; one that is late is cut off, and raises OutboundFailed."""
        began = time.monotonic()
        self._until = began + self._left
        alarm = threading.Timer(self._left, self._end_late)
        alarm.daemon = True
        alarm.start()
        try:
            yield
        except Exception:
            self.seconds()  # what was cut off fails in many ways
            raise
        finally:
            alarm.cancel()
            self._left -= time.monotonic() - began

    def seconds(self) -> float:
        """Return the seconds that are left. Raises OutboundFailed where there are none."""
        left = self._until - time.monotonic()
        if self._closed and not self._late:
            raise OutboundFailed("the query has ended")
        if left <= 0 or self._late:
            raise OutboundFailed(f"no answer within {self._seconds:.1f} s")
        return left

    @property
    def bytes_left(self) -> int:
        """The bytes that are left."""
        return self._bytes

    def spend(self, count: int) -> None:
        """Take bytes. Raises OutboundFailed where there are not as many left."""
        self._bytes -= count
        if self._bytes < 0:
            raise OutboundFailed("the answers have more bytes than the setting body_megabytes allows")

    @contextlib.contextmanager
    def holding(self, connection: socket.socket) -> Iterator[None]:
        """Have this connection shut down when time is up or the query ends."""
        with self._lock:
            self._sockets.add(connection)
            ended = self._closed
        try:
            if ended:
                self.seconds()
            yield
        finally:
            with self._lock:
                self._sockets.discard(connection)

    def _end_late(self) -> None:
        self._late = True
        self.close()

    def close(self) -> None:
        """Shut down what is open, and let nothing more be opened. Closing twice is fine."""
        with self._lock:
            self._closed = True
            for connection in self._sockets:
                with contextlib.suppress(OSError):
                    # SSLSocket.shutdown would take away what the thread that reads from it is using
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
