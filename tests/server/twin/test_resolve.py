from __future__ import annotations

from uuid import UUID

from ontologies.haystack.forms import ZINC
from ontologies.identity import point_uuid
from ontologies.models.form import Options
from ontologies.points import PointSeries, SeriesReference, find_points
from server.twin.resolve import PointIndex

A, B, C = (UUID(int=n) for n in (1, 2, 3))


def point(iri: str, uuid: UUID, *references: SeriesReference) -> PointSeries:
    return PointSeries(iri, uuid, references)


def test_a_series_id_is_found_at_its_store_else_where_none_is_named() -> None:
    index = PointIndex.of(
        [
            point("urn:a", A, SeriesReference("m f", "home")),
            point("urn:b", B, SeriesReference("m f", "/var/lib/office")),
            point("urn:c", C, SeriesReference("n f")),
        ]
    )
    assert [index.kept_at("m f", store) for store in ("home", "office", "lab", None)] == [A, B, None, None]
    assert [index.kept_at("n f", store) for store in ("home", None)] == [C, C]


def test_an_index_grows_as_if_it_were_made_anew() -> None:
    old = [point("urn:a", A, SeriesReference("m f")), point("urn:c", C)]
    new = point("urn:b", B, SeriesReference("m f", "home"))
    index = PointIndex.of(old)
    assert index.extended([new]) == PointIndex.of(sorted([*old, new], key=lambda each: each.point))
    assert index == PointIndex.of(old)  # those who use it still see no change
    assert index.series("m f") == A


def test_an_index_does_not_grow_by_what_it_knows_otherwise() -> None:
    assert PointIndex.of([point("urn:a", A)]).extended([point("urn:a", B)]) is None


def test_what_a_source_calls_a_point_is_found_also_with_an_at() -> None:
    quads = ZINC.read(b'ver:"3.0"\nid,point\n@a-1,M\n@a-2,M\n', Options(base="urn:x:")).quads
    index = PointIndex.of(find_points(quads))
    assert index.series("a-1") == index.series("@a-1") == index.series("urn:x:a-1") == point_uuid("urn:x:a-1")
    assert index.series("a-3") is None
