from __future__ import annotations

from collections.abc import Callable

import pytest
from pyoxigraph import NamedNode, Quad, RdfFormat, Triple

from ontologies.catalog import find
from ontologies.formats import read_quads
from ontologies.inference import infer
from ontologies.namespaces import BRICK, PREFIXES, RDF, REC, S223

PREFIXED = "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in PREFIXES.items())
TAG = "https://brickschema.org/schema/BrickTag#"


def inferred(body: str, ontology: str = "brick", *, classes: bool = False) -> list[Triple]:
    quads = read_quads((PREFIXED + body).encode(), RdfFormat.TURTLE)
    return infer(quads, find(ontology), classes=classes)


def says(triples: list[Triple], subject: str, predicate: NamedNode) -> set[str]:
    found = (t for t in triples if t.subject == NamedNode(subject) and t.predicate == predicate)
    return {t.object.value for t in found if isinstance(t.object, NamedNode)}


@pytest.mark.parametrize("classes", [False, True])
def test_brick_gives_inverses_tags_and_rec(classes: bool) -> None:
    body = "<urn:v> a brick:VAV ; brick:hasPoint <urn:t> . <urn:t> a brick:Zone_Air_Temperature_Sensor ."
    found = inferred(body, classes=classes)
    assert says(found, "urn:t", BRICK["isPointOf"]) == {"urn:v"}
    assert says(found, "urn:v", REC["hasPoint"]) == {"urn:t"}
    assert TAG + "Zone" in says(found, "urn:t", BRICK["hasTag"])
    assert (BRICK["Temperature_Sensor"].value in says(found, "urn:t", RDF["type"])) is classes
    assert Triple(NamedNode("urn:v"), BRICK["hasPoint"], NamedNode("urn:t")) not in found, "it is said already"
    assert all("urn:" in f"{t.subject}{t.object}" for t in found), "of the ontology nothing is told"


def test_nothing_is_told_of_blank_nodes_and_it_ends() -> None:
    found = inferred("<urn:v> a brick:VAV ; brick:hasPoint [ a brick:Power_Sensor ; brick:value 3 ] .")
    assert says(found, "urn:v", BRICK["hasTag"])
    assert not [t for t in found if "genid" in str(t) or "_:" in str(t)]


def test_223p_gives_what_is_connected() -> None:
    body = """<urn:fan> a s223:Fan ; s223:hasConnectionPoint <urn:out> . <urn:out> a s223:OutletConnectionPoint ;
      s223:connectsThrough <urn:duct> . <urn:duct> a s223:Duct . <urn:in> a s223:InletConnectionPoint ;
      s223:connectsThrough <urn:duct> . <urn:coil> a s223:HeatingCoil ; s223:hasConnectionPoint <urn:in> ."""
    found = inferred(body, "223p")
    assert says(found, "urn:fan", S223["connectedTo"]) == {"urn:coil"}
    assert says(found, "urn:coil", S223["hasRole"]) >= {S223["Role-Heating"].value}


def test_a_real_building(model: Callable[[str], tuple[Quad, ...]]) -> None:
    quads = model("brick/hhw/building_105_non-condensing_h.ttl")
    found = infer(quads, find("brick"))
    stated = {quad.triple for quad in quads}
    other = {BRICK["feeds"]: BRICK["isFedBy"], BRICK["hasPart"]: BRICK["isPartOf"]}
    turned = {
        Triple(t.object, other[t.predicate], t.subject)
        for t in stated
        if t.predicate in other and isinstance(t.object, NamedNode)
    }
    assert len(turned) > 5
    assert turned <= stated | set(found)
    assert found == infer(reversed(quads), find("brick")), "the order of the model does not matter"
