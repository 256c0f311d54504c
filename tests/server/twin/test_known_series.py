from __future__ import annotations

import io
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.tables.line_protocol.occurring import Occurring
from server.tables.line_protocol.read import Precision, read_lines
from server.twin import lookup
from server.twin.known_series import Known, Names
from server.twin.resolve import PointIndex

KEYS = st.sampled_from(["m", "m,t=a", "m,t=b", r"m,t=a\ b", "n,uuid=1", "°C"])
FIELDS = st.sets(st.sampled_from(["value", "f", r"g\,h", "ü"]), min_size=1)
LINES = st.lists(st.tuples(KEYS, FIELDS), min_size=1, max_size=12)


def series_of(lines: list[tuple[str, set[str]]]) -> Occurring:
    text = "".join(f"{key} {','.join(f'{field}=1' for field in sorted(fields))} 1\n" for key, fields in lines)
    [batch] = read_lines(io.BytesIO(text.encode()), Precision("ns"))
    assert len(set(batch.series)) == len(batch.series)
    return batch.series


@given(LINES, LINES, LINES, st.integers(1, 20))
def test_the_tables_say_what_the_names_say(
    first: list[tuple[str, set[str]]],
    second: list[tuple[str, set[str]]],
    asked: list[tuple[str, set[str]]],
    worth: int,
) -> None:
    names = Names()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "WORTH", worth)
        for lines in (first, second):
            for number, raw in enumerate(series_of(lines), len(names)):
                names.add(raw, str(UUID(int=number)))
            series = series_of(asked)
            found = dict(zip(series, names.find(series).to_pylist(), strict=True))
            assert all(uuid in (None, names.get(raw)) for raw, uuid in found.items())
            if worth == 20 and lines is first:
                assert found == {raw: names.get(raw) for raw in series}


def test_what_is_remembered_is_of_one_store_and_index() -> None:
    known, index = Known(), PointIndex(())
    series = series_of([("m,t=a", {"value"}), ("m,t=b", {"value"})])
    names = known.of(index, None)
    known.remember(names, series[0], str(UUID(int=1)))
    assert known.of(index, None).find(series).to_pylist() == [str(UUID(int=1)), None]
    assert known.of(index, "other").find(series).to_pylist() == [None, None]
    assert known.of(PointIndex(()), None).find(series).to_pylist() == [None, None]
