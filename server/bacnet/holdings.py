"""What is to be taken back of commands, and when: on disk, so that a crash of ours leaves no command standing."""

from __future__ import annotations

import json
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS held (
    device TEXT, object TEXT, priority INTEGER, value TEXT NOT NULL, until REAL NOT NULL, before TEXT NOT NULL,
    PRIMARY KEY (device, object, priority))
"""


@dataclass(frozen=True, slots=True)
class Held:
    """What is to be taken back, and when (seconds since 1970); `device` is the key of its plan.

    `before` is what we had written there, as long as it is not known that `value` has taken its place.
    """

    device: str
    object: str
    priority: int
    value: float | str
    until: float
    before: float | str | None = None

    @property
    def at(self) -> tuple[str, str, int]:
        """Where it is: device, object, priority."""
        return self.device, self.object, self.priority

    @property
    def entry(self) -> dict[str, Any]:
        """What the audit says of taking it back; the device by its number where it has no other key."""
        device = int(self.device) if self.device.isdigit() else self.device
        found = {"who": "the gateway", "device": device, "object": self.object, "value": None}
        return found | {"priority": self.priority, "held": self.value}


class Holdings:
    """What is to be taken back, on disk. Writes are durable when they return."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(_SCHEMA)

    def put(self, held: Held) -> None:
        """Remember to take something back, in place of what was there."""
        row = (held.device, held.object, held.priority, json.dumps(held.value), held.until, json.dumps(held.before))
        with self._lock:
            self._connection.execute("INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?, ?, ?)", row)

    def get(self, device: str, object_: str, priority: int) -> Held | None:
        """Return what is to be taken back there."""
        return next((h for h in self.all() if (h.device, h.object, h.priority) == (device, object_, priority)), None)

    def drop(self, device: str, object_: str, priority: int) -> None:
        """Forget it."""
        with self._lock:
            self._connection.execute(
                "DELETE FROM held WHERE device = ? AND object = ? AND priority = ?", (device, object_, priority)
            )

    def all(self) -> list[Held]:
        """Return all, the first to be taken back first."""
        with self._lock:
            rows = self._connection.execute("SELECT * FROM held ORDER BY until").fetchall()
        return [
            Held(device, name, priority, json.loads(value), until, json.loads(before))
            for device, name, priority, value, until, before in rows
        ]

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        with self._lock:
            self._connection.close()
