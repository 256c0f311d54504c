"""Reads: each in a transaction of its own, so that it sees one moment, whatever is written, sealed or compacted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from storage.errors import Corrupt, InQuarantine
from storage.series import latest
from storage.series.engine import Deadline, Stop, engine_errors, table_of
from storage.series.hot import HotTier
from storage.series.known import Known
from storage.series.layers import relation, statistics
from storage.series.moment import Moment
from storage.series.narrow import Narrow
from storage.series.questions import Question, batches, chosen, narrow_window, relations, statement
from storage.series.schema import ids_of
from storage.series.selection import Rows, Selection, Source, answer, register
from storage.series.sources import Sources, is_small
from storage.series.sql import COLUMNS, Window


@dataclass(frozen=True, slots=True)
class Reads:
    """Starts them. `broken` names the files that are not what was written; `narrow` is asked first."""

    hot: HotTier
    sources: Sources
    broken: Callable[[], list[str]]
    known: Known
    narrow: Narrow

    def select(
        self, selection: Selection, points: pa.Table | None, seconds: float | None, stop: Stop | None = None
    ) -> Rows:
        """Start a selection; see SeriesStore.select."""
        if (rows := self.narrow.select(selection, points)) is not None:
            return rows
        cleanup = contextlib.ExitStack()
        try:
            with self._blaming(), engine_errors(stop):
                return self._select(selection, points, seconds, stop, cleanup)
        except BaseException:
            cleanup.close()
            raise

    def _select(
        self,
        selection: Selection,
        points: pa.Table | None,
        seconds: float | None,
        stop: Stop | None,
        cleanup: contextlib.ExitStack,
    ) -> Rows:
        cursor = cleanup.enter_context(contextlib.closing(self.hot.cursor()))
        deadline = Deadline(cursor, seconds, stop) if seconds is not None else None
        if deadline:
            cleanup.callback(deadline.close)
        source = self._found(cursor, selection, points) or self._planned(cursor, selection, points, cleanup)
        rows = answer(cursor, source, selection, points, deadline, stop, cleanup)
        rows.batches = self._named(rows.batches)
        return rows

    def _planned(
        self,
        cursor: duckdb.DuckDBPyConnection,
        selection: Selection,
        points: pa.Table | None,
        cleanup: contextlib.ExitStack,
    ) -> Source:
        """Return where the engine finds the readings."""
        moment = self._moment(cursor, cleanup, points.num_rows if points is not None else None)
        if points is not None:
            register(cursor, points)
        source = self.sources.source(moment, selection)
        moment.planned()
        return source

    def _found(
        self, cursor: duckdb.DuckDBPyConnection, selection: Selection, points: pa.Table | None
    ) -> Source | None:
        """Return few readings of a closed window as a table that is read already; None where that cannot be."""
        window = selection.window
        if points is None or selection.looks_back or not is_small(points.num_rows, window):
            return None
        rows = self.narrow.readings(window, [str(found) for found in points.column("id").to_pylist()])
        if rows is None or window.start is None or window.end is None:
            return None
        register(cursor, points)
        cursor.register("found", rows)
        now = datetime.now(UTC).replace(tzinfo=None)
        return Source(f"SELECT {COLUMNS} FROM found", None, window.start, window.end, now)

    def ask(self, question: Question, seconds: float | None, stop: Stop | None = None) -> Rows:
        """Start a question; see SeriesStore.ask."""
        cleanup = contextlib.ExitStack()
        try:
            with self._blaming(), engine_errors(stop):
                return self._ask(question, seconds, stop, cleanup)
        except BaseException:
            cleanup.close()
            raise

    def _ask(
        self, question: Question, seconds: float | None, stop: Stop | None, cleanup: contextlib.ExitStack
    ) -> Rows:
        cursor = cleanup.enter_context(contextlib.closing(self.hot.cursor()))
        deadline = Deadline(cursor, seconds, stop) if seconds is not None else None
        if deadline:
            cleanup.callback(deadline.close)
        pending = self.hot.latest.pending() if question.latest is not None else []
        for name, table in question.tables.items():
            cursor.register(name, table)
        sql = self._narrow(cursor, question, pending) or self._wide(cursor, question, pending, cleanup)
        schema, rows = batches(cursor, sql, deadline, stop)
        return Rows(schema, self._named(rows), cleanup)

    def _narrow(
        self, cursor: duckdb.DuckDBPyConnection, question: Question, pending: Sequence[pa.Table]
    ) -> str | None:
        """Return the SQL over few readings that are read already; None where that cannot be."""
        plain = question.otherwise if question.partials else question
        window = narrow_window(plain) if plain is not None else None
        if plain is None or window is None or window.start is None or window.end is None:
            return None
        rows = self.narrow.readings(window, [str(found) for found in plain.ids.column("id").to_pylist()])
        if rows is None:
            return None
        if plain.latest is not None:
            cursor.register("wanted", plain.ids)
        for name in plain.readings:
            cursor.register(name, rows)
        return statement(plain, _latest(cursor, plain, pending), (window.start, window.end))

    def _wide(
        self,
        cursor: duckdb.DuckDBPyConnection,
        question: Question,
        pending: Sequence[pa.Table],
        cleanup: contextlib.ExitStack,
    ) -> str:
        """Return the SQL over what the engine reads."""
        moment = self._moment(cursor, cleanup, question.ids.num_rows)
        cursor.register("wanted", question.ids)
        question = chosen(moment, self.sources, question)
        parts = relations(moment, self.sources, question) | _latest(cursor, question, pending)
        moment.planned()
        return statement(question, parts, moment.extent)

    def _moment(self, cursor: duckdb.DuckDBPyConnection, cleanup: contextlib.ExitStack, series: int | None) -> Moment:
        cursor.execute("BEGIN")
        moment = Moment(cursor, self.sources.files, series, self.known)
        cleanup.callback(moment.close)
        return moment

    def _named(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with self._blaming():
            yield from batches

    @contextlib.contextmanager
    def _blaming(self) -> Iterator[None]:
        """Name the files that are not what was written, where the engine met one: it does not always do so."""
        try:
            yield
        except InQuarantine:
            raise
        except Corrupt as error:
            broken = self.broken()
            raise Corrupt(f"{', '.join(broken)}: {error}" if broken else str(error)) from error

    def warm(self, stop: Callable[[], bool]) -> None:
        """Prepare for questions that are narrow, until `stop`."""
        with contextlib.closing(self.hot.cursor()) as cursor, engine_errors():
            cursor.execute("BEGIN")
            found, _ = self.known.look(cursor)
        self.narrow.warm(found, stop)

    def count(self, ids: Sequence[str], window: Window, seconds: float | None) -> int:
        """Count readings; see SeriesStore.count."""
        with contextlib.ExitStack() as cleanup, engine_errors():
            cursor = cleanup.enter_context(contextlib.closing(self.hot.cursor()))
            if seconds is not None:
                cleanup.callback(Deadline(cursor, seconds).close)
            moment = self._moment(cursor, cleanup, len(ids))
            cursor.register("wanted", ids_of(ids))
            moment.refuse_lost(window)
            layers = self.sources.layers(moment, window)
            condition = f"{window.condition()} AND id IN (SELECT id FROM wanted)"
            [(rows,)] = cursor.execute(f"SELECT count(*) FROM ({relation(layers, condition)})").fetchall()
            return int(rows)

    def stats(self, ids: Sequence[str] | None) -> pa.Table:
        """Count what each series has; see SeriesStore.stats."""
        with contextlib.ExitStack() as cleanup, engine_errors():
            cursor = cleanup.enter_context(contextlib.closing(self.hot.cursor()))
            moment = self._moment(cursor, cleanup, len(ids) if ids is not None else None)
            if ids is not None:
                cursor.register("wanted", ids_of(ids))
            layers = self.sources.layers(moment, Window())
            return table_of(cursor, statistics(layers, some=ids is not None))


def _latest(cursor: duckdb.DuckDBPyConnection, question: Question, pending: Sequence[pa.Table]) -> dict[str, str]:
    """Return the relation of latest values by its name, where a question needs one."""
    if question.latest is None:
        return {}
    return {question.latest: latest.relation(cursor, pending, some=True)}
