from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import InvalidReadings
from storage.series.sorting import ends, in_order, pieces
from storage.series.store import SeriesStore
from tests.support.series import Reading, everything, reading, rows_of, series_id, table

READINGS = st.lists(
    st.builds(
        reading,
        st.sampled_from([1, 2, 3, 1 << 20, 1 << 100]),
        st.integers(0, 6),
        st.sampled_from([1.0, "on", None]),
        st.sampled_from([None, "fault"]),
    )
)


@given(READINGS)
def test_rows_are_sorted_and_the_last_of_a_time_stays(rows: list[Reading]) -> None:
    expected = {row[:2]: row for row in rows}
    found = in_order(table(rows))
    assert rows_of(found) == [expected[key] for key in sorted(expected)]
    newest = {id_: max(key for key in expected if key[0] == id_) for id_, _ in expected}
    assert rows_of(ends(found)) == [expected[key] for _, key in sorted(newest.items())]


def test_ids_in_capitals_are_the_same_series() -> None:
    capital = "FFFFFFFF-0000-4000-8000-000000000000"
    rows = [(capital, *reading(1, 0, 1.0)[1:]), (capital.lower(), *reading(1, 0, 2.0)[1:]), reading(1, 0, 3.0)]
    assert rows_of(in_order(table(rows))) == [reading(1, 0, 3.0), (capital.lower(), *reading(1, 0, 2.0)[1:])]


def test_more_series_than_small_numbers_are() -> None:
    ids = [series_id(number) for number in range(70_000)]
    one = table([reading(1, 0, 1.0)])
    rows = pa.table(
        {"id": ids[::-1], **{name: pa.repeat(one.column(name)[0], len(ids)) for name in one.column_names[1:]}},
        schema=one.schema,
    )
    assert in_order(rows).column("id").to_pylist() == ids


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(None, *reading(1, 0, 1.0)[1:])], "needs an id"),
        ([(series_id(1), None, 1.0, None, None)], "needs a time"),
        ([("room-7", *reading(1, 0, 1.0)[1:])], '"room-7" is no UUID'),
    ],
)
def test_rows_that_are_no_readings_are_refused(rows: list[Reading], said: str) -> None:
    with pytest.raises(InvalidReadings, match=said):
        in_order(table(rows))


def test_pieces_have_all_rows_in_order() -> None:
    batches = [
        table([reading(1, at, 0.0) for at in range(first, first + 3)]).to_batches()[0] for first in range(0, 21, 3)
    ]
    found = list(pieces(iter(batches), 5))
    assert [piece.num_rows for piece in found] == [6, 6, 6, 3]
    assert pa.concat_tables(found).column("time").to_pylist() == [reading(1, at, 0.0)[1] for at in range(21)]


def test_a_batch_of_several_pieces_is_one_write(store: SeriesStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last of the same id and time counts, over all pieces; hot rows are sealed in pieces as well."""
    monkeypatch.setattr("storage.series.sorting.pieces.__defaults__", (10,))
    monkeypatch.setattr("storage.series.keeper.MOST_ROWS", 10)
    rows = [reading(series, at, float(turn)) for turn in range(4) for series in (1, 2) for at in range(4)]
    batches = [table(rows[first : first + 3]).to_batches()[0] for first in range(0, len(rows), 3)]
    store.append_stream(pa.RecordBatchReader.from_batches(batches[0].schema, batches))
    assert store.status().runs == 3
    expected = rows[-8:]
    assert everything(store) == expected
    assert rows_of(store.latest()) == [reading(1, 3, 3.0), reading(2, 3, 3.0)]
    for row in [*rows, reading(1, 0, 9.0)]:
        store.append(table([row]))
    assert store.seal() == 33
    assert store.status().runs == 7
    assert everything(store) == [reading(1, 0, 9.0), *expected[1:]]
    store.compact()
    assert everything(store) == [reading(1, 0, 9.0), *expected[1:]]
