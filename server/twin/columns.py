"""A SELECT's answer in TSV as Arrow columns.

Arrow reads the text; what is no IRI, plain string or number is turned into a term once for each distinct text. What
a column can be is one question (`kinds`), and its values are another (`column`): one that comes in parts has a type
only once all of them are known.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyoxigraph as ox

from server.twin.terms import KINDS, Kind, Term, column_as, kinds_of
from storage.errors import NotInFormat

_FEW = 1 << 14  # bytes that are split here before Arrow's reader has begun
TSV = "text/tab-separated-values"
_PARSING = pa.csv.ParseOptions(
    delimiter="\t", quote_char=False, double_quote=False, newlines_in_values=False, ignore_empty_lines=False
)
_INTEGER, _NUMBER, *_ = KINDS


def names_of(head: bytes) -> list[str]:
    """Return the variables of an answer's first line (SPARQL 1.1 Query Results CSV and TSV Formats, section 4)."""
    return [name.removeprefix("?") for name in head.decode().split("\t")] if head else []


def read_cells(names: Sequence[str], lines: bytes) -> pa.RecordBatch:
    """Return the cells of whole lines as text, as the engine writes them; empty ones are null."""
    schema = pa.schema([(name, pa.string()) for name in names])
    if not lines:
        return pa.RecordBatch.from_pylist([], schema)
    if len(lines) < _FEW:
        rows = [line.split("\t") for line in lines.decode().removesuffix("\n").split("\n")]
        columns = [pa.array([cell or None for cell in column], pa.string()) for column in zip(*rows, strict=True)]
        return pa.RecordBatch.from_arrays(columns, schema=schema)
    table = pa.csv.read_csv(
        io.BytesIO(lines),
        # In one block, since Arrow takes no line that is longer than two.
        pa.csv.ReadOptions(column_names=list(names), block_size=len(lines) + 1, use_threads=False),
        _PARSING,
        pa.csv.ConvertOptions(column_types=schema, strings_can_be_null=True, null_values=[""]),
    )
    return table.combine_chunks().to_batches()[0]


def kinds(cells: pa.Array[Any]) -> set[Kind] | None:
    """Return what a column with these cells can be besides text; None where no cell says anything."""
    bound = pc.drop_null(cells)
    if not len(bound):
        return None
    if pc.any(_plain(bound)).as_py():
        return set()
    for numbers in ({_INTEGER, _NUMBER}, {_NUMBER}):
        with contextlib.suppress(pa.ArrowInvalid):
            bound.cast((_INTEGER if _INTEGER in numbers else _NUMBER).type)
            return numbers
    return set(kinds_of(terms_of(pc.unique(bound).to_pylist())))


def best(possible: Iterable[Kind]) -> Kind | None:
    """Return what a column becomes that can be several kinds; None is text."""
    return next((kind for kind in KINDS if kind in set(possible)), None)


def column(cells: pa.Array[Any], kind: Kind | None) -> pa.Array[Any]:
    """Return the values of cells, all of which are of this kind."""
    if kind in (_INTEGER, _NUMBER) and kind is not None:
        with contextlib.suppress(pa.ArrowInvalid):
            return cells.cast(kind.type)
    if kind is not None:
        return _looked_up(cells, pc.drop_null(pc.unique(cells)), kind)
    plain = _plain(cells)
    others = pc.unique(pc.drop_null(pc.filter(cells, pc.invert(plain))))
    read = pc.if_else(pc.starts_with(cells, "_:"), cells, pc.utf8_slice_codeunits(cells, 1, -1))
    found: pa.Array[Any] = pc.if_else(plain, read, _looked_up(cells, others, None)) if len(others) else read
    return found


def _looked_up(cells: pa.Array[Any], distinct: pa.Array[Any], kind: Kind | None) -> pa.Array[Any]:
    values = column_as(terms_of(distinct.to_pylist()), kind)
    found: pa.Array[Any] = values.take(pc.index_in(cells, distinct))
    return found


def _plain(cells: pa.Array[Any]) -> pa.Array[Any]:
    """Tell where IRIs, blank nodes, and strings without escapes, language or datatype are."""
    iris = pc.and_not(pc.starts_with(cells, "<"), pc.starts_with(cells, "<<"))
    strings = pc.and_not(pc.ends_with(cells, '"'), pc.match_substring(cells, "\\"))
    return pc.or_(pc.or_(iris, strings), pc.starts_with(cells, "_:"))


def terms_of(texts: Iterable[str | None]) -> Sequence[Term]:
    """Return the terms of cells, as the engine writes them. Raises NotInFormat where it does not read them back."""
    document = "?x\n" + "".join(f"{text}\n" for text in texts)
    with contextlib.suppress(SyntaxError):  # which would keep the solutions, that only this thread may let go of
        return _first_terms(document.encode())
    raise NotInFormat("the answer has triple terms that are too deep in each other for a table")


def _first_terms(document: bytes) -> Sequence[Term]:
    found = ox.parse_query_results(document, ox.QueryResultsFormat.TSV)
    assert isinstance(found, ox.QuerySolutions)  # noqa: S101 - it has a variable, for the type checker
    return [row[0] for row in found]
