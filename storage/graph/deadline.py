"""A moment by which a write has to have begun to commit."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """So many seconds, and the moment when they have passed (of the monotonic clock)."""

    seconds: float
    until: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline that is so many seconds from now."""
        return cls(seconds, time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """How many seconds are left, at least 0."""
        return max(0.0, self.until - time.monotonic())
