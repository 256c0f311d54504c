"""The loader process, for those who start it: what it is asked, and what its end means. See storage.graph.loader."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from pathlib import Path
from typing import TypedDict

from storage.children import Children
from storage.errors import DiskFailed, WriterCrashed
from storage.graph.syntax import too_long

MEMORY = 2 << 30  # with what is reserved: of short lines the engine takes more than half of it


class Request(TypedDict):
    """See storage.graph.loader."""

    next: str
    base: str | None
    drop: list[str | None]
    staged: str | None
    graphs: list[str | None] | None
    create: list[str]
    old: str | None


def fill(request: Request, children: Children, *fds: int) -> None:
    """Let the process fill a store, and keep file descriptors open as long as it lives. Durable when it returns.

    Raises TermTooLong, DiskFailed, WriterCrashed or Closed.
    """
    with children.started(
        ["-m", "storage.graph.loader", str(MEMORY)],
        stdin=subprocess.PIPE,  # which closes with this process, and ends that one
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        pass_fds=fds,
    ) as process:
        assert process.stdin is not None  # noqa: S101 - opened with pipes, for the type checker
        assert process.stdout is not None  # noqa: S101 - as above
        with contextlib.suppress(BrokenPipeError):
            # Past its buffer, which would be flushed once more when it is closed.
            os.write(process.stdin.fileno(), json.dumps(request).encode() + b"\n")
        answer = process.stdout.readline()
    _judge(answer, process.returncode)


def finish(store: Path) -> None:
    """Compact a store that is filled and closed, and say what its graphs share. Durable when it returns.

    By another process: the compaction of this one may have been put off. Raises DiskFailed or WriterCrashed.
    """
    whole = Request(next=str(store), base=None, drop=[], staged=None, graphs=None, create=[], old=None)
    fill(whole, Children())


def _judge(answer: bytes, code: int) -> None:
    if not answer.endswith(b"\n"):
        raise WriterCrashed(f"the process that loads ended with status {code}; nothing was changed")
    if (error := json.loads(answer).get("error")) is not None:
        raise too_long(error) or DiskFailed(f"the graph could not be written: {error}")
