from __future__ import annotations

import csv
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontologies.identity import looks_damaged, parse_uuid, point_uuid, reference_iri, series_uuid
from tests.support.data import shared

U = "756e1623-914f-4415-9000-b1b10ce8f5c9"


@pytest.mark.parametrize("text", [U, U.upper(), U.replace("-", ""), U.replace("-", "_"), f"urn:uuid:{U}", f" {U}\n"])
def test_a_uuid_in_any_spelling_is_itself(text: str) -> None:
    assert series_uuid(text, "anywhere") == UUID(U)


@given(st.uuids(), st.sampled_from(["-", "_", ""]), st.booleans(), st.none() | st.text())
def test_every_uuid_is_itself(uuid: UUID, hyphen: str, upper: bool, stored_at: str | None) -> None:
    text = str(uuid).replace("-", hyphen)
    assert series_uuid(text.upper() if upper else text, stored_at) == uuid


@given(st.text().filter(lambda text: parse_uuid(text) is None), st.none() | st.text())
def test_anything_else_is_derived_the_same_each_time(series_id: str, stored_at: str | None) -> None:
    uuid = series_uuid(series_id, stored_at)
    assert uuid.version == 5
    assert uuid == series_uuid(series_id, stored_at)


def test_derived_uuids_are_fixed_for_ever() -> None:
    assert str(series_uuid("sup1", "110.csv")) == "00752eac-65d7-5ca8-975d-5719b301b3a9"
    assert str(point_uuid("urn:p")) == "13b67fc7-bed8-582d-a269-dd7038ad0a5a"


def test_where_it_is_stored_and_what_it_names_keep_ids_apart() -> None:
    names = {
        series_uuid("a"),
        series_uuid("a", "b"),
        series_uuid("b", "a"),
        point_uuid("a"),
        UUID(reference_iri("a", UUID(U))),
    }
    assert len(names) == 5
    assert series_uuid("a", "") == series_uuid("a")


def test_the_damaged_ids_of_a_real_model_are_told() -> None:
    with shared("brick/mortar-bldg1/points.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    told = {row["iri"] for row in rows if looks_damaged(row["uuid_as_published"])}
    assert told == {row["iri"] for row in rows if row["uuid_as_published"] != row["uuid"]}
    assert (len(told), len(rows)) == (197, 1_691)


@pytest.mark.parametrize("text", ["sup_stpt", "a-b-c-d-e", "", U, "AHU-1-2-3-4", "one_two_three_four_five"])
def test_other_ids_are_not_damaged(text: str) -> None:
    assert not looks_damaged(text)
