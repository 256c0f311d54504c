"""EDE files give the entities that a scan of the same network gives, and are written again."""

from __future__ import annotations

import io

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from ontologies.bacnet import point_iri
from ontologies.bacnet_network import Address, BacnetObject, Device, Network, identify
from ontologies.errors import FormatError
from ontologies.models.form import Options
from ontologies.models.registry import recognise
from ontologies.namespaces import BRICK, RDF, RDFS, TWH, UNIT
from ontologies.tables.ede import read_ede
from ontologies.tables.forms import EDE

HEAD = """\
# Engineering-Data-Exchange - B.I.G.-EU
PROJECT_NAME;HQ
VERSION_OF_REFERENCEFILE;1
VERSION_OF_LAYOUT;2.3
#mandatory;mandatory;mandatory;mandatory;mandatory;optional;optional;optional;optional;optional;optional;optional;optional;optional;optional
# keyname;device obj.-instance;object-name;object-type;object-instance;description;present-value-default;min-present-value;max-present-value;settable;supports COV;hi-limit;low-limit;state-text-reference;unit-code
"""  # noqa: E501 - as the format has it
ROWS = """\
d1;1000;AS01;8;1000;Automation station;;;;;;;;;
p1;1000;AHU1_SA_T;0;1;Supply air temperature;;0;100,5;N;Y;;;;62
p2;1000;AHU1_SF_S;3;2;Supply fan status;;;;;;;;1;
"""
SCANNED = Device(
    Address("10.0.0.5"), 1000, objects=(BacnetObject("analog-input", 1), BacnetObject("binary-input", 2))
)


def quads_of(document: str, **settings: str) -> list[Quad]:
    return list(EDE.read(document.encode(), Options(settings=settings)).quads)


def test_an_ede_file_is_the_network_that_a_scan_finds() -> None:
    states = "#Reference Number;Inactive-Text;Active-Text\n1;off;on\n"
    (device,) = identify(Network("HQ", (SCANNED,))).devices
    first, second = (NamedNode(point_iri("HQ", device, found)) for found in device.objects)
    triples = {
        (quad.subject, quad.predicate, quad.object) for quad in quads_of(HEAD + ROWS, **{"state-texts": states})
    }
    assert {
        (first, RDF["type"], BRICK["Supply_Air_Temperature_Sensor"]),
        (first, BRICK["hasUnit"], UNIT["DEG_C"]),
        (first, RDFS["comment"], Literal("Supply air temperature")),
        (second, TWH["state"], Literal("1 on")),
    } <= triples


def test_the_network_may_be_named() -> None:
    assert read_ede(HEAD + ROWS, "site").name == "site"
    (device,) = read_ede(HEAD + ROWS).devices
    assert (device.name, device.objects[0].maximum) == ("AS01", 100.5)


def test_what_is_written_is_read_as_the_same_objects() -> None:
    sink = io.BytesIO()
    EDE.write(quads_of(HEAD + ROWS), sink, Options())
    again = read_ede(sink.getvalue().decode())
    assert [(found.identifier, found.name, found.units) for _, found in again.objects()] == [
        ("analog-input,1", "AHU1_SA_T", "degrees-celsius"),
        ("binary-input,2", "AHU1_SF_S", None),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("x;one;N;0;1", "line 7: device obj.-instance must be a whole number, not 'one'"),
        ("x;1;N;gizmo;1", "line 7: object-type must be a number of BACnet's, not 'gizmo'"),
        ("x;1;N;0;1\ny;1;M;0;1", "line 8: analog-input,1 of device 1 is there already, in line 7"),
    ],
)
def test_bad_lines_are_named(row: str, message: str) -> None:
    with pytest.raises(FormatError) as raised:
        quads_of(HEAD + row + "\n")
    assert message in str(raised.value)


def test_without_its_columns_it_is_none() -> None:
    with pytest.raises(FormatError, match="no EDE file"):
        read_ede("# Engineering-Data-Exchange\n")
    assert recognise("HQ_EDE.csv", (HEAD + ROWS).encode()) is EDE
