"""What is read many values at a time is what reading value by value gives: the same, or the same error."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontologies.errors import FormatError, ValueShapeError
from ontologies.haystack import csv_text, hayson, trio, zinc
from ontologies.haystack.csv_text import read_csv, write_csv
from ontologies.haystack.hayson import read_hayson
from ontologies.haystack.hayson_text import write_hayson
from ontologies.haystack.kinds import Grid, Value, grid_of
from ontologies.haystack.trio import read_numbered, write_trio
from ontologies.haystack.zinc import read_zinc
from ontologies.haystack.zinc_text import write_zinc
from tests.ontologies.haystack.grids import RECORDS


def refusing(*_: object) -> Any:  # noqa: ANN401 - it never returns
    raise ValueError


Form = tuple[Callable[[str], object], Callable[[Grid], str], Callable[[], AbstractContextManager[object]]]
FORMS: dict[str, Form] = {
    "zinc": (read_zinc, write_zinc, lambda: patch.object(zinc, "_cell_of", refusing)),
    "trio": (
        lambda text: list(read_numbered(text)),
        lambda grid: "".join(write_trio(grid.rows)),
        lambda: patch.object(trio._Reader, "simple", lambda _: None),
    ),
    "hayson": (read_hayson, write_hayson, lambda: patch.object(hayson._Scalars, "made_of", refusing)),
    "csv": (
        read_csv,
        lambda grid: "".join(write_csv(grid)),
        lambda: patch.object(csv_text, "_EASY", re.compile(r"(?!)")),
    ),
}
PIECES = st.sampled_from(
    [
        *'",:;\n\\@`[]{}()<>-_ \tTNMR0',
        "//",
        "---\n",
        "null",
        "true",
        "-0.0",
        "_kind",
        '"a":1,',
        "kW",
        "2020-01-01",
        "✓",
    ]
)
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), PIECES), max_size=3)


def edited(text: str, edits: list[tuple[float, int, str]]) -> str:
    for place, gone, piece in edits:
        at = int(place * len(text))
        text = text[:at] + piece + text[at + gone :]
    return text


def outcome(read: Callable[[str], object], text: str) -> str:
    try:
        return repr(read(text))  # NaN equals nothing
    except FormatError as error:
        return f"{error.line}:{error.column}: {error}"
    except ValueShapeError as error:
        return f"{error.where}: {error}"


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=150, deadline=None)
@given(records=RECORDS, edits=EDITS)
def test_both_ways_give_the_same(
    name: str, records: list[dict[str, Value]], edits: list[tuple[float, int, str]]
) -> None:
    read, write, plainly = FORMS[name]
    text = edited(write(grid_of(records)), edits)
    quick = outcome(read, text)
    with plainly():
        assert quick == outcome(read, text)


@pytest.mark.parametrize(
    "text",
    [
        '[{"a":{"_kind":"coord","lat":1,"lng":2},"b":{"_kind":"coord","lat":true,"lng":2}}]',
        '[{"a":{"_kind":"number","val":1},"b":{"_kind":"number","val":true}}]',
        '[{"a":{"_kind":"number","val":0.0,"unit":"m"},"b":{"_kind":"number","val":-0.0,"unit":"m"}}]',
        '[{"a":{"_kind":"ref","val":"x","dis":null}},{"_kind":"marker"}]',
        '{"_kind":"grid","meta":{"_kind":"marker"},"cols":[{"name":"a","meta":{"_kind":"na"}}],"rows":[]}',
        '[{"a":{"_kind":"xstr","type":{"_kind":"marker"},"val":"x"},"b":{"_kind":["marker"]}}]',
        '[{"a":{"_kind":"ref","_kind":"ref","val":"x"}}]',
    ],
)
def test_values_that_python_takes_for_equal_are_not(text: str) -> None:
    read, _, plainly = FORMS["hayson"]
    quick = outcome(read, text)
    with plainly():
        assert quick == outcome(read, text)


def test_lines_of_records_are_counted_whatever_is_between_them() -> None:
    text = "// a\n\ndis:A\n---\n---\n\n// b\n//c\nid:@b\nn:N\n-----\nl:[1,\n 2]\n---\ndis:5 lines\n\n"
    assert [(line, sorted(record)) for line, record in read_numbered(text)] == [
        (3, ["dis"]),
        (9, ["id"]),
        (12, ["l"]),
        (15, ["dis"]),
    ]
