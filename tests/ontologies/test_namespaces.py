from __future__ import annotations

import pytest
from pyoxigraph import Literal, NamedNode

from ontologies.namespaces import BRICK, PREFIXES, REF, any_brick, compact


def test_a_term_is_written_with_brackets() -> None:
    assert BRICK["hasPoint"] == NamedNode("https://brickschema.org/schema/Brick#hasPoint")


def test_a_namespace_knows_its_terms() -> None:
    assert BRICK["hasPoint"] in BRICK
    assert REF["storedAt"] not in BRICK
    assert Literal(BRICK.iri) not in BRICK


def test_no_prefix_stands_twice_for_one_iri() -> None:
    assert len(set(PREFIXES.values())) == len(PREFIXES)


@pytest.mark.parametrize(
    ("iri", "short"),
    [
        (BRICK["Point"].value, "brick:Point"),
        (REF["storedAt"].value, "ref:storedAt"),
        ("http://data.ashrae.org/bacnet/2020#BACnetDevice", "bacnet:BACnetDevice"),
        ("http://data.ashrae.org/bacnet/device", "bacnet1:device"),
        ("urn:x", "urn:x"),
    ],
)
def test_compact(iri: str, short: str) -> None:
    assert compact(iri) == short


def test_every_release_of_brick_has_its_own_term() -> None:
    assert any_brick("hasPoint")[0] == BRICK["hasPoint"]
    assert NamedNode("https://brickschema.org/schema/1.0.2/BrickFrame#hasPoint") in any_brick("hasPoint")
