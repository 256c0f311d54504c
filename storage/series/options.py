"""What can be set of the series store."""

from __future__ import annotations

from dataclasses import dataclass

from storage.series.tender import Pace


@dataclass(frozen=True, slots=True)
class Options:
    """How the store works: bytes DuckDB may use, threads, and when to seal and compact.

    A batch of `bulk_rows` or more goes to a run at once; `target_rows` make a segment full. For the others see Pace.
    """

    memory: int = 2 << 30
    threads: int = 2
    seal_rows: int = 1_000_000
    seal_seconds: float = 900.0
    compact_runs: int = 8
    delete_seconds: float = 30.0
    target_rows: int = 4_000_000
    bulk_rows: int = 250_000

    def pace(self) -> Pace:
        """Return what is about the background work."""
        return Pace(self.seal_rows, self.seal_seconds, self.compact_runs, self.delete_seconds)
