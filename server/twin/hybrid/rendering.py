"""The columns of a statement's answer as cells of a results format, or as typed values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyoxigraph as ox

from ontologies.namespaces import XSD
from server.twin.hybrid import cells, lexical
from server.twin.hybrid.bindings import Terms
from server.twin.hybrid.cells import Format
from server.twin.hybrid.typed_sql import Column
from server.twin.solutions import Reading
from server.twin.terms import KINDS, Kind, column_as, kinds_of

Values: TypeAlias = "pa.Array[Any]"
_INTEGER, _NUMBER, _BOOLEAN, _INSTANT, _ = KINDS
_KINDS: dict[str, set[Kind]] = {
    "double": {_NUMBER},
    "integer": {_INTEGER, _NUMBER},
    "boolean": {_BOOLEAN},
    "time": {_INSTANT},
}
_FEW = 512
_EXACT = 2.0**53  # beyond, a double is not every integer


@dataclass(frozen=True, slots=True)
class Texts:
    """Renders columns as cells of a format."""

    form: Format
    terms: Terms
    public_url: str = ""

    def cells(self, column: Column, values: Values) -> Values:
        """Return the cells of a batch."""
        match column.type:
            case "term":
                distinct = pc.drop_null(pc.unique(values))
                made = pa.array([self.form.cell(term) for term in self.terms.of(distinct)], pa.string())
                return made.take(pc.index_in(values, distinct))
            case "string":
                return cells.looked_up(values, self._string)
            case "result":
                return self._results(values)
            case "double":
                return _each(values, self._double)
            case "time":
                return _each(values, self._time)
            case "observation":
                return cells.literals(self.form, lexical.observations(values, self.public_url), None)
        return cells.literals(self.form, values.cast(pa.string()), XSD[column.type])

    def _string(self, text: str) -> str:
        return self.form.cell(ox.Literal(text))

    def _double(self, values: Values) -> Values:
        return cells.literals(self.form, lexical.doubles(values), XSD["double"])

    def _time(self, values: Values) -> Values:
        return cells.literals(self.form, lexical.times(values), XSD["dateTime"], "Z")

    def _results(self, values: Values) -> Values:
        results = Results.of(values)
        numbers = _each(results.values, self._double)
        if results.are_doubles:
            return numbers
        texts = lexical.doubles(results.values)
        integers = cells.literals(self.form, texts, XSD["integer"])
        truths = pa.array([self.form.cell(ox.Literal(truth)) for truth in (False, True)], pa.string())
        booleans = truths.take(results.truths.cast(pa.int8()))
        strings = cells.looked_up(pc.if_else(results.is_string, results.texts, None), self._string)
        cases = pc.make_struct(results.is_string, results.is_boolean, results.is_integer)
        found: Values = pc.case_when(cases, strings, booleans, integers, numbers)
        return found


def _each(values: Values, make: Callable[[Values], Values]) -> Values:
    """Return what is made of values, once for each that differs where many are alike."""
    if len(values) < _FEW:
        return make(values)
    encoded = values.dictionary_encode()
    if len(encoded.dictionary) > len(values) // 2:
        return make(values)
    return make(encoded.dictionary).take(encoded.indices)


@dataclass(frozen=True, slots=True)
class Results:
    """Results of readings, numbers or texts, and the kinds of their points."""

    values: Values
    texts: Values
    kinds: Values

    @classmethod
    def of(cls, values: Values) -> Results:
        """Take the columns out of structs."""
        value, text, kind = (values.field(place) for place in range(3))  # type: ignore[attr-defined]
        return cls(value, text, kind)

    @property
    def are_doubles(self) -> bool:
        """Tell whether all of them are."""
        return not pc.any(self.is_string).as_py() and set(pc.unique(self.kinds).to_pylist()) <= {"double", None}

    @property
    def is_string(self) -> Values:
        """Where there are texts."""
        return pc.and_(pc.is_null(self.values), pc.is_valid(self.texts))

    @property
    def is_boolean(self) -> Values:
        """Where zeros and ones are booleans."""
        truths = pc.is_in(self.values, value_set=pa.array([0.0, 1.0]))
        return pc.and_(pc.is_in(self.kinds, value_set=pa.array(["boolean"])), truths)

    @property
    def truths(self) -> Values:
        """What they are as booleans; null where there is no number."""
        return pc.equal(self.values, pa.scalar(1.0))

    @property
    def is_integer(self) -> Values:
        """Where whole numbers are integers."""
        small = pc.less(pc.abs(self.values), pa.scalar(_EXACT))
        whole = pc.and_(pc.equal(self.values, pc.trunc(self.values)), small)
        found = pc.and_(pc.is_in(self.kinds, value_set=pa.array(["integer"])), whole)
        return pc.and_kleene(found, pc.is_valid(found))


@dataclass(frozen=True, slots=True)
class Typed:
    """Renders columns as values of Arrow's types."""

    terms: Terms
    public_url: str = ""

    def reading(self, column: Column) -> Reading:
        """Return how a column is read."""
        if column.type == "term":
            return Reading(self._kinds_of_terms, self._terms_as)
        if column.type == "result":
            return Reading(_kinds_of_results, _results_as)
        if column.type == "observation":
            return Reading(lambda found: None if found.null_count == len(found) else set(), self._observations)
        kinds = _KINDS.get(column.type, set())
        return Reading(lambda found: None if found.null_count == len(found) else kinds, _plain_as)

    def _observations(self, values: Values, _: Kind | None) -> Values:
        return lexical.observations(values, self.public_url)

    def _kinds_of_terms(self, numbers: Values) -> set[Kind] | None:
        distinct = pc.drop_null(pc.unique(numbers))
        return set(kinds_of(self.terms.of(distinct))) if len(distinct) else None

    def _terms_as(self, numbers: Values, kind: Kind | None) -> Values:
        distinct = pc.drop_null(pc.unique(numbers))
        return column_as(self.terms.of(distinct), kind).take(pc.index_in(numbers, distinct))


def _plain_as(values: Values, kind: Kind | None) -> Values:
    return values.cast(kind.type if kind else pa.string())


def _kinds_of_results(values: Values) -> set[Kind] | None:
    results = Results.of(values)
    if pc.any(results.is_string).as_py():
        return set()
    if not pc.any(pc.is_valid(results.values)).as_py():
        return None
    if results.are_doubles:
        return {_NUMBER}
    there = pc.is_valid(results.values)
    booleans, integers = (pc.filter(found, there) for found in (results.is_boolean, results.is_integer))
    if pc.any(booleans).as_py():
        return {_BOOLEAN} if pc.all(booleans).as_py() else set()
    return {_INTEGER, _NUMBER} if pc.all(integers).as_py() else {_NUMBER}


def _results_as(values: Values, kind: Kind | None) -> Values:
    results = Results.of(values)
    if kind is _BOOLEAN:
        return results.truths
    if kind is not None:
        return results.values.cast(kind.type)
    numbers = lexical.doubles(results.values)
    truths = results.truths.cast(pa.string())
    found: Values = pc.coalesce(pc.if_else(results.is_boolean, truths, numbers), results.texts)
    return found
