"""Runs a plan: the graph's bindings as a table, one statement over them and the readings, its rows as an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyoxigraph as ox

from ontologies.namespaces import XSD
from server.twin.hybrid import cells
from server.twin.hybrid.cells import FORMATS, Format, Term, Texts
from server.twin.hybrid.expressions import Column
from server.twin.hybrid.kinds import Kinds
from server.twin.hybrid.observations import double_text, observation_iri, time_text
from server.twin.hybrid.patterns import Observation
from server.twin.hybrid.plan import ALWAYS, Plan
from server.twin.hybrid.statement import Statement, statement
from server.twin.resolve import PointIndex
from storage.errors import ByteLimitExceeded, Cancelled, RowLimitExceeded
from storage.graph.readers import Limits
from storage.graph.results import ASKER
from storage.graph.rewriting.tokens import NotUnderstood
from storage.series.questions import Question
from storage.series.schema import ids_of
from storage.series.selection import Rows
from storage.series.store import SeriesStore

Row = tuple[Term | None, ...]
_NUMBERS = frozenset(
    XSD[name]
    for name in ("double", "float", "decimal", "integer", "int", "long", "short", "byte", "nonNegativeInteger")
)


@dataclass(slots=True)
class Bindings:
    """The solutions of the graph as the table `b`, and their terms, each by its number."""

    table: pa.Table
    terms: list[Term]
    ids: list[str]
    kinds: set[str]

    @property
    def rows(self) -> int:
        return self.table.num_rows


def bindings(plan: Plan, rows: Sequence[Row], index: PointIndex, kinds: Kinds) -> Bindings:
    """Return the table of a plan's bindings; each row has a term for each carried variable."""
    numbers: dict[Term, int] = {}
    for row in rows:
        for term in row:
            if term is not None and term not in numbers:
                numbers[term] = len(numbers)
    columns: dict[str, pa.Array[Any]] = {"x": pa.array([0] * len(rows), pa.int8())}
    for place, name in enumerate(plan.carried):
        values = [row[place] for row in rows]
        columns[f"c{place}"] = pa.array([None if v is None else numbers[v] for v in values], pa.int32())
        if name in plan.compared:
            if any(isinstance(value, ox.Literal) and value.datatype == XSD["string"] for value in values):
                raise NotUnderstood("texts of the graph in a comparison")
            columns[f"n{place}"] = pa.array([_number(value) for value in values], pa.float64())
    wanted, found_kinds = set[str](), set[str]()
    for number, observation in enumerate(plan.observations):
        if observation.point is None:
            ids = sorted({str(point.uuid) for point in index.points})
            names: list[str | None] = [point.point for point in index.points]
            columns = {"x": pa.array([0] * len(ids), pa.int8())}
        else:
            names = _points(plan, observation, rows)
            ids = [_series(index, name) for name in names]  # type: ignore[misc]
        columns[f"i{number}"] = pa.array(ids, pa.string())
        columns[f"g{number}"] = pa.array([kinds.of.get(n or "", "double") for n in names][: len(ids)], pa.string())
        found_kinds |= {kinds.of.get(name or "", "double") for name in names}
        wanted |= {id_ for id_ in ids if id_ is not None}
    return Bindings(pa.table(columns), list(numbers), sorted(wanted), found_kinds)


def _points(plan: Plan, observation: Observation, rows: Sequence[Row]) -> list[str | None]:
    point = observation.point
    if point is None or point.kind == "iri":
        return [point.value if point else None] * len(rows)
    place = plan.carried.index(point.value)
    return [term.value if isinstance(term := row[place], ox.NamedNode) else None for row in rows]


def _series(index: PointIndex, name: str | None) -> str | None:
    point = index.by_iri.get(name) if name is not None else None
    return str(point.uuid) if point else None


def _number(term: Term | None) -> float | None:
    if not isinstance(term, ox.Literal) or term.datatype not in _NUMBERS:
        return None
    try:
        return float(term.value.replace("INF", "inf"))
    except ValueError:
        return None


def ranks(terms: Sequence[Term]) -> list[int]:
    """Return the place of each term in the order of SPARQL. Raises NotUnderstood where that is not known here."""
    literals = [term for term in terms if isinstance(term, ox.Literal)]
    numeric = all(term.datatype in _NUMBERS for term in literals)
    if any(isinstance(term, ox.Triple) for term in terms) or not (
        numeric or all(term.datatype == XSD["string"] for term in literals)
    ):
        raise NotUnderstood("an order of literals of several kinds")
    keys = [_order(term, numeric=numeric) for term in terms]
    places = {key: place for place, key in enumerate(sorted(set(keys)))}
    return [places[key] for key in keys]


def _order(term: Term, *, numeric: bool) -> tuple[int, float, str]:
    """Return what terms are ordered by (section 15.1): blank nodes, IRIs, literals."""
    if isinstance(term, ox.Literal):
        return (2, _number(term) or 0.0, "") if numeric else (2, 0.0, term.value)
    return (1 if isinstance(term, ox.NamedNode) else 0, 0.0, str(term))


@dataclass(slots=True)
class Pushed:
    """The answer to a pushed query on its way: iterate for its bytes, close when done with it, early or not."""

    chunks: Iterator[bytes]
    close: Callable[[], None]
    rows: int = 0

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
        terms: dict[str, pa.Array[Any]] = {"k": pa.array(range(len(bound.terms)), pa.int32())}
        if first.ranked:
            terms["rank"] = pa.array(ranks(bound.terms), pa.int32())
        latest = any(observation.current for observation in plan.observations)

        def sql(extent: tuple[datetime, datetime]) -> str:
            text = self._written(statement(plan, extent, self.now, rolled=self.rolled))
            (self.told or self.tell)(text)
            return text

        question = Question(
            sql,
            ids=ids_of(bound.ids),
            readings=first.windows,
            partials=first.partials,
            tables={"b": bound.table, "terms": pa.table(terms)},
            latest="latest" if latest else None,
        )
        if first.partials:
            plain, _ = replace(self, rolled=False, told=self.tell).question()
            question = replace(question, otherwise=plain)
        return question, first

    def tell(self, sql: str) -> None:
        """Take note of the SQL that is run."""
        self.sql = sql

    def _written(self, made: Statement) -> str:
        """Return the SQL with what is not text already written as it is in the answer."""
        columns = [f"{self._text(column, f'o{place}')} AS o{place}" for place, column in enumerate(made.columns)]
        hidden = [name for name in (made.flags, made.count or (made.flags and "n")) if name]
        return f"SELECT {', '.join([*columns, *hidden]) or '1 AS nothing'} FROM ({made.sql})"

    def _text(self, column: Column, name: str) -> str:
        match column.type:
            case "double":
                return double_text(name)
            case "time":
                return time_text(name)
            case "observation":
                iri = observation_iri(f"{name}.id", f"{name}.time", self.public_url)
                return f"CASE WHEN {name}.id IS NOT NULL THEN {iri} END"
            case "result":
                return (
                    f"struct_pack(number := {double_text(f'{name}.value')}, text := {name}.text, kind := {name}.kind)"
                )
            case "integer" | "boolean":
                return f"{name}::VARCHAR"
            case _:
                return name

    def run(self, media_type: str, limits: Limits) -> Pushed:
        """Start the answer. Raises NotUnderstood where it has to be had in another way, before there is any of it."""
        question, made = self.question()
        rows = self.series.ask(question, seconds=max(limits.seconds, 0.001))
        try:
            batches = self._checked(rows, made) if made.flags else iter(rows)
        except NotUnderstood:
            rows.close()
            if not question.partials:
                raise
            self.rolled = False  # partials do not tell texts apart
            return self.run(media_type, limits)
        except BaseException:
            rows.close()
            raise
        form = FORMATS[media_type]
        writing = _Writing(self.plan, made, self.bound.terms, form, limits)
        answer = Pushed(iter(()), rows.close)
        answer.chunks = writing.chunks(batches, answer)
        return answer

    def _checked(self, rows: Rows, made: Statement) -> Iterator[pa.RecordBatch]:
        """Take all groups, which are few. Raises NotUnderstood where MIN or MAX are not those of numbers."""
        batches = list(rows)
        for batch in batches:
            if any(batch.column("texts").to_pylist()):
                raise NotUnderstood("MIN or MAX of texts")
        if made.count and any(n == 0 for batch in batches for n in batch.column("n").to_pylist()):
            self._refuse_sums()
        return iter(batches)

    def _refuse_sums(self) -> None:
        """Raise NotUnderstood where the sum of nothing matters, which is an integer."""
        raise NotUnderstood("aggregates of nothing")


@dataclass(slots=True)
class _Writing:
    plan: Plan
    made: Statement
    terms: Sequence[Term]
    form: Format
    limits: Limits

    def chunks(self, batches: Iterator[pa.RecordBatch], answer: Pushed) -> Iterator[bytes]:
        """Yield the answer within its limits."""
        size = 0
        known = pa.array([self.form.cell(term) for term in self.terms], pa.string())
        for chunk in cells.write(self.form, self.plan.names, self._columns(batches, known, answer)):
            size += len(chunk)
            if size > self.limits.bytes:
                raise ByteLimitExceeded(f"the result has more than {self.limits.bytes:,} bytes")
            yield chunk

    def _columns(
        self, batches: Iterator[pa.RecordBatch], known: Texts, answer: Pushed
    ) -> Iterator[tuple[list[Texts], int]]:
        for batch in batches:
            asker = ASKER.get()
            if asker is not None and asker.gone:
                raise Cancelled("nobody waits for the answer any more")
            answer.rows += batch.num_rows
            if answer.rows > self.limits.rows:
                raise RowLimitExceeded(f"the result has more than {self.limits.rows:,} rows")
            columns = [self._cells(c, batch.column(i), known) for i, c in enumerate(self.made.columns)]
            yield columns, batch.num_rows

    def _cells(self, column: Column, values: pa.Array[Any], known: Texts) -> Texts:
        match column.type:
            case "term":
                return known.take(values.cast(pa.int32()))
            case "double":
                return cells.literals(self.form, cells.plain_doubles(values), XSD["double"])
            case "time":
                return cells.literals(self.form, values, XSD["dateTime"])
            case "integer":
                return cells.literals(self.form, values, XSD["integer"])
            case "boolean":
                return cells.literals(self.form, values, XSD["boolean"])
            case "observation":
                return cells.literals(self.form, values, None)
            case "string":
                return cells.looked_up(values, lambda text: self.form.cell(ox.Literal(text)))
            case _:
                return self._results(values)

    def _results(self, values: pa.Array[Any]) -> Texts:
        number, text, kind = (values.field(place) for place in range(3))  # type: ignore[attr-defined]
        if text.null_count == len(text) and set(kind.unique().to_pylist()) <= {"double", None}:
            return cells.literals(self.form, cells.plain_doubles(number), XSD["double"])
        rows = zip(cells.plain_doubles(number).to_pylist(), text.to_pylist(), kind.to_pylist(), strict=True)
        return pa.array([self._result(*row) for row in rows], pa.string())

    def _result(self, number: str | None, text: str | None, kind: str | None) -> str | None:
        if number is None:
            return None if text is None else self.form.cell(ox.Literal(text))
        if kind == "boolean" and number in ("0", "1"):
            return self.form.cell(ox.Literal(number == "1"))
        whole = kind == "integer" and number.lstrip("-").isdigit() and abs(int(number)) < 2**53
        return self.form.cell(ox.Literal(number, datatype=XSD["integer" if whole else "double"]))
