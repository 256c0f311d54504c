from __future__ import annotations

from pyoxigraph import BlankNode, NamedNode, Quad

from ontologies.catalog import find
from ontologies.inference import INFERRED, infer
from ontologies.namespaces import BRICK, RDF

MODEL = b"""<urn:vav> <https://brickschema.org/schema/Brick#hasPoint> <urn:t> .
<urn:vav> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://brickschema.org/schema/Brick#VAV> .
<urn:t> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://brickschema.org/schema/Brick#Temperature_Sensor> .
<urn:t> <https://brickschema.org/schema/Brick#lastKnownValue> _:v .
_:v <https://brickschema.org/schema/Brick#value> "1" .
"""


def test_what_follows_is_new_and_names_what_lasts() -> None:
    quads = infer(MODEL, find("brick"))
    assert Quad(NamedNode("urn:t"), BRICK["isPointOf"], NamedNode("urn:vav"), INFERRED) in quads
    assert Quad(NamedNode("urn:vav"), BRICK["hasPoint"], NamedNode("urn:t"), INFERRED) not in quads
    assert not any(isinstance(term, BlankNode) for quad in quads for term in (quad.subject, quad.object))
    assert not any("genid" in str(quad) for quad in quads)
    assert not [quad for quad in quads if quad.object == BRICK["Point"]]


def test_a_closure_has_the_classes_above() -> None:
    quads = infer(MODEL, find("brick"), closure=True)
    assert Quad(NamedNode("urn:t"), RDF["type"], BRICK["Point"], INFERRED) in quads
    assert Quad(NamedNode("urn:vav"), RDF["type"], BRICK["Equipment"], INFERRED) in quads
