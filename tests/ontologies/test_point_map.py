from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
from pyoxigraph import NamedNode, Quad

from ontologies.errors import MapError
from ontologies.point_map import read_map
from ontologies.points import PointSeries, find_points, reference_quads
from tests.support.data import shared

U = "756e1623-914f-4415-9000-b1b10ce8f5c9"


def test_the_map_of_a_real_model_repairs_its_ids(model: Callable[[str], tuple[Quad, ...]]) -> None:
    quads = model("brick/mortar-bldg1/model.ttl")
    points = find_points(quads)
    with shared("brick/mortar-bldg1/points.csv").open(newline="") as lines:
        table = read_map(lines)
    mapped = table.apply(points)
    assert table.unknown(points) == []
    assert sum(before.uuid != after.uuid for before, after in zip(points, mapped, strict=True)) == 197
    again = find_points([*quads, *reference_quads(mapped, NamedNode("urn:g"))])
    assert {p.point: p.uuid for p in again} == table.uuids


def test_the_map_wins_over_a_canonical_reference() -> None:
    point = PointSeries("urn:p", UUID(int=1), canonical=True)
    (mapped,) = read_map(["iri,uuid\n", f"urn:p,{U}\n"]).apply([point])
    assert (mapped.uuid, mapped.canonical) == (UUID(U), False)


def test_points_that_nobody_has_are_told() -> None:
    assert read_map(["iri,uuid\n", f"urn:p,{U}\n"]).unknown([]) == ["urn:p"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the table has no column iri and no column uuid"),
        ("iri\nurn:p\n", "line 1: the table has no column uuid"),
        (f"iri,uuid\nurn:p,{U}\nurn:q,bad\n", "line 3: 'bad' is not a UUID"),
        (f"iri,uuid\n,{U}\n", "line 2: the iri is empty"),
        ("iri,uuid\nurn:p\n", "line 2: '' is not a UUID"),
        (f"iri,uuid\nurn:p,{U}\nurn:p,{UUID(int=1)}\n", "line 3: urn:p has two UUIDs"),
    ],
)
def test_a_bad_line_is_named(text: str, message: str) -> None:
    with pytest.raises(MapError, match=message) as caught:
        read_map(text.splitlines(keepends=True))
    assert caught.value.line is not None
