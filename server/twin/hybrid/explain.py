"""What became of a query: which path it took, what the graph and the readings were asked, and what that gave."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Explained:
    """Filled in while a query is planned and run; times in seconds.

    path: `graph` (it sees no readings), `pushed` (one statement over the readings), `mixed` (the graph's engine, over
    those readings that the query can touch), `materialised` (the same over all readings)
    """

    path: str = "graph"
    graph: list[str] = field(default_factory=list)
    series: list[str] = field(default_factory=list)
    above: str = ""
    rows: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "path": self.path,
            "graph": self.graph,
            "series": self.series,
            "above": self.above,
            "rows": self.rows,
            "seconds": {name: round(seconds, 6) for name, seconds in self.seconds.items()},
        }
