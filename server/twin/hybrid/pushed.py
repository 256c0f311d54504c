"""Runs a plan: one statement over the graph's bindings and the readings, its rows as an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from server.twin.hybrid.bindings import Bindings, ranks
from server.twin.hybrid.cells import Format, write
from server.twin.hybrid.combinations import refuse_many
from server.twin.hybrid.plan import ALWAYS, Plan
from server.twin.hybrid.rendering import Texts, Typed
from server.twin.hybrid.statement import Statement, statement
from server.twin.hybrid.underway import Underway
from server.twin.solutions import TypedSolutions
from storage.errors import ByteLimitExceeded, RowLimitExceeded
from storage.graph.queries import Limits
from storage.graph.rewriting.tokens import NotUnderstood
from storage.series.questions import Question
from storage.series.selection import Rows
from storage.series.store import SeriesStore


@dataclass(slots=True)
class Pushed:
    """The answer to a pushed query on its way: iterate for its bytes, close when done with it, early or not."""

    chunks: Iterator[bytes]
    close: Callable[[], None]
    underway: Underway

    @property
    def rows(self) -> int:
        """How many there have been until now."""
        return self.underway.rows

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self.chunks
        finally:
            self.close()

    def read(self) -> bytes:
        """Return the whole answer."""
        return b"".join(self)


@dataclass(slots=True)
class Pushing:
    """Runs a plan over its bindings."""

    series: SeriesStore
    plan: Plan
    bound: Bindings
    public_url: str = ""
    underway: Underway = field(default_factory=Underway)
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))
    sql: str = ""
    rolled: bool = True
    told: Callable[[str], None] | None = None

    def question(self) -> tuple[Question, Statement]:
        """Return what the series are asked. Raises NotUnderstood."""
        plan, bound = self.plan, self.bound
        if plan.calculates and bound.kinds - {"double"}:
            raise NotUnderstood("booleans and integers in expressions")
        first = statement(plan, ALWAYS, self.now, rolled=self.rolled)
        refuse_many(plan, bound, first.windows, self.series)
        tables = {"b": bound.table}
        if first.ranked:
            terms = bound.terms.all()
            places: pa.Array[Any] = pa.array(range(len(terms)), pa.int32())
            tables["terms"] = pa.table({"k": places, "rank": pa.array(ranks(terms), pa.int32())})

        def sql(extent: tuple[datetime, datetime]) -> str:
            text = statement(plan, extent, self.now, rolled=self.rolled).sql
            (self.told or self.tell)(text)
            return text

        question = Question(
            sql,
            ids=pa.table({"id": bound.ids}),
            readings=first.windows,
            partials=first.partials,
            tables=tables,
            latest="latest" if any(observation.current for observation in plan.observations) else None,
        )
        if first.partials:
            plain, _ = replace(self, rolled=False, told=self.tell).question()
            question = replace(question, otherwise=plain)
        return question, first

    def tell(self, sql: str) -> None:
        """Take note of the SQL that is run."""
        self.sql = sql

    def texts(self, form: Format, limits: Limits) -> Pushed:
        """Start the answer. Raises NotUnderstood where it has to be had in another way, before there is any of it."""
        made, rows, batches = self._run(limits)
        rendered = Texts(form, self.bound.terms, self.public_url)
        columns = (
            (
                [rendered.cells(column, batch.column(place)) for place, column in enumerate(made.columns)],
                batch.num_rows,
            )
            for batch in self._counted(batches, limits)
        )
        chunks = self._measured(write(form, self.plan.names, columns), limits)
        return Pushed(chunks, rows.close, self.underway)

    def typed(self, limits: Limits, folder: Path) -> TypedSolutions:
        """Return the whole answer as typed columns, partly in a file in a folder. Raises as `texts` does."""
        made, rows, batches = self._run(limits)
        try:
            rendered = Typed(self.bound.terms, self.public_url)
            readings = [rendered.reading(column) for column in made.columns]
            cells = (batch.select(range(len(readings))) for batch in self._counted(batches, limits))
            return TypedSolutions(self.plan.names, readings, cells, folder)
        finally:
            rows.close()

    def _run(self, limits: Limits) -> tuple[Statement, Rows, Iterator[pa.RecordBatch]]:
        question, made = self.question()
        self.underway.check()
        rows = self.series.ask(question, seconds=limits.left, stop=self.underway.stop)
        try:
            return made, rows, self._checked(rows, made) if made.flags else iter(rows)
        except NotUnderstood:
            rows.close()
            if not question.partials:
                raise
            self.rolled = False  # partials do not tell texts apart
            return self._run(limits)
        except BaseException:
            rows.close()
            raise

    def _checked(self, rows: Rows, made: Statement) -> Iterator[pa.RecordBatch]:
        """Take all groups, which are few. Raises NotUnderstood where MIN or MAX are not those of numbers."""
        batches = list(rows)
        for batch in batches:
            if any(batch.column("texts").to_pylist()):
                raise NotUnderstood("MIN or MAX of texts")
        if made.count and any(n == 0 for batch in batches for n in batch.column("n").to_pylist()):
            raise NotUnderstood("aggregates of nothing")  # the sum of nothing is an integer
        return iter(batches)

    def _counted(self, batches: Iterator[pa.RecordBatch], limits: Limits) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self.underway.check()
            self.underway.rows += batch.num_rows
            if self.underway.rows > limits.rows:
                raise RowLimitExceeded(f"the result has more than {limits.rows:,} rows")
            yield batch

    def _measured(self, chunks: Iterator[bytes], limits: Limits) -> Iterator[bytes]:
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > limits.bytes:
                raise ByteLimitExceeded(f"the result has more than {limits.bytes:,} bytes")
            self.underway.is_sending = True
            yield chunk
