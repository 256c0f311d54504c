"""Answers in TSV as Arrow columns, in however many parts: the same as term by term."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import zip_longest
from pathlib import Path

import pyarrow as pa
import pyoxigraph as ox
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ontologies.namespaces import XSD
from server.twin import columns, solutions
from server.twin.solutions import from_tsv
from server.twin.terms import Term, table_of
from storage.errors import DeadlineExceeded, DiskFailed

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70).map(lambda n: ox.Literal(str(n), datatype=XSD["integer"])),
    st.floats().map(lambda x: ox.Literal(x)),
    st.decimals(-1000, 1000, places=2).map(lambda d: ox.Literal(str(d), datatype=XSD["decimal"])),
    st.integers(-5, 5).map(lambda n: ox.Literal(str(n), datatype=XSD["int"])),
)
TERMS = st.one_of(
    NUMBERS,
    TEXTS.map(ox.Literal),
    TEXTS.map(lambda text: ox.Literal(text, language="en")),
    TEXTS.map(lambda text: ox.Literal(text, datatype=XSD["dateTime"])),
    st.booleans().map(ox.Literal),
    st.datetimes().map(lambda time: ox.Literal(time.isoformat(), datatype=XSD["dateTime"])),
    st.integers(0, 3).map(lambda n: ox.NamedNode(f"urn:é:{n}")),
    st.integers(0, 3).map(lambda n: ox.BlankNode(f"b{n}")),
    st.just(ox.Triple(ox.NamedNode("urn:s"), ox.NamedNode("urn:p"), ox.Literal('"'))),
)
COLUMNS = st.one_of(*(st.lists(st.one_of(st.none(), kind), max_size=6) for kind in (NUMBERS, TERMS)))


def answered(found: list[list[Term]], media_type: ox.QueryResultsFormat) -> bytes:
    """Return what the engine says when it is asked for a table with these columns."""
    store = ox.Store()
    for row, terms in enumerate(zip_longest(*found)):
        quads = [
            ox.Quad(ox.NamedNode(f"urn:row:{row}"), ox.NamedNode(f"urn:c{i}"), t) for i, t in enumerate(terms) if t
        ]
        number = ox.Quad(ox.NamedNode(f"urn:row:{row}"), ox.NamedNode("urn:row"), ox.Literal(row))
        store.extend([number, *quads])
    cells = " ".join(f"OPTIONAL {{ ?row <urn:c{i}> ?c{i} }}" for i in range(len(found)))
    names = " ".join(f"?c{i}" for i in range(len(found)))
    solutions = store.query(f"SELECT {names} {{ ?row <urn:row> ?n {cells} }} ORDER BY ?n")
    assert isinstance(solutions, ox.QuerySolutions)
    written = solutions.serialize(format=media_type)
    assert written is not None
    return written


def by_terms(document: bytes) -> pa.Table:
    found = ox.parse_query_results(document, ox.QueryResultsFormat.JSON)
    assert isinstance(found, ox.QuerySolutions)
    return table_of([variable.value for variable in found.variables], [tuple(row) for row in found])


def typed(answer: bytes, folder: Path, cuts: Sequence[int] = (1 << 20,)) -> pa.Table:
    """Return the table of an answer that comes in pieces of these sizes, over and over."""

    def pieces() -> Iterator[bytes]:
        at = number = 0
        while at < len(answer):
            size = cuts[number % len(cuts)]
            yield answer[at : at + size]
            at, number = at + size, number + 1

    with closing(from_tsv(pieces(), folder)) as found:
        return pa.Table.from_batches(found.batches(), found.schema)


@pytest.fixture(params=["split here", "by Arrow"])
def small_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "by Arrow":
        monkeypatch.setattr(columns, "_FEW", 0)
    monkeypatch.setattr(solutions, "_BLOCK", 20)
    monkeypatch.setattr(solutions, "_IN_MEMORY", 100)


@pytest.mark.usefixtures("small_blocks")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(found=st.lists(COLUMNS, min_size=1, max_size=3), cuts=st.lists(st.integers(1, 30), min_size=1, max_size=3))
def test_columns_are_those_of_the_terms(tmp_path: Path, found: list[list[Term]], cuts: list[int]) -> None:
    table = typed(answered(found, ox.QueryResultsFormat.TSV), tmp_path, cuts)
    expected = by_terms(answered(found, ox.QueryResultsFormat.JSON))
    assert table.schema == expected.schema
    assert str(table.to_pylist()) == str(expected.to_pylist())  # as text, so that NaN is NaN


LOCAL, ZONED = (f'"2026-01-01T00:00:00{zone}"^^<{XSD["dateTime"].value}>' for zone in ("", "+02:00"))


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "-7", ""], pa.int64()),
        (["1", "2.5"], pa.float64()),
        (["1"] * 50 + ["2.5"], pa.float64()),
        (["2.5"] + ["1"] * 50, pa.float64()),
        (["1"] * 50 + ["<urn:x>"], pa.string()),
        (["1"] * 50 + ["true"], pa.string()),
        ([""] * 50 + ["1"] + [""] * 50, pa.int64()),
        (["99999999999999999999"], pa.float64()),
        (["1"] * 50 + ["99999999999999999999"], pa.float64()),
        (["true", ""], pa.bool_()),
        (["1", "true"], pa.string()),
        (["1", "<urn:x>"], pa.string()),
        ([f'"2026-01-01T00:00:00Z"^^<{XSD["dateTime"].value}>'], pa.timestamp("us", "UTC")),
        ([f'"2026-01-01T00:00:00Z"^^<{XSD["dateTime"].value}>', '"soon"'], pa.string()),
        ([LOCAL, LOCAL], pa.timestamp("us")),
        ([ZONED] * 50 + [LOCAL], pa.string()),
        ([LOCAL] * 50 + [ZONED], pa.string()),
        (["", ""], pa.string()),
        ([], pa.string()),
    ],
)
def test_a_column_has_the_type_of_its_terms(cells: list[str], kind: pa.DataType, tmp_path: Path) -> None:
    table = typed("\n".join(("?x", *cells, "")).encode(), tmp_path, [7])
    assert (table.num_rows, table.schema.field("x").type) == (len(cells), kind)


def test_a_row_may_be_longer_than_a_block(tmp_path: Path) -> None:
    long = "x" * (40 << 20)
    table = typed(f'?x\t?y\n<urn:1>\t1\n"{long}"\t2\n'.encode(), tmp_path)
    assert table.to_pydict() == {"x": ["urn:1", long], "y": [1, 2]}


def test_an_answer_may_have_no_columns(tmp_path: Path) -> None:
    assert typed(b"\n\n", tmp_path).num_columns == 0


def test_an_answer_that_breaks_leaves_nothing_behind(tmp_path: Path) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"?x\n" + b"<urn:1>\n" * 3_000_000
        raise DeadlineExceeded("too late")

    with pytest.raises(DeadlineExceeded):
        from_tsv(breaking(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_nothing_is_a_failed_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solutions, "_IN_MEMORY", 100)
    with pytest.raises(DiskFailed):
        from_tsv(iter([b"?x\n", b"<urn:1>\n" * 1000]), tmp_path / "none")


def test_memory_is_bounded(tmp_path: Path) -> None:
    def rows() -> Iterator[bytes]:
        yield b"?x\t?n\n"
        for number in range(3000):
            yield b"".join(b"<urn:%d>\t%d\n" % (number * 1000 + i, i) for i in range(1000))

    pa.default_memory_pool().release_unused()
    before, most, count = pa.total_allocated_bytes(), 0, 0
    with closing(from_tsv(rows(), tmp_path)) as found:
        for batch in found.batches():
            count += batch.num_rows
            most = max(most, pa.total_allocated_bytes() - before)
    assert (count, most < 40 << 20) == (3_000_000, True)
