from __future__ import annotations

import pyarrow as pa
import pytest

from server.errors import Problem
from server.twin.join import MOST_WIDE_COLUMNS, wide_names


def bindings(points: list[str], **carried: list[str | None]) -> pa.Table:
    return pa.table({"point": points, **carried, "id": points})


@pytest.mark.parametrize(
    ("carried", "labels", "names"),
    [
        ({"room": ["1", "2"], "column": ["a", "b"]}, {}, ["a", "b"]),
        ({"room": ["1", "2"]}, {}, ["1", "2"]),
        ({"room": ["1", "1"], "kind": ["t", "f"]}, {}, ["1 t", "1 f"]),
        ({"vav": ["http://s/e#v1", "http://s/e#v2"]}, {}, ["v1", "v2"]),
        ({"vav": ["http://s/a#v", "http://s/b#v"]}, {}, ["http://s/a#v", "http://s/b#v"]),
        ({"room": ["1", "1"]}, {"urn:s#x": "X", "urn:s#y": "Y"}, ["X", "Y"]),
        ({}, {"urn:s#x": "same", "urn:s#y": "same"}, ["x", "y"]),
        ({"room": ["time", "2"]}, {}, ["x", "y"]),
        ({"room": [None, "2"]}, {"urn:s#x": "X"}, ["x", "y"]),
    ],
)
def test_columns_get_the_first_names_that_differ(
    carried: dict[str, list[str | None]], labels: dict[str, str], names: list[str]
) -> None:
    assert wide_names(bindings(["urn:s#x", "urn:s#y"], **carried), labels) == names


def test_the_same_point_twice_is_numbered() -> None:
    assert wide_names(bindings(["urn:s#x", "urn:s#x"]), {}) == ["urn:s#x 1", "urn:s#x 2"]


def test_too_many_columns_are_refused() -> None:
    with pytest.raises(Problem, match="columns"):
        wide_names(bindings(["x"] * (MOST_WIDE_COLUMNS + 1)), {})


def test_the_point_need_not_be_selected_first() -> None:
    table = pa.table({"room": ["1", "1"], "point": ["urn:s#x", "urn:s#y"], "id": ["x", "y"]})
    assert wide_names(table, {"urn:s#x": "X", "urn:s#y": "Y"}) == ["X", "Y"]
