"""The parent's side of the writer process: asks it, ends it at a deadline, and starts another when it has gone.

A commit is one record of the store's log, written after all else is done. So a process that is killed before anything
was written to a log has changed nothing; once something was, the process is left to finish.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from storage.errors import Closed, DeadlineExceeded, DiskFailed, MemoryLimitExceeded, StorageError, WriterCrashed
from storage.graph.channel import TOO_DEEP, Channel, Gone, as_exception
from storage.graph.deadline import Deadline
from storage.graph.recording.recorder import Change
from storage.graph.sync import Logs
from storage.graph.writer_process import WriterProcess

_STEP = 0.1  # seconds between looks at whether the engine is to be closed
_COMMIT_SECONDS = 120.0  # that a commit may take which has begun when the deadline passes
_TRIES = 3
_UNKNOWN = "the process that writes the graph ended: whether the change was made is not known"


class Engine:
    """The store of a directory, open in a process of its own. One write at a time; questions at any time."""

    def __init__(self, path: Path, logs: Logs, memory: int, lock: int) -> None:
        """`logs` are those in `path`. `memory` bytes the process may use; it inherits the file descriptor `lock`."""
        self._path = path
        self._logs = logs
        self._memory = memory
        self._lock = lock
        self._asking = threading.Lock()  # one question at a time; none while the engine is paused
        self._starting = threading.Lock()
        self._retired: list[WriterProcess] = []
        self._closing = False
        self._process: WriterProcess | None = self._start()

    def _start(self) -> WriterProcess:
        return WriterProcess(self._path, self._memory, self._lock)

    def _living(self) -> WriterProcess:
        """Return the process, or a new one where it has died. Only for those who ask or write."""
        with self._starting:
            if self._process is not None and not self._process.alive:
                self._retired.append(self._process)  # its sockets may be in use: whoever writes next closes them
                self._process = None
            if self._process is None:
                if self._closing:
                    raise Closed("the graph is closed")
                self._process = self._start()
            return self._process

    @property
    def pid(self) -> int:
        """The process that has the store open now."""
        with self._asking:
            return self._living().pid

    def ask(self, question: str, **more: Any) -> Any:  # noqa: ANN401 - JSON
        """Return the answer to a question (see storage.graph.writer), also while a write goes on."""
        with self._asking:
            for _ in range(_TRIES):
                process = self._living()
                try:
                    process.questions.send({"ask": question, **more})
                    return process.questions.receive()
                except Gone:
                    process.end()
        raise WriterCrashed("the process that writes the graph has ended again and again")

    def checkpoint(self, path: Path) -> None:
        """Write what is committed now to `path`, which must not exist; files that never change are linked."""
        self.ask("checkpoint", path=str(path))

    def graphs(self) -> list[str]:
        """Return the IRIs of the named graphs, sorted."""
        return list(self.ask("graphs"))

    def has_graph(self, iri: str) -> bool:
        """Tell whether there is a named graph."""
        return bool(self.ask("has", graph=iri))

    def count(self) -> int:
        """Return how many quads there are."""
        return int(self.ask("count"))

    def is_empty(self) -> bool:
        """Tell whether there is neither a quad nor a named graph."""
        return not self.size(None, 1) and not self.graphs()

    def size(self, graphs: list[str | None] | None, most: int) -> int:
        """Return how many quads these graphs hold, up to `most`. Among them None is the default graph, alone all."""
        return int(self.ask("size", graphs=graphs, most=most))

    def write(self, deadline: Deadline | None = None, **request: Any) -> Change | None:  # noqa: ANN401 - JSON
        """Commit a request (see storage.graph.writer); returns what it changes if that is known. One at a time.

        Raises what is wrong with it, DeadlineExceeded, MemoryLimitExceeded or Closed, with nothing changed; or, when
        that is not known, DiskFailed or WriterCrashed.
        """
        process = self._renew()
        marked = self._logs.mark()
        try:
            process.writes.send(request)
            self._wait(process, marked, deadline)
            return _parsed(process.writes.receive())
        except Gone:
            raise self._cause_of_death(process, marked) from None
        except DiskFailed:
            process.end()  # after an error of the disk the engine takes no more writes until it is opened again
            raise

    def begin_updates(self, updates: Sequence[tuple[str, str | None]], *, record: bool = False) -> Channel | None:
        """Have updates committed that take no time, texts with base IRIs, as if one came after the other, and synced.

        Returns where the answers come, for `committed` and then `synced`; None where a process would have to be
        started for them.
        """
        if not self._starting.acquire(blocking=False):
            return None
        try:
            process = None if self._retired else self._process
        finally:
            self._starting.release()
        if process is None:
            return None
        try:
            process.writes.send({"updates": updates, "record": record})
        except Gone:  # it has ended before it had the whole request, of which nothing is done then
            return None
        return process.writes

    def committed(self, channel: Channel) -> list[Change | StorageError | None]:
        """Return for each update the error that is wrong with it, or what `write` would return. Not durable yet.

        To be called once there is an answer. Raises WriterCrashed, with which it is not known what became of them.
        """
        return [
            as_exception(answer) if isinstance(answer, dict) else _parsed(answer)
            for answer in self._received(channel)
        ]

    def synced(self, channel: Channel) -> None:
        """Return when what was committed is on disk. Raises NotSynced, or WriterCrashed as above."""
        self._received(channel)

    def _received(self, channel: Channel) -> Any:  # noqa: ANN401 - JSON
        try:
            return channel.receive()
        except Gone:
            self.end_writer(channel)
            raise WriterCrashed(_UNKNOWN) from None
        except DiskFailed:
            self.end_writer(channel)
            raise

    def begun_updates(self, updates: Sequence[tuple[str, str | None]], *, record: bool = False) -> Channel:
        """Begin updates; starts a process for them where that has to be."""
        while (channel := self.begin_updates(updates, record=record)) is None:
            self._renew()
        return channel

    def end_writer(self, channel: Channel) -> None:
        """End the process of a channel, if it is still there. After an error of the disk it takes no more writes."""
        if self._process is not None and self._process.writes is channel:
            self._process.end()

    def _renew(self) -> WriterProcess:
        """Return the process, or a new one where it has died; those that have are closed. Only for who writes."""
        process = self._living()
        with self._starting:
            retired, self._retired = self._retired, []
        for old in retired:
            old.close()
        return process

    def _wait(self, process: WriterProcess, marked: set[int], deadline: Deadline | None) -> None:
        """Return when there is an answer, or an end. Kills the process at the deadline unless it commits already."""
        while not process.writes.ready(_STEP if deadline is None else min(_STEP, deadline.left)):
            late = deadline is not None and not deadline.left
            if not late and not self._closing:
                continue
            if self._logs.written(marked):  # it commits, which takes as long as it takes, but not for ever
                if not process.writes.ready(_COMMIT_SECONDS):
                    process.end()
                return
            process.end()
            if not self._logs.written(marked):  # else it began to commit just then
                raise self._too_late(deadline)
            return

    def _too_late(self, deadline: Deadline | None) -> StorageError:
        if deadline is None or deadline.left:
            return Closed("the graph is closing")
        return DeadlineExceeded(f"the update took longer than {deadline.seconds:g} s")

    def _cause_of_death(self, process: WriterProcess, marked: set[int]) -> StorageError:
        code = process.end()
        if self._logs.written(marked):
            return WriterCrashed(_UNKNOWN)
        if code == -signal.SIGSEGV:
            return MemoryLimitExceeded(f"the update {TOO_DEEP}")
        if code == -signal.SIGABRT:
            return MemoryLimitExceeded(f"the update needed more than {self._memory >> 20:,} MiB of memory")
        return WriterCrashed(f"the process that writes the graph ended with status {code}; nothing was changed")

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Close the store for the block; what is asked meanwhile waits. The caller sees to it that nothing writes."""
        with self._asking:
            self._stop()
            try:
                yield
            finally:
                with contextlib.suppress(OSError, StorageError):  # else it is started when it is needed
                    self._process = self._start()

    def _stop(self) -> None:
        for process in (*self._retired, self._process):
            if process is not None:
                process.close()
        self._retired, self._process = [], None

    def hasten(self) -> None:
        """End a write that is under way, unless it commits already; no process is started any more."""
        self._closing = True

    def close(self) -> None:
        """Flush and close the store. Closing twice is fine; the caller sees to it that nothing writes."""
        with self._asking:
            self._closing = True
            if self._process is not None and self._process.alive:
                with contextlib.suppress(Gone, StorageError):  # what is not flushed is in the logs
                    self._process.questions.send({"ask": "flush"})
                    self._process.questions.receive()
            self._stop()


def _parsed(document: Sequence[Any] | None) -> Change | None:
    return None if document is None else Change.parse(document)
