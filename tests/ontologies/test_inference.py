from __future__ import annotations

from collections.abc import Callable

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


def test_brick_gives_inverses_tags_and_rec_of_what_has_a_name() -> None:
    """It ends, also where a rule would tell of blank nodes for ever."""
    found = inferred("""<urn:v> a brick:VAV ; brick:hasPoint <urn:t> . <urn:t> a brick:Zone_Air_Temperature_Sensor .
      <urn:w> a brick:VAV ; brick:hasPoint [ a brick:Power_Sensor ; brick:value 3 ] .""")
    assert says(found, "urn:t", BRICK["isPointOf"]) == {"urn:v"}
    assert says(found, "urn:v", REC["hasPoint"]) == {"urn:t"}
    assert TAG + "Zone" in says(found, "urn:t", BRICK["hasTag"])
    assert TAG + "VAV" in says(found, "urn:w", BRICK["hasTag"])
    assert BRICK["Temperature_Sensor"].value not in says(found, "urn:t", RDF["type"])
    assert Triple(NamedNode("urn:v"), BRICK["hasPoint"], NamedNode("urn:t")) not in found, "it is said already"
    assert all("urn:" in f"{t.subject}{t.object}" for t in found), "of the ontology nothing is told"
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
    found = infer(quads, find("brick"), classes=True)
    stated = {quad.triple for quad in quads}
    other = {BRICK["feeds"]: BRICK["isFedBy"], BRICK["hasPart"]: BRICK["isPartOf"]}
    turned = {
        Triple(t.object, other[t.predicate], t.subject)
        for t in stated
        if t.predicate in other and isinstance(t.object, NamedNode)
    }
    assert len(turned) > 5
    assert turned <= stated | set(found)
    sensor = next(t.subject for t in stated if t.object == BRICK["Outside_Air_Temperature_Sensor"])
    assert Triple(sensor, RDF["type"], BRICK["Temperature_Sensor"]) in found
