from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from pyoxigraph import NamedNode, RdfFormat, parse

from ontologies.catalog import find
from ontologies.formats import read_quads
from ontologies.model_checks import check_model
from ontologies.namespaces import RDF, SH
from ontologies.validation import Report, ValidationFinding
from ontologies.validation_reports import sarif, shacl

MODEL = b"""PREFIX brick: <https://brickschema.org/schema/Brick#> PREFIX unit: <http://qudt.org/vocab/unit/>
PREFIX ref: <https://brickschema.org/schema/Brick/ref#> PREFIX : <urn:x:>
:vav brick:hasPoint :t, :u, :v . :t brick:isPointOf :vav .
:t brick:hasUnit unit:DEG_F ; ref:hasExternalReference [ ref:hasTimeseriesId "1" ] .
:u brick:hasUnit "cfm" ; ref:hasExternalReference [ ref:hasTimeseriesId "2" ] .
:v brick:hasUnit unit:SMOOT .
"""


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    findings = check_model(read_quads(MODEL, RdfFormat.TURTLE), find("brick"))
    violation = ValidationFinding("Violation", "_:b1", "urn:p", '"x y"', "urn:shape", "bad", "a cause")
    return Report(False, (violation,)).extended(findings).to_dict()


def test_what_is_amiss_is_told_with_the_fix(report: dict[str, Any]) -> None:
    told = Counter((f["severity"], f["focus"], f["cause"], f["hint"]) for f in report["findings"][1:])
    assert told == Counter(
        {
            ("Warning", "urn:x:u", "the unit 'cfm' is a text, not a unit of QUDT", "write unit:FT3-PER-MIN"): 1,
            (
                "Info",
                "urn:x:v",
                "unit:SMOOT is not among the units that we know of QUDT",
                "check its spelling at http://qudt.org/vocab/unit/",
            ): 1,
            (
                "Info",
                "urn:x:v",
                "points without a series of their own",
                "give them a ref:TimeseriesReference, or a table of iri and uuid (--map)",
            ): 1,
            **{
                (
                    "Info",
                    f"urn:x:{name}",
                    "brick:hasPoint without brick:isPointOf",
                    "`twinhouse infer` adds what is missing",
                ): 1
                for name in "uv"
            },
        }
    )
    assert report["conforms"] is False
    assert Report(True, ()).extended(()).conforms


def test_sarif_has_a_rule_for_each_cause_and_a_result_for_each_finding(report: dict[str, Any]) -> None:
    document = json.loads(json.dumps(sarif(report)))
    [run] = document["runs"]
    assert (document["version"], len(run["results"])) == ("2.1.0", len(report["findings"]))
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]
    assert [rule["defaultConfiguration"]["level"] for rule in rules] == ["error", "warning", *["note"] * 3]
    assert rules[1]["help"]["text"] == "write unit:FT3-PER-MIN"


def test_the_report_of_shacl_is_a_graph(report: dict[str, Any]) -> None:
    triples = [quad.triple for quad in parse(shacl(report), RdfFormat.TURTLE)]
    results = [t.subject for t in triples if (t.predicate, t.object) == (RDF["type"], SH["ValidationResult"])]
    assert len(results) == len(report["findings"])
    assert [t.object.value for t in triples if t.predicate == SH["conforms"]] == ["false"]
    severities = Counter(t.object for t in triples if t.predicate == SH["resultSeverity"])
    assert severities == {SH["Violation"]: 1, SH["Warning"]: 1, SH["Info"]: 4}
    assert NamedNode("urn:x:u") in {t.object for t in triples if t.predicate == SH["focusNode"]}
