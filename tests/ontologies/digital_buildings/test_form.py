"""Building configs become Brick models and are written again; Brick models become configs that pass the rules."""

from __future__ import annotations

import io
from collections.abc import Iterable
from uuid import UUID

import pytest
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat

from ontologies.digital_buildings import terms
from ontologies.digital_buildings.forms import FORM
from ontologies.digital_buildings.ontology import Ontology
from ontologies.digital_buildings.reading import read_config
from ontologies.digital_buildings.rules import problems, type_problems
from ontologies.errors import FormatError, UnknownFormat
from ontologies.formats import read_quads
from ontologies.identifiers import Scheme, identifiers
from ontologies.models.form import Options
from ontologies.models.registry import recognise
from ontologies.namespaces import BRICK, RDF, REC, UNIT
from ontologies.points import find_points
from tests.support.data import shared

CONFIG = """\
CONFIG_METADATA:
  operation: INITIALIZE

2b1e2a05-4d12-4f6e-9d3e-1f0ea4f4c111:
  type: FACILITIES/BUILDING
  code: HQ

5f5d1f8c-9c11-4f0a-8a43-2b0f3a0c2222:
  type: HVAC/FAN_SS
  code: FAN-1
  cloud_device_id: "1234567890123456"
  connections:
    2b1e2a05-4d12-4f6e-9d3e-1f0ea4f4c111: CONTAINS
  translation:
    run_command:
      present_value: points.run_command.present_value
      states:
        ON: [on, "1"]
        OFF: off
    run_status: MISSING
    air_pressure_sensor:
      present_value: points.p.present_value
      units:
        key: pointset.points.p.units
        values:
          pascals: Pa

77d2c6f4-33c1-4c77-b4a0-8e7a5c3d3333:
  type: HVAC/FAN_SS
  code: FAN-2
  links:
    5f5d1f8c-9c11-4f0a-8a43-2b0f3a0c2222:
      run_command: run_command
"""
FAN = NamedNode("urn:twinhouse:entity:5f5d1f8c-9c11-4f0a-8a43-2b0f3a0c2222")
SECOND = NamedNode("urn:twinhouse:entity:77d2c6f4-33c1-4c77-b4a0-8e7a5c3d3333")
BUILDING = NamedNode("urn:twinhouse:entity:2b1e2a05-4d12-4f6e-9d3e-1f0ea4f4c111")


def quads_of(document: str | bytes, *, lenient: bool = True) -> list[Quad]:
    source = document.encode() if isinstance(document, str) else document
    return list(FORM.read(source, Options(lenient=lenient)).quads)


def written(quads: Iterable[Quad], **settings: str) -> bytes:
    sink = io.BytesIO()
    FORM.write(quads, sink, Options(settings=settings))
    return sink.getvalue()


def series(quads: list[Quad]) -> set[tuple[str, UUID]]:
    return {(point.point, point.uuid) for point in find_points(quads)}


def test_a_config_becomes_a_brick_model() -> None:
    triples = {(quad.subject, quad.predicate, quad.object) for quad in quads_of(CONFIG)}
    command, pressure = NamedNode(f"{FAN.value}/run_command"), NamedNode(f"{FAN.value}/air_pressure_sensor")
    assert {
        (BUILDING, RDF["type"], REC["Building"]),
        (FAN, RDF["type"], BRICK["Fan"]),
        (BUILDING, REC["isLocationOf"], FAN),
        (FAN, BRICK["hasPoint"], command),
        (command, RDF["type"], BRICK["On_Off_Command"]),
        (pressure, RDF["type"], BRICK["Air_Pressure_Sensor"]),
        (pressure, BRICK["hasUnit"], UNIT["PA"]),
        (FAN, terms.MISSING, Literal("run_status")),
        (SECOND, BRICK["hasPoint"], command),
    } <= triples


def test_the_older_format_names_sources_by_code() -> None:
    old = """\
FAN-1:
  guid: 5f5d1f8c-9c11-4f0a-8a43-2b0f3a0c2222
  type: HVAC/FAN_SS
  cloud_device_id: "1"
  translation:
    run_command: cmd
HQ:
  guid: 2b1e2a05-4d12-4f6e-9d3e-1f0ea4f4c111
  type: FACILITIES/BUILDING
FAN-2:
  guid: 77d2c6f4-33c1-4c77-b4a0-8e7a5c3d3333
  type: HVAC/FAN_SS
  connections:
    HQ: CONTAINS
  links:
    FAN-1:
      run_command: run_command
"""
    quads = quads_of(old, lenient=False)
    assert Quad(BUILDING, REC["isLocationOf"], SECOND) in quads
    assert Quad(SECOND, BRICK["hasPoint"], NamedNode(f"{FAN.value}/run_command")) in quads


def test_guids_and_codes_are_kept() -> None:
    quads = quads_of(CONFIG)
    assert identifiers(quads, Scheme.GDB_GUID)[FAN.value] == FAN.value.rpartition(":")[2]
    assert identifiers(quads, Scheme.GDB_CODE)[FAN.value] == "FAN-1"


@pytest.mark.parametrize("files", ["instance_validator/GOOD/*.yaml", "abel/good*.yaml", "building-configs/*.yaml"])
def test_what_is_written_is_read_as_the_same(files: str) -> None:
    for path in sorted(shared("digital-buildings").glob(files)):
        quads = quads_of(path.read_bytes())
        made_up = path.stem == "translation_nobuilding"  # it has no cloud_device_id, and gets one
        again = {quad for quad in quads_of(written(quads)) if not (made_up and quad.predicate == terms.DEVICE)}
        assert again == set(quads), path.stem


@pytest.mark.parametrize("model", ["brick/mediumOffice_brick.ttl", "brick/soda_brick.ttl", "rec/assets_hvac.ttl"])
def test_a_brick_model_becomes_a_config_that_passes(model: str, ontology: Ontology) -> None:
    quads = list(read_quads(shared(model), RdfFormat.TURTLE))
    document = written(quads, ontology=str(shared("digital-buildings/ontology")))
    config, found = read_config(document.decode())
    assert config.entities
    assert [*found, *problems(config, ontology), *type_problems(config, ontology)] == []


def test_entities_and_points_of_other_models_come_back_as_the_same_ones() -> None:
    text = """PREFIX brick: <https://brickschema.org/schema/Brick#> PREFIX old: <https://brickschema.org/schema/1.1/Brick#>
    PREFIX ref: <https://brickschema.org/schema/Brick/ref#> PREFIX : <https://example.com/hq#>
    :ahu a brick:AHU ; brick:hasPoint :t, <https://example.com/hq#on> .
    :t a brick:Supply_Air_Temperature_Sensor ; ref:hasExternalReference
      [ a ref:TimeseriesReference ; ref:hasTimeseriesId '756e1623-9b4e-4c8b-8f3a-0d6c6a7f1b2e' ] .
    <https://example.com/hq#on> a brick:On_Off_Command . :fan a old:Supply_Fan ; old:isFedBy :ahu ."""
    quads = list(read_quads(text.encode(), RdfFormat.TURTLE))
    document = written(quads)
    _, found = read_config(document.decode())
    assert found == []
    again = quads_of(document)
    assert series(again) == series(quads)
    ahu, fan = (NamedNode(f"https://example.com/hq#{name}") for name in ("ahu", "fan"))
    assert Quad(ahu, BRICK["feeds"], fan) in again
    # Somebody's own comments are comments.
    noted = CONFIG.replace("code: FAN-1", "code: FAN-1 # <urn:a>").replace(
        "c2222:\n  type", "c2222: # <see below>\n  type"
    )
    assert set(quads_of(noted)) == set(quads_of(CONFIG))


def test_fields_are_read_subfield_by_subfield() -> None:
    triples = {
        (quad.subject.value.rpartition("/")[2], quad.object)
        for quad in quads_of(shared("digital-buildings/building-configs/building_config_example.yaml").read_bytes())
        if quad.predicate == RDF["type"] and isinstance(quad.subject, NamedNode)
    }
    assert {
        ("zone_air_temperature_sensor", BRICK["Zone_Air_Temperature_Sensor"]),
        ("discharge_air_temperature_setpoint", BRICK["Discharge_Air_Temperature_Setpoint"]),
        ("chilled_water_valve_percentage_command", BRICK["Valve_Position_Command"]),
        ("discharge_fan_speed_percentage_command", BRICK["Fan_Speed_Command"]),
        ("zone_air_relative_humidity_sensor", BRICK["Zone_Air_Humidity_Sensor"]),
        ("run_mode", BRICK["Operating_Mode_Status"]),
    } <= triples


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("a:\n  type: FACILITIES/BUILDING\n code: X\n", "line 3, column 2: not YAML"),
        (
            "a:\n  type: FACILITIES/BUILDING\n  code: X\n  colour: red\n",
            "line 4: a has the key colour; the known ones",
        ),
        ("a:\n  type: BUILDING\n  code: X\n", "line 2: type BUILDING of a must be a namespace and a name"),
        ("a:\n  type: HVAC/FAN\n", "line 1: a has no code"),
        ("a: &a [*a]\n", "line 1: an anchor that holds itself"),
        ("- a\n", "line 1: a config is a mapping of GUIDs to entities"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(document: str, message: str) -> None:
    with pytest.raises(FormatError) as raised:
        quads_of(document, lenient=False)
    assert message in str(raised.value)
    assert raised.value.line is not None


def test_the_folder_of_the_ontology_must_be_one() -> None:
    with pytest.raises(FormatError, match="is no ontology of Digital Buildings"):
        written([], ontology="/")


def test_every_config_is_recognised() -> None:
    paths = [*shared("digital-buildings/instance_validator/GOOD").glob("*.yaml")]
    paths += shared("digital-buildings/building-configs").glob("*.yaml")
    assert {recognise(path.name, path.read_bytes()).name for path in paths} == {"gdb"}
    for text in (b"version: 3\nservices:\n  db:\n    image: postgres\n", b"", b"- a\n"):
        with pytest.raises(UnknownFormat, match="of no form that is known by its content"):
            recognise("compose.yaml", text)
