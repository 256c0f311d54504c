"""What a process that does one thing begins with, and its end with the one that started it, whatever it is doing."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import select
import signal
import sys
from typing import Any


def end_with_parent(fd: int) -> None:
    """Die of SIGIO as soon as the other end of the pipe `fd` is closed; nobody is to write to it.

    The kernel sees to it. A thread that waits for the pipe's end would have to wait for the interpreter's lock as
    well, which the engine may hold for seconds.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_ASYNC)
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    if poll.poll(0):  # it was closed before
        os._exit(1)


def begin() -> dict[str, Any]:
    """Begin, within as many bytes of memory as the argument says; returns the request, a line of JSON on stdin."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C at the terminal is the parent's to handle
    cap = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_DATA, (cap, cap))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    request: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    end_with_parent(sys.stdin.fileno())
    return request
