"""Receipts: what requests that have a key of their own were answered.

A receipt is written in the transaction that stores what its request brought: there are both or neither. A request
that comes again finds it, is answered the same, and stores nothing, or it would undo what was written since.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb

from storage.series.engine import engine_errors
from storage.series.hot import HotTier

KEPT = timedelta(days=1)
MOST = 100_000
_FORGET = """
DELETE FROM receipts
WHERE stored < (SELECT stored FROM receipts ORDER BY stored DESC LIMIT 1 OFFSET {most} - 1)
"""
_INSERT = "INSERT OR REPLACE INTO receipts VALUES (?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The key of a request, what tells its content from another's, and its answer."""

    key: str
    content: str
    answer: str


def enter(cursor: duckdb.DuckDBPyConnection, receipts: Sequence[Receipt]) -> None:
    """Enter receipts, and forget those that are too old or too many."""
    now = datetime.now(UTC).replace(tzinfo=None)
    for receipt in receipts:
        cursor.execute(_INSERT, [receipt.key, receipt.content, receipt.answer, now])
    if receipts:
        cursor.execute("DELETE FROM receipts WHERE stored < ?", [now - KEPT])
        cursor.execute(_FORGET.format(most=MOST))


def find(hot: HotTier, key: str) -> Receipt | None:
    """Return the receipt of a request that was stored, if it is not forgotten."""
    with contextlib.closing(hot.cursor()) as cursor, engine_errors():
        since = datetime.now(UTC).replace(tzinfo=None) - KEPT
        found = cursor.execute(
            "SELECT key, content, answer FROM receipts WHERE key = ? AND stored >= ?", [key, since]
        ).fetchone()
    return Receipt(*found) if found else None
