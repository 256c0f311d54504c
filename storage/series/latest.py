"""The newest reading of each series.

The table `latest` follows the hot readings from behind: what was appended since waits in memory, and is looked at
together with the table, until it is of enough series to be worth a write. A start makes up for what was lost so.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storage.errors import StorageError
from storage.series.engine import engine_errors, table_of

FOLD_ROWS = 32_768
_LOG = logging.getLogger(__name__)
_VALUES = "time, value, text, status"
_WHOLE = "struct_pack(time := time, value := value, text := text, status := status, seq := seq)"
_NEWEST = f"arg_max({_WHOLE}, (time, seq)) AS newest"
_UPSERT = f"""
INSERT INTO latest
SELECT id, newest.time, newest.value, newest.text, newest.status, newest.seq FROM (
    SELECT id, {_NEWEST} FROM (
        SELECT * FROM (SELECT id::UUID AS id, {_VALUES}, seq FROM {{rows}}) AS r
        ANTI JOIN deletions AS d ON d.id = r.id AND d.seq > r.seq AND r.time >= d.first AND r.time < d.last
    ) GROUP BY id
)
ON CONFLICT (id) DO UPDATE SET time = excluded.time, value = excluded.value, text = excluded.text,
    status = excluded.status, seq = excluded.seq
WHERE (excluded.time, excluded.seq) >= (latest.time, latest.seq)
"""
_PLAIN = f"SELECT id::VARCHAR AS id, {_VALUES} FROM main.latest WHERE {{some}}"
_BOTH = f"""
SELECT id, newest.time, newest.value, newest.text, newest.status FROM (
    SELECT id, {_NEWEST} FROM (
        SELECT id::VARCHAR AS id, {_VALUES}, seq FROM main.latest WHERE {{some}}
        UNION ALL
        SELECT id::VARCHAR AS id, {_VALUES}, seq FROM (
            SELECT * FROM (SELECT id::UUID AS id, {_VALUES}, seq FROM pending) AS r
            ANTI JOIN deletions AS d ON d.id = r.id AND d.seq > r.seq AND r.time >= d.first AND r.time < d.last
        ) WHERE {{some}}
    ) GROUP BY id
)
"""


def newest_of(rows: pa.Table) -> pa.Table:
    """Return the newest of the rows of each series; of one time, the last of the rows."""
    codes = cast("pa.DictionaryArray[Any, Any]", pc.dictionary_encode(_storage(rows.column("id"))))
    order = np.argsort(rows.column("time").to_numpy(), kind="stable")
    last = np.empty(len(codes.dictionary), np.int64)
    last[codes.indices.to_numpy()[order]] = order  # what comes later stays
    return rows.take(pa.array(np.sort(last), pa.int64()))


def _storage(ids: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    whole = ids.combine_chunks()
    return whole.storage if isinstance(whole, pa.ExtensionArray) else whole


class Latest:
    """The table `latest` and what it does not have yet."""

    def __init__(
        self,
        cursor: Callable[[], duckdb.DuckDBPyConnection],
        transaction: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]],
    ) -> None:
        self._cursor = cursor
        self._transaction = transaction
        self._pending: list[pa.Table] = []
        self._rows = 0
        with self._transaction() as hot:
            hot.execute(_UPSERT.format(rows="readings"))

    def add(self, rows: pa.Table) -> None:
        """Take note of committed readings, with `seq`, in the order of their commits."""
        self._pending.append(rows)
        self._rows += rows.num_rows
        if self._rows < FOLD_ROWS:
            return
        newest = newest_of(pa.concat_tables(self._pending))
        self._pending, self._rows = [newest], newest.num_rows  # in one step, for those who read
        if self._rows >= FOLD_ROWS // 2:
            try:
                self.fold()
            except StorageError:  # the rows are durable; a full disk costs memory until there is room
                _LOG.exception("the table of latest values could not be written, and will be later")

    @staticmethod
    def enter(cursor: duckdb.DuckDBPyConnection, rows: pa.Table) -> None:
        """Move the table on to readings, with `seq`, that are no hot ones: a start could not make up for them."""
        cursor.register("newer", rows)
        cursor.execute(_UPSERT.format(rows="newer"))
        cursor.unregister("newer")

    def fold(self) -> None:
        """Move the table on to all that is committed. The caller holds the write lock."""
        if not self._pending:
            return
        with self._transaction() as cursor:
            self.enter(cursor, pa.concat_tables(self._pending))
        self._pending.clear()
        self._rows = 0

    def read(self, ids: Sequence[str] | None) -> pa.Table:
        """Return `id, time, value, text, status` of each series, of all or of `ids`, by id."""
        with contextlib.closing(self._cursor()) as cursor, engine_errors():
            pending = self.pending()
            if ids is not None:
                cursor.register("wanted", pa.table({"id": pa.array(ids, pa.string())}))
            return table_of(cursor, f"{relation(cursor, pending, some=ids is not None)} ORDER BY id")

    def pending(self) -> list[pa.Table]:
        """Return what the table may lack; to be taken before it is looked at: it may have them by then."""
        return list(self._pending)


def relation(cursor: duckdb.DuckDBPyConnection, pending: Sequence[pa.Table], *, some: bool) -> str:
    """Return the relation (see storage.series.layers) of the newest reading of each series, or of those in `wanted`.

    A table of what is `pending` is registered for it.
    """
    only = "id IN (SELECT id::UUID FROM wanted)" if some else "true"
    if not pending:
        return _PLAIN.format(some=only)
    cursor.register("pending", pa.concat_tables(pending))
    return _BOTH.format(some=only)
