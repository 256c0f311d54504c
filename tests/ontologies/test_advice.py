from __future__ import annotations

import json

from pyoxigraph import RdfFormat

from ontologies.advice import Advice, advise
from ontologies.catalog import find
from ontologies.formats import read_quads
from ontologies.namespaces import PREFIXES
from ontologies.sarif import to_sarif
from ontologies.validation import validate

PREFIXED = "".join(f"@prefix {name}: <{iri}> .\n" for name, iri in PREFIXES.items())
BODY = """
<urn:v> a brick:VAV ; brick:hasPoint <urn:a>, <urn:b> . <urn:a> brick:isPointOf <urn:v> .
<urn:a> a brick:Power_Sensor ; brick:hasUnit unit:KiloWatts ;
  ref:hasExternalReference [ a ref:TimeseriesReference ; ref:hasTimeseriesId "a" ] .
<urn:b> a brick:Power_Sensor ; brick:hasUnit unit:KiloW .
<urn:c> a brick:Power_Sensor ; brick:hasUnit unit:MINE ; brick:hasTag <urn:tag> .
<urn:z> brick:feeds <urn:v> .
"""


def advised(body: str) -> dict[str, Advice]:
    quads = list(read_quads((PREFIXED + body).encode(), RdfFormat.TURTLE))
    return {item.cause: item for item in advise(quads, list(find("brick").quads()))}


def test_what_could_be_better() -> None:
    found = advised(BODY)
    assert found.keys() == {
        "the unit unit:KiloWatts is not known",
        "the unit unit:MINE is not known",
        "relations are said in one direction alone",
        "points have no series",
    }
    assert found["the unit unit:KiloWatts is not known"].hint == "perhaps unit:KiloW is meant"
    one_way = found["relations are said in one direction alone"]
    assert (one_way.count, one_way.examples) == (2, ("urn:v", "urn:z"))
    assert "brick:feeds (1), brick:hasPoint (1)" in one_way.hint
    assert found["points have no series"].examples == ("urn:b", "urn:c")


def test_a_unit_may_be_declared() -> None:
    assert "the unit unit:MINE is not known" not in advised(BODY + "unit:MINE a qudt:Unit .")


def test_sarif_names_a_rule_for_each_cause() -> None:
    quads = list(read_quads((PREFIXED + "<urn:r> a brick:Room . <urn:s> a brick:Room .").encode(), RdfFormat.TURTLE))
    report = validate(quads, find("brick")).to_dict()
    report["advice"] = [
        {"cause": "points have no series", "hint": "load", "count": 2, "examples": ("urn:a", "urn:b")},
        {"cause": "points have no series!", "hint": "", "count": 1, "examples": ("urn:a",)},
    ]
    log = json.loads(json.dumps(to_sarif(report, "1.2.3")))
    [run] = log["runs"]
    rules = {rule["id"]: rule for rule in run["tool"]["driver"]["rules"]}
    assert log["version"] == "2.1.0"
    assert rules["brick-room-is-deprecated"]["help"]["text"].endswith("write rec:Room in its place")
    assert {result["ruleId"] for result in run["results"]} == rules.keys()
    assert len(rules) == len(run["tool"]["driver"]["rules"]), "each has an id of its own"
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
    levels = {(r["level"], r["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]) for r in run["results"]}
    assert levels == {("warning", "urn:r"), ("warning", "urn:s"), ("note", "urn:a")}
