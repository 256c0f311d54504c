"""Loads that go on by themselves: whoever began one may leave, come back, and find what became of it."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from server.errors import Problem, problem_of
from server.twin.models import LoadReport
from server.twin.progress import Phase, Progress
from storage.errors import Cancelled, Closed
from storage.graph.results import ASKER, Asker

MOST_WAITING = 32
MOST_KEPT = 100  # that have ended
_AT_A_TIME = 2
_LOG = logging.getLogger(__name__)
Run = Callable[[Progress], LoadReport]


@dataclass(slots=True)
class Load:
    """A load: in the end it has a report, or the problem that it met."""

    id: str
    name: str
    began: str
    asker: Asker | None
    progress: Progress = field(default_factory=Progress)
    report: LoadReport | None = None
    problem: Problem | None = None
    started: float = field(default_factory=time.monotonic)
    seconds: float | None = None
    ended: threading.Event = field(default_factory=threading.Event)


class Loads:
    """The loads of a server, two at a time; the last hundred that have ended are remembered. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loads: dict[str, Load] = {}
        self._pool = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="load")
        self._futures: set[Future[None]] = set()

    def start(self, name: str, run: Run, close: Callable[[], None]) -> Load:
        """Begin a load as whoever asks; `close` is called when it has ended. Raises a 503 problem for too many."""
        load = Load(uuid4().hex, name, datetime.now(UTC).isoformat(timespec="seconds"), ASKER.get())
        with self._lock:
            if sum(not each.ended.is_set() for each in self._loads.values()) >= MOST_WAITING + _AT_A_TIME:
                detail = f"{MOST_WAITING} loads are waiting already"
                raise Problem(503, "overloaded", detail, hint="GET /loads", headers={"Retry-After": "5"})
            self._loads[load.id] = load
            self._forget()
            future = self._pool.submit(contextvars.copy_context().run, self._run, load, run, close)
            self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        return load

    def _run(self, load: Load, run: Run, close: Callable[[], None]) -> None:
        try:
            load.report = run(load.progress)
            load.progress.phase = Phase.DONE
        except Exception as error:  # whatever it is, whoever comes back is told
            load.problem = problem_of(error) or Problem(500, "internal", f"{type(error).__name__}: {error}")
            load.progress.phase = Phase.CANCELLED if isinstance(error, Cancelled) else Phase.FAILED
            if load.problem.status >= 500 and not isinstance(error, (Cancelled, Closed)):
                _LOG.exception("the load of %s failed", load.name)
        finally:
            close()
            load.seconds = time.monotonic() - load.started
            load.ended.set()

    def _forget(self) -> None:
        ended = [each.id for each in self._loads.values() if each.ended.is_set()]
        for name in ended[: max(0, len(ended) - MOST_KEPT)]:
            del self._loads[name]

    def listed(self) -> list[Load]:
        """Return the loads, the newest first."""
        with self._lock:
            return list(reversed(self._loads.values()))

    def find(self, name: str) -> Load:
        """Return a load. Raises a 404 problem."""
        found = self._loads.get(name)
        if found is None:
            detail = (
                f"there is no load {name}: the last {MOST_KEPT} that have ended are remembered until the server stops"
            )
            raise Problem(404, "no-such-load", detail, hint="GET /loads lists them")
        return found

    def cancel(self, name: str) -> None:
        """End a load that is not written yet. Raises a 404 or 409 problem."""
        load = self.find(name)
        if not load.progress.cancel():
            phase = load.progress.phase.value
            hint = "POST /changes/{number}/undo takes back what it changed" if phase != Phase.FAILED else ""
            raise Problem(409, "too-late", f"the load {name} is {phase}, and cannot be ended any more", hint=hint)

    def close(self) -> None:
        """End what is being read, and wait for what is written. Closing twice is fine."""
        for load in self.listed():
            load.progress.cancel()
        wait(self._futures)
        self._pool.shutdown()
