from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from pyoxigraph import Literal, Quad, Store

from ontologies.bacnet_network import BacnetObject, Device, Network, identify
from ontologies.errors import OntologyError, TableError, ValueShapeError
from ontologies.namespaces import BRICK, PROV
from ontologies.tagging.decisions import DECISIONS_CONSTRUCT, REVIEWS, Decision, decision_quads, decisions_of
from ontologies.tagging.proposals import Proposal, for_review, propose
from ontologies.tagging.review import proposals_csv, proposals_json, read_decisions
from tests.support.bacnet_network import NETWORK

PROPOSALS = propose(NETWORK)
WHEN = "2026-11-02T08:00:00Z"


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def filled(changes: dict[str, dict[str, str]]) -> str:
    """Return the CSV as a person gives it back: cells by the point's name."""
    found = rows(proposals_csv(PROPOSALS))
    for row in found:
        row.update(changes.get(row["name"], {}))
    out = io.StringIO()
    writer = csv.DictWriter(out, found[0].keys())
    writer.writeheader()
    writer.writerows(found)
    return out.getvalue()


def named(proposals: tuple[Proposal, ...], name: str) -> Proposal:
    return next(proposal for proposal in proposals if proposal.name == name)


class TestOut:
    def test_csv_has_a_row_a_point_and_no_verdict(self) -> None:
        found = rows(proposals_csv(PROPOSALS))
        assert [row["point"] for row in found] == [proposal.point for proposal in PROPOSALS]
        assert {row["verdict"] for row in found} == {""}

    def test_no_cell_is_a_formula_to_a_spreadsheet(self) -> None:
        cells = [cell for row in csv.reader(io.StringIO(proposals_csv(PROPOSALS))) for cell in row]
        assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == []
        assert "'=Qualité d'air" in cells

    def test_json_has_the_candidates_in_full(self) -> None:
        found = json.loads(proposals_json(PROPOSALS))
        assert found[0]["alternatives"][0].keys() == {"class", "confidence", "reason"}

    def test_what_is_decided_is_not_asked_again(self) -> None:
        decided = propose(NETWORK, [Decision(PROPOSALS[0].point, "accept", PROPOSALS[0].class_iri)])
        asked = for_review(decided)
        assert PROPOSALS[0].point not in {proposal.point for proposal in asked}
        assert len(asked) == len(PROPOSALS) - 1


class TestIn:
    def test_nothing_filled_in_decides_nothing(self) -> None:
        assert read_decisions(proposals_csv(PROPOSALS), "csv") == ()
        assert read_decisions(proposals_json(PROPOSALS), "json") == ()

    def test_verdicts_are_read(self) -> None:
        text = filled(
            {
                "AHU-1.SAT": {"verdict": "x"},
                "XZ-77": {"class": "brick:CO2 Setpoint"},
                "AHU-1.MODE": {"verdict": "Reject"},
                "'=Qualité d'air": {"verdict": "accept", "class": "Zone_CO2_Level_Sensor"},
            }
        )
        found = {decision.name: decision for decision in read_decisions(text, "csv", by="Ada", at=WHEN)}
        assert [found[name].status for name in ("AHU-1.SAT", "XZ-77", "AHU-1.MODE")] == [
            "accepted",
            "corrected",
            "rejected",
        ]
        assert found["XZ-77"].class_iri == BRICK["CO2_Setpoint"].value
        assert found["AHU-1.MODE"].class_iri is None
        assert found["=Qualité d'air"].verdict == "correct"
        assert {(decision.by, decision.at) for decision in found.values()} == {("Ada", WHEN)}

    def test_json_is_read_alike(self) -> None:
        document = json.loads(proposals_json(PROPOSALS))
        document[0]["verdict"] = "accept"
        (decision,) = read_decisions(json.dumps(document), "json")
        assert (decision.point, decision.class_iri) == (PROPOSALS[0].point, PROPOSALS[0].class_iri)

    def test_semicolons_of_a_spreadsheet_are_read(self) -> None:
        (decision,) = read_decisions("verdict;class;point\naccept;CO2_Sensor;urn:p\n", "csv")
        assert decision == Decision("urn:p", "accept", BRICK["CO2_Sensor"].value)

    def test_a_class_that_brick_has_replaced_becomes_the_present_one(self) -> None:
        (decision,) = read_decisions("verdict,class,point\nc,Zone_Air_Temperature_Setpoint,urn:p\n", "csv")
        assert decision.class_iri == BRICK["Target_Zone_Air_Temperature_Setpoint"].value

    @pytest.mark.parametrize(
        ("text", "form", "error", "message"),
        [
            ("verdict,class,point\nmaybe,CO2_Sensor,urn:p\n", "csv", TableError, "line 2: verdict 'maybe'"),
            ("verdict,class,point\na,CO3_Sensor,urn:p\n", "csv", TableError, "line 2: Brick has no class .* near it"),
            ("verdict,class\n", "csv", TableError, "line 1: no column 'point'"),
            ("verdict,class,point\na,CO2_Sensor,\n", "csv", TableError, "line 2: no point"),
            ("verdict,class,point\na,CO2_Sensor,not an iri\n", "csv", TableError, "line 2: 'not an iri' is no IRI"),
            ("verdict,class,point\nc,urn:a b,urn:p\n", "csv", TableError, "line 2: 'urn:a b' is no IRI"),
            ("verdict,class,point\na,b,c,d\n", "csv", TableError, "line 2: 4 cells for 3 columns"),
            ("verdict,class,point\n" + "a,CO2_Sensor,urn:p\n" * 2, "csv", TableError, "line 3: .* decided before"),
            ("{}", "json", ValueShapeError, "an array expected"),
            ("[1]", "json", ValueShapeError, r"\[0\]: an object expected"),
            ('[{"verdict": "a", "class": "X", "point": "urn:p"}]', "json", ValueShapeError, r"\[0\]: Brick has no"),
        ],
    )
    def test_a_mistake_is_refused_by_its_row(
        self, text: str, form: str, error: type[OntologyError], message: str
    ) -> None:
        with pytest.raises(error, match=message):
            read_decisions(text, form)

    def test_a_point_of_another_network_is_refused(self) -> None:
        text = filled({"AHU-1.SAT": {"verdict": "accept"}})
        with pytest.raises(TableError, match="no point"):
            read_decisions(text, "csv", points=["urn:other"])


class TestMemory:
    def test_a_graph_keeps_decisions_whole(self) -> None:
        decisions = (
            Decision("urn:a", "accept", BRICK["CO2_Sensor"].value, ("co2", "point"), "AHU", "", "name", "Ada", WHEN),
            Decision("urn:b", "reject"),
        )
        store = Store()
        store.extend(decision_quads(decisions))
        triples = store.query(DECISIONS_CONSTRUCT, use_default_graph_as_union=True)
        assert decisions_of(Quad(*triple) for triple in triples) == decisions  # type: ignore[union-attr]
        assert {quad.graph_name for quad in store} == {REVIEWS}

    def test_its_times_and_points_are_of_prov(self) -> None:
        quads = list(decision_quads([Decision("urn:a", "accept", at=WHEN)]))
        assert {quad.predicate for quad in quads if quad.predicate in PROV} == {PROV["used"], PROV["endedAtTime"]}

    def test_foreign_and_broken_reviews_are_passed_over(self) -> None:
        quads = list(decision_quads([Decision("urn:a", "accept")]))
        broken = [replaced for q in quads if (replaced := _with_verdict(q, "perhaps"))]
        assert decisions_of(broken) == ()


def _with_verdict(quad: Quad, verdict: str) -> Quad:
    is_verdict = quad.predicate.value.endswith("verdict")
    return Quad(quad.subject, quad.predicate, Literal(verdict) if is_verdict else quad.object, quad.graph_name)


class TestNextImport:
    def test_a_correction_holds_and_is_proposed_for_its_siblings(self) -> None:
        objects = tuple(BacnetObject("analog-value", n, f"VAV-{n}.QT") for n in range(1, 9))
        network = identify(Network("n", (Device(NETWORK.devices[0].address, 1, objects=objects),)))
        first = propose(network)
        again = propose(network, [Decision(first[0].point, "correct", BRICK["Cooling_Command"].value)])
        assert [proposal.status for proposal in again] == ["corrected", *["taught"] * 7]
        assert {proposal.class_iri for proposal in again} == {BRICK["Cooling_Command"].value}

    def test_a_decision_outlives_a_new_name(self) -> None:
        decision = Decision(named(PROPOSALS, "XZ-77").point, "correct", BRICK["CO2_Setpoint"].value)
        devices = tuple(
            replace(d, objects=tuple(replace(o, name="QQ") if o.name == "XZ-77" else o for o in d.objects))
            for d in NETWORK.devices
        )
        renamed = propose(replace(NETWORK, devices=devices), [decision])
        assert named(renamed, "QQ").class_iri == BRICK["CO2_Setpoint"].value

    def test_a_rejected_class_leaves_a_plain_point(self) -> None:
        proposal = named(PROPOSALS, "AHU-1.MODE")
        again = propose(NETWORK, [Decision(proposal.point, "reject")])
        assert named(again, "AHU-1.MODE").class_iri == BRICK["Point"].value
        assert named(again, "AHU-1.MODE").status == "rejected"

    def test_equipment_and_room_that_a_person_gave_stand(self) -> None:
        proposal = named(PROPOSALS, "AHU-1.SAT")
        given = Decision(proposal.point, "accept", proposal.class_iri, equipment="AHU one", location="")
        again = named(propose(NETWORK, [given]), "AHU-1.SAT")
        assert (again.equipment, again.location) == ("AHU one", "")


class TestProposals:
    def test_stay_plain_below_the_threshold(self) -> None:
        assert named(PROPOSALS, "XZ-77").class_iri == BRICK["Point"].value
        assert "not sure of" in named(PROPOSALS, "XZ-77").reason

    def test_name_equipment_and_rooms(self) -> None:
        supply, room = named(PROPOSALS, "AHU-1.SAT"), named(PROPOSALS, "Salle 101 Température ambiante")
        assert (supply.equipment, supply.equipment_class) == ("AHU-1", BRICK["Air_Handling_Unit"].value)
        assert room.location == "Salle 101"

    def test_have_haystacks_tags(self) -> None:
        assert named(PROPOSALS, "AHU-1.SAT-SP").tags == ("point", "discharge", "air", "temp", "sp")
