"""The background thread that seals, compacts and drops what was deleted: by size, by number and by age."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from storage.errors import Overloaded
from storage.series.catalog import Segment
from storage.series.sources import overlap

PATIENCE = 4  # runs are merged once they are a quarter of what that rewrites, so that it does not grow as a square
MOST_RUNS = 64  # but at so many anyway, for the readers' sake
MOST_HOT = 8  # times what is sealed at a time: more waits, so that what is hot is bounded
HELD_BACK = 10.0  # seconds that a writer waits at most
_LOOK = 0.02  # seconds
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """When there is something to do.

    Hot readings are sealed from `seal_rows` on or after `seal_seconds`; runs are compacted from `compact_runs` on, or
    after `seal_seconds`. What was deleted is dropped from the files after `delete_seconds`.
    """

    seal_rows: int
    seal_seconds: float
    compact_runs: int
    delete_seconds: float


class Tender:
    """Runs `seal` and `compact` when they are due. What fails is logged, noted in `error`, and tried again."""

    def __init__(
        self,
        pace: Pace,
        *,
        seal: Callable[[], object],
        compact: Callable[[], object],
        roll_up: Callable[[Callable[[], bool]], object],
        warm: Callable[[Callable[[], bool]], object],
        hot_rows: Callable[[], int],
        catalog: Callable[[], Sequence[Segment]],
        has_deletions: Callable[[], bool],
    ) -> None:
        self._pace = pace
        self._seal = seal
        self._compact = compact
        self._roll_up = roll_up
        self._warm = warm
        self._hot_rows = hot_rows
        self._catalog = catalog
        self._has_deletions = has_deletions
        self._wake = threading.Event()
        self._closed = False
        self._ticked = time.monotonic()
        self._deleted: float | None = time.monotonic() if has_deletions() else None
        self.task = "idle"
        self.error: str | None = None
        self._thread = threading.Thread(target=self._run, name="series-keeper", daemon=True)
        self._thread.start()

    def wake(self, *, deleted: bool = False) -> None:
        """Have a look whether there is something to do; `deleted` tells that there will be."""
        if deleted and self._deleted is None:
            self._deleted = time.monotonic()
        self._wake.set()

    def is_due(self) -> bool:
        """Tell whether as much is hot as is sealed at a time."""
        return self._hot_rows() >= self._pace.seal_rows

    def hold_back(self) -> None:
        """Return once there is room for more hot readings. Raises Overloaded where there is none in time."""
        until = time.monotonic() + HELD_BACK
        while (rows := self._hot_rows()) >= MOST_HOT * self._pace.seal_rows:
            self._wake.set()
            if time.monotonic() >= until:
                why = f" ({self.error})" if self.error else ""
                raise Overloaded(f"{rows:,} readings wait to be written to Parquet{why}")
            time.sleep(_LOOK)

    def _run(self) -> None:
        self._try(self._begin)
        while not self._closed:
            self._wake.wait(self._patience())
            self._wake.clear()
            self._try(self._tend)

    def _try(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:  # a full disk may be empty the next time; what is hot stays there
            self.error = f"{type(error).__name__}: {error}"
            _LOG.exception("sealing or compacting failed, and will be tried again")

    def _begin(self) -> None:
        """Do what the process before this one did not come to, and which no reading that comes would have done."""
        self._roll_up_all()
        self._ready()

    def _roll_up_all(self) -> None:
        """Make all rollups; sealing goes first where that is due meanwhile, and the rest comes then."""
        held = False

        def stop() -> bool:
            nonlocal held
            held = held or self.is_due()
            return self._closed or held

        with self._doing("roll up"):
            self._roll_up(stop)
        if held:
            self._wake.set()

    def _ready(self) -> None:
        """Have ready in memory what reads need."""
        self._warm(lambda: self._closed or self.is_due())

    def _patience(self) -> float:
        """Return the seconds until something is due by age."""
        now = time.monotonic()
        ticks = self._ticked + self._pace.seal_seconds
        deletes = self._deleted + self._pace.delete_seconds if self._deleted is not None else ticks
        return max(min(ticks, deletes) - now, 0.0)

    def _tend(self) -> None:
        if self._closed:
            return
        now = time.monotonic()
        timer = now >= self._ticked + self._pace.seal_seconds
        deletes = self._deleted is not None and now >= self._deleted + self._pace.delete_seconds
        if timer:
            self._ticked = now
        if deletes:
            self._deleted = None
        if timer or self.is_due():
            with self._doing("seal"):
                self._seal()
        if deletes or self.worth_compacting(self._catalog(), timer=timer):
            with self._doing("compact"):
                self._compact()
        self._roll_up_all()
        self._ready()
        self.error = None
        if self.is_due():  # meanwhile
            self._wake.set()
        if deletes and self._has_deletions():  # of what was written while it was compacted
            self._deleted = time.monotonic()

    @contextlib.contextmanager
    def _doing(self, task: str) -> Iterator[None]:
        self.task = task
        try:
            yield
        finally:
            self.task = "idle"

    def worth_compacting(self, catalog: Sequence[Segment], *, timer: bool) -> bool:
        """Tell whether the runs are many or idle; many of them wait while what they touch is far more than they."""
        runs = [s for s in catalog if s.level == 0]
        if timer or len(runs) < self._pace.compact_runs:
            return timer and bool(runs)
        touched = sum(s.rows for s in catalog if s.level == 1 and any(overlap(s, r.first, r.last) for r in runs))
        return touched <= PATIENCE * sum(run.rows for run in runs) or len(runs) >= MOST_RUNS

    def close(self) -> None:
        """Finish what is under way, and end. Closing twice is fine."""
        self._closed = True
        self._wake.set()
        self._thread.join()
