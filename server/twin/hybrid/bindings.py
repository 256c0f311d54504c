"""The solutions of the graph as a table that is joined to readings; their terms by their numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyoxigraph as ox

from ontologies.namespaces import XSD
from server.twin.columns import terms_of
from server.twin.hybrid.expressions import time_of
from server.twin.hybrid.facts import SeriesOfPoints
from server.twin.hybrid.patterns import Observation
from server.twin.hybrid.plan import Plan
from storage.graph.functions import time_literal
from storage.graph.rewriting.tokens import NotUnderstood

Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple
Numbers: TypeAlias = "pa.Array[Any]"
Texts: TypeAlias = "pa.Array[Any]"
_NUMERIC = frozenset(
    XSD[name]
    for name in ("double", "float", "decimal", "integer", "int", "long", "short", "byte", "nonNegativeInteger")
)


@dataclass(slots=True)
class Terms:
    """Distinct terms, as SPARQL's TSV writes them; a term's place is its number. They are read once needed."""

    texts: Texts
    _read: dict[int, Term] = field(default_factory=dict)

    def of(self, numbers: Numbers) -> list[Term]:
        """Return the terms of these numbers, of which none is null."""
        wanted = list(map(int, numbers.to_pylist()))  # type: ignore[arg-type] # none is null
        new = [number for number in wanted if number not in self._read]
        read = terms_of(self.texts.take(pa.array(new, pa.int32())).to_pylist())
        self._read.update((number, term) for number, term in zip(new, read, strict=True) if term is not None)
        return [self._read[number] for number in wanted]

    def all(self) -> list[Term]:
        """Return all of them."""
        return self.of(pa.array(range(len(self.texts)), pa.int32()))


@dataclass(frozen=True, slots=True)
class Bindings:
    """The table `b` (see `statement`), the terms of its numbers, the series in it, and the kinds of their points."""

    table: pa.Table
    terms: Terms
    ids: Texts
    kinds: frozenset[str]

    @property
    def rows(self) -> int:
        """How many solutions there are."""
        return self.table.num_rows


@dataclass
class _Binding:
    """Makes the table of the cells of a plan's carried variables: the answer in TSV, null where unbound."""

    plan: Plan
    cells: Sequence[Texts]
    rows: int
    series: SeriesOfPoints

    @cached_property
    def numbered(self) -> tuple[Terms, list[Numbers]]:
        """The distinct terms, and the numbers of those in each column."""
        if not self.cells:
            return Terms(pa.array([], pa.string())), []
        encoded = pa.concat_arrays(list(self.cells)).dictionary_encode()
        if pc.any(pc.starts_with(encoded.dictionary, "<<")).as_py():
            raise NotUnderstood("a triple for a term")
        numbers = encoded.indices.cast(pa.int32())
        return Terms(encoded.dictionary), [
            numbers.slice(place * self.rows, self.rows) for place in range(len(self.cells))
        ]

    @property
    def joined(self) -> set[str | None]:
        """The variables by which the bindings are joined to readings."""
        return {observation.point_name for observation in self.plan.observations} | self.plan.parts.timed

    def bindings(self) -> Bindings:
        """Return them. Raises NotUnderstood."""
        terms, numbers = self.numbered
        columns: dict[str, pa.Array[Any]] = {"k": _numbers(self.rows)}
        for place, (name, column) in enumerate(zip(self.plan.carried, numbers, strict=True)):
            columns[f"c{place}"] = column
            if column.null_count and name in self.joined:
                raise NotUnderstood("a point or a time that BIND leaves unbound")
            if name in self.plan.parts.timed:
                columns[f"t{place}"] = self._times(column)
            elif name in self.plan.compared:
                columns[f"n{place}"] = self._values(column)
            if name in self.plan.written:
                columns[f"s{place}"] = self._texts(column, of_strings=name in self.plan.strings)
        wanted, found_kinds = list[Texts](), set[str]()
        for number, observation in enumerate(self.plan.observations):
            ids, kinds = self.series.every() if observation.point is None else self._series(observation)
            if observation.point is None:
                columns = {"k": _numbers(len(ids))}
            columns |= {f"i{number}": ids, f"g{number}": kinds}
            wanted.append(pc.drop_null(pc.unique(ids)))
            found_kinds.update(map(str, pc.unique(kinds).to_pylist()))
        return Bindings(pa.table(columns), terms, pc.unique(pa.concat_arrays(wanted)), frozenset(found_kinds))

    def _values(self, column: Numbers) -> pa.Array[Any]:
        """Return the numbers that terms are; null for others. Raises NotUnderstood for texts."""
        distinct = pc.drop_null(pc.unique(column))
        terms = self.numbered[0].of(distinct)
        if any(isinstance(term, ox.Literal) and term.datatype == XSD["string"] for term in terms):
            raise NotUnderstood("texts of the graph in a comparison")
        return _taken(pa.array([number_of(term) for term in terms], pa.float64()), column, distinct)

    def _texts(self, column: Numbers, *, of_strings: bool) -> Texts:
        """Return the texts of terms. Raises NotUnderstood for blank nodes, or for others than strings."""
        distinct = pc.drop_null(pc.unique(column))
        texts = [_text_of(term, of_strings=of_strings) for term in self.numbered[0].of(distinct)]
        return _taken(pa.array(texts, pa.string()), column, distinct)

    def _times(self, column: Numbers) -> pa.Array[Any]:
        """Return the times that terms are, of those that readings can have; null for others."""
        distinct = pc.drop_null(pc.unique(column))
        times = [_time_of(term) for term in self.numbered[0].of(distinct)]
        return _taken(pa.array(times, pa.timestamp("us")), column, distinct)

    def _series(self, observation: Observation) -> tuple[Texts, Texts]:
        """Return the series and the kind of an observation's point, in each row."""
        point = observation.point
        if point is not None and point.kind == "iri":
            ids, kinds = self.series.series(pa.array([f"<{point.value}>"], pa.string()))
            return pa.repeat(ids[0], self.rows), pa.repeat(kinds[0], self.rows)
        terms, numbers = self.numbered
        column = numbers[self.plan.carried.index(observation.point_name or "")]
        distinct = pc.drop_null(pc.unique(column))
        ids, kinds = self.series.series(terms.texts.take(distinct))
        return _taken(ids, column, distinct), _taken(kinds, column, distinct).fill_null("double")


def _numbers(count: int) -> Numbers:
    """Return the numbers from 0 on."""
    return pa.array(np.arange(count, dtype=np.int32))


def _taken(values: pa.Array[Any], column: Numbers, distinct: Numbers) -> pa.Array[Any]:
    """Return for each number of a column the value that it has among the distinct ones."""
    found: pa.Array[Any] = values.take(pc.index_in(column, distinct))
    return found


def bindings(plan: Plan, cells: Sequence[Texts], rows: int, series: SeriesOfPoints) -> Bindings:
    """Return the bindings of a plan: a column of cells in TSV for each carried variable, and so many rows.

    Raises NotUnderstood for terms with which it cannot be pushed down.
    """
    return _Binding(plan, cells, rows, series).bindings()


def number_of(term: Term | None) -> float | None:
    """Return the number that a term is; None for what is none."""
    if not isinstance(term, ox.Literal) or term.datatype not in _NUMERIC:
        return None
    try:
        return float(term.value.replace("INF", "inf"))
    except ValueError:
        return None


def _time_of(term: Term) -> datetime | None:
    """Return the time that a term is as that of a reading would be; None for what no reading has."""
    if not isinstance(term, ox.Literal) or term.datatype != XSD["dateTime"]:
        return None
    try:
        time = time_of(term)
    except NotUnderstood:
        return None
    return time if time_literal(time) == term else None


def _text_of(term: Term, *, of_strings: bool) -> str:
    if isinstance(term, ox.Literal) and (not of_strings or term.language or term.datatype == XSD["string"]):
        return term.value
    if isinstance(term, ox.NamedNode) and not of_strings:
        return term.value
    raise NotUnderstood("the text of a blank node, or of what is no string")


def ranks(terms: Sequence[Term]) -> list[int]:
    """Return the place of each term in the order of SPARQL. Raises NotUnderstood where that is not known here."""
    literals = [term for term in terms if isinstance(term, ox.Literal)]
    numeric = all(term.datatype in _NUMERIC for term in literals)
    if not (numeric or all(term.datatype == XSD["string"] for term in literals)):
        raise NotUnderstood("an order of literals of several kinds")
    keys = [_order(term, numeric=numeric) for term in terms]
    places = {key: place for place, key in enumerate(sorted(set(keys)))}
    return [places[key] for key in keys]


def _order(term: Term, *, numeric: bool) -> tuple[int, float, str]:
    """Return what terms are ordered by (section 15.1): blank nodes, IRIs, literals; NaN above all numbers."""
    if isinstance(term, ox.Literal) and numeric:
        number = number_of(term) or 0.0
        return (2, math.inf, "NaN") if math.isnan(number) else (2, number, "")
    if isinstance(term, ox.Literal):
        return 2, 0.0, term.value
    return (1 if isinstance(term, ox.NamedNode) else 0, 0.0, str(term))
