"""DTDL models are read, and what is wrong is said with the place and what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ontologies.dtdl import Undefined, read_models
from tests.support.data import shared


def interface(*contents: dict[str, Any], version: int = 3, **more: object) -> dict[str, Any]:
    return {
        "@context": f"dtmi:dtdl:context;{version}",
        "@id": "dtmi:com:example:Room;1",
        "@type": "Interface",
        "contents": list(contents),
        **more,
    }


@pytest.mark.parametrize(
    ("file", "count"),
    [("RealEstateCore.DTDLv2.jsonld", 1364), ("opendigitaltwins-building.DTDLv3.json", 767)],
)
def test_the_two_big_models_are_read_without_findings(file: str, count: int) -> None:
    document = json.loads(shared(f"adt/models/{file}").read_text(encoding="utf-8-sig"))
    models = read_models([document])
    assert models.findings == ()
    assert len(models.interfaces) == count


def test_contents_are_inherited_nearest_first() -> None:
    base = interface({"@type": "Property", "name": "area", "schema": "double"}) | {"@id": "dtmi:com:example:Space;1"}
    room = interface({"@type": "Relationship", "name": "isPartOf"}, extends="dtmi:com:example:Space;1")
    models = read_models([[room, base]])
    assert models.valid
    assert models.bases("dtmi:com:example:Room;1") == ("dtmi:com:example:Room;1", "dtmi:com:example:Space;1")
    assert {name: item.kind for name, item in models.contents("dtmi:com:example:Room;1").items()} == {
        "area": "Property",
        "isPartOf": "Relationship",
    }


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (
            interface({"@type": "Property", "name": "1st", "schema": "double"}),
            "contents[0].name: name '1st' must be letters, digits and _, beginning with a letter",
        ),
        (
            interface({"@type": "Property", "name": "area", "schema": "doubel"}),
            "contents[0].schema: schema cannot be 'doubel': it is no term of the contexts in force, and no DTMI",
        ),
        (
            interface(extends="dtmi:com:example:Space;1"),
            "dtmi:com:example:Space;1 is not defined here; give the model that defines it together with this one",
        ),
        (interface(area=7), "Interface has no property area; mend its name"),
        (interface(version=5), "DTDL 2 and 3 are read, not 5; convert the model"),
        ({"@id": "dtmi:com:example:Room;1", "@type": "Interface"}, 'add "@context": "dtmi:dtdl:context;3"'),
        (
            interface(
                {"@type": "Property", "name": "a", "schema": {"@type": "Array", "elementSchema": "long"}}, version=2
            ),
            "a Property of DTDL 2 has no Array",
        ),
        ([7], "[0]: an interface is a JSON object, not 7"),
    ],
)
def test_a_finding_says_where_and_what_to_do(document: object, text: str) -> None:
    (finding,) = read_models([document]).findings
    assert text in str(finding)


def test_documents_are_not_followed_without_end() -> None:
    document: dict[str, Any] = {"@id": "dtmi:com:example:x0;1", "@type": "Interface"}
    for at in range(1, 250):
        document = {"@id": f"dtmi:com:example:x{at};1", "@type": "Interface", "extends": document}
    found = read_models([document | {"@context": "dtmi:dtdl:context;3"}]).findings
    assert "excessiveDepthNarrow" in {finding.code for finding in found}


def test_extensions_that_nobody_knows_may_be_allowed() -> None:
    document = interface({"@type": ["Property", "Historized"], "name": "area", "schema": "double"})
    document["@context"] = ["dtmi:dtdl:context;3", "dtmi:dtdl:extension:historization;1"]
    assert [finding.code for finding in read_models([document]).findings] == ["unresolvableContextSpecifier"]
    models = read_models([document], Undefined.ALWAYS)
    assert models.valid
    assert models.contents("dtmi:com:example:Room;1")["area"].extra == ["Historized"]
