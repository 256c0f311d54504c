from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, parse, serialize

from ontologies import catalog
from ontologies.bacnet import POINT_TYPES, is_point, network_graph, object_uuid, point_iri
from ontologies.bacnet_network import Address, BacnetObject, Device, Network, identify
from ontologies.bacnet_quads import network_quads
from ontologies.bacnet_references import BacnetReference, bacnet_references
from ontologies.namespaces import BACNET, BACNET_2020, BRICK, RDF, RDFS, REF, SKOS, TWH, UNIT, XSD
from ontologies.points import find_points
from ontologies.tagging.proposals import propose
from ontologies.units import bacnet_units
from ontologies.validation import validate
from tests.support.bacnet_network import NETWORK
from tests.support.data import shared


def quads_of(network: Network = NETWORK) -> list[Quad]:
    return list(network_quads(network, propose(network)))


def everything() -> Network:
    """The test network, with every unit, every type of object, and names that tell equipment, its parts and rooms."""
    units = (BacnetObject("analog-input", n, f"X {n}", None, unit) for n, unit in enumerate(bacnet_units(), 100))
    states = ("Off", "", "On")
    types = (BacnetObject(kind, 1, f"VAV-1-{n} Zone", states=states) for n, kind in enumerate(sorted(POINT_TYPES)))
    names = (
        "AHU-1.VAV-3.ZN-T",
        "AHU-1.SF-1.STS",
        "AHU-1.CCV-1",
        "Room 12 Temp",
        "CHWP-2 STS",
        "RTU-4 Filter 1",
        "",
        "é💡",
    )
    named = (BacnetObject("analog-value", n, name, commandable=True) for n, name in enumerate(names, 50))
    device = Device(Address("10.0.0.4:47808"), 400, "RTU-4 Roof", objects=(*units, *types, *named))
    return identify(replace(NETWORK, devices=(*NETWORK.devices, device)))


def canonical(quads: list[Quad]) -> list[str]:
    return sorted(map(str, quads))


def point(name: str) -> NamedNode:
    device, found = next((d, o) for d, o in NETWORK.objects() if o.name == name)
    return NamedNode(point_iri(NETWORK.name, device, found))


def values(quads: list[Quad], subject: NamedNode, predicate: NamedNode) -> set[object]:
    return {quad.object for quad in quads if quad.subject == subject and quad.predicate == predicate}


class TestIdentity:
    def test_is_the_same_for_the_same_network_in_any_order(self) -> None:
        devices = list(NETWORK.devices)
        random.Random(2).shuffle(devices)
        mixed = tuple(replace(d, objects=tuple(random.Random(3).sample(d.objects, len(d.objects)))) for d in devices)
        again = identify(replace(NETWORK, devices=mixed))
        assert canonical(quads_of(again)) == canonical(quads_of())

    def test_is_the_same_in_another_process_with_another_hash_seed(self) -> None:
        script = (
            "from tests.ontologies.test_bacnet import canonical, quads_of\n"
            "import hashlib; print(hashlib.sha256('\\n'.join(canonical(quads_of())).encode()).hexdigest())"
        )
        seen = {
            subprocess.run(
                [sys.executable, "-c", script],
                env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            for seed in ("1", "2")
        }
        assert len(seen) == 1

    def test_survives_new_names_and_addresses(self) -> None:
        device = NETWORK.devices[0]
        renamed = replace(device.objects[0], name="something else")
        moved = replace(device, name="new", address=replace(device.address, mac="10.9.9.9:47808"))
        assert object_uuid("test", moved, renamed) == object_uuid("test", device, device.objects[0])

    def test_differs_between_networks(self) -> None:
        device = NETWORK.devices[0]
        assert object_uuid("a", device, device.objects[0]) != object_uuid("b", device, device.objects[0])

    def test_never_changes_between_releases(self) -> None:
        device = NETWORK.devices[0]
        assert str(object_uuid("test", device, BacnetObject("analog-input", 1))) == EVER


EVER = "4a222de4-f877-5552-addb-303bba69f528"


class TestQuads:
    def test_validate_against_bricks_shapes(self) -> None:
        report = validate(quads_of(everything()), catalog.find("brick"))
        assert [finding for finding in report.findings if finding.severity == "Violation"] == []

    def test_are_in_the_networks_own_graph(self) -> None:
        assert {quad.graph_name for quad in quads_of()} == {network_graph("test")}

    def test_make_points_of_what_has_a_value_and_of_nothing_else(self) -> None:
        found = {p.point for p in find_points(quads_of())}
        assert found == {point_iri("test", d, o) for d, o in NETWORK.objects() if is_point(o)}
        assert len(found) == 16

    def test_give_each_point_the_series_of_its_object(self) -> None:
        for series in find_points(quads_of()):
            assert series.canonical
            assert series.uuid.urn == series.point

    def test_tell_class_unit_datatype_states_and_names(self) -> None:
        quads = quads_of()
        supply, fan, mode = point("AHU-1.SAT"), point("AHU-1.SF-STS"), point("AHU-1.MODE")
        assert values(quads, supply, RDF["type"]) == {BRICK["Supply_Air_Temperature_Sensor"]}
        assert values(quads, supply, BRICK["hasUnit"]) == {UNIT["DEG_C"]}
        assert values(quads, supply, RDFS["label"]) == {Literal("AHU-1.SAT")}
        assert values(quads, supply, RDFS["comment"]) == {Literal("Supply air temperature")}
        assert values(quads, supply, TWH["datatype"]) == set()
        assert values(quads, fan, TWH["datatype"]) == {XSD["boolean"]}
        assert values(quads, fan, TWH["state"]) == {Literal("0 Off"), Literal("1 On")}
        assert values(quads, mode, TWH["datatype"]) == {XSD["integer"]}
        assert values(quads, mode, TWH["state"]) == {Literal("1 Off"), Literal("2 Auto"), Literal("3 Hand")}

    def test_write_the_reference_as_brick_shapes_it(self) -> None:
        quads = quads_of()
        (link,) = (
            node
            for node in values(quads, point("AHU-1.SAT"), REF["hasExternalReference"])
            if isinstance(node, NamedNode) and values(quads, node, RDF["type"]) == {REF["BACnetReference"]}
        )
        assert values(quads, link, BACNET_2020["object-identifier"]) == {Literal("analog-input,1")}
        (device,) = values(quads, link, BACNET_2020["objectOf"])
        assert isinstance(device, NamedNode)
        assert values(quads, device, RDF["type"]) == {BACNET_2020["BACnetDevice"]}

    def test_tell_what_feeds_equipment_and_what_it_is_a_part_of(self) -> None:
        quads = quads_of(everything())
        labels = {str(q.subject): str(getattr(q.object, "value", "")) for q in quads if q.predicate == RDFS["label"]}
        links = {
            (labels[str(quad.subject)], quad.predicate.value.rpartition("#")[2], labels[str(quad.object)])
            for quad in quads
            if quad.predicate in (BRICK["feeds"], BRICK["hasPart"])
        }
        assert links == {
            ("AHU-1", "feeds", "AHU-1 VAV-3"),
            ("AHU-1", "hasPart", "AHU-1 SF-1"),
            ("AHU-1", "hasPart", "AHU-1 CCV-1"),
            ("RTU-4", "hasPart", "RTU-4 Filter 1"),
        }

    def test_keep_earlier_names_as_aliases(self) -> None:
        node = point("AHU-1.SAT")
        quads = list(network_quads(NETWORK, (), earlier_names={node.value: ["OLD-7", "AHU-1.SAT"]}))
        assert values(quads, node, SKOS["altLabel"]) == {Literal("OLD-7")}

    def test_are_turtle_that_reads_back(self) -> None:
        text = serialize((quad.triple for quad in quads_of()), format=RdfFormat.TURTLE)
        assert {quad.triple for quad in parse(text, format=RdfFormat.TURTLE)} == {quad.triple for quad in quads_of()}


class TestReferences:
    def test_read_what_we_write(self) -> None:
        found = bacnet_references(quads_of())
        assert len(found) == 16
        assert BacnetReference(point("AHU-1.SAT").value, 100, "analog-input", 1) in found

    def test_read_the_form_of_brick_1_5_and_the_uri(self) -> None:
        quads = parse(path=str(shared("brick/examples/bacnet-bacnet.ttl")), format=RdfFormat.TURTLE)
        assert bacnet_references(quads) == [
            BacnetReference("urn:example/ts1", 123, "device", 999),
            BacnetReference("urn:example/ts2", 123, "analog-value", 5),
        ]

    def test_read_a_device_that_contains_its_objects(self) -> None:
        text = f"""@prefix b: <{BACNET.iri}> . @prefix ref: <{REF.iri}> .
            <urn:d> b:device-instance 7 ; b:contains <urn:r> . <urn:p> ref:hasExternalReference <urn:r> .
            <urn:r> b:object-identifier "binary-input,3" ."""
        quads = parse(text, format=RdfFormat.TURTLE)
        assert bacnet_references(quads) == [BacnetReference("urn:p", 7, "binary-input", 3)]

    def test_pass_over_what_is_malformed(self) -> None:
        text = f"""@prefix b: <{BACNET.iri}> . @prefix ref: <{REF.iri}> .
            <urn:p> ref:hasExternalReference [ b:object-identifier "nonsense" ], [ ref:BACnetURI "http://x" ] ."""
        assert bacnet_references(parse(text, format=RdfFormat.TURTLE)) == []
