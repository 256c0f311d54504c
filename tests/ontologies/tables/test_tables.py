"""Tables of points and equipment, in and out: columns are guessed, and what is not understood is said."""

from __future__ import annotations

import io

import pytest
from openpyxl import load_workbook
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat

from ontologies.errors import FormatError
from ontologies.formats import read_quads
from ontologies.models.form import Options
from ontologies.models.registry import recognise
from ontologies.namespaces import BRICK, RDF, RDFS, REC, REF, UNIT
from ontologies.points import find_points
from ontologies.tables.forms import CSV, EXCEL, TableForm, sheets_of
from ontologies.tables.mapping import mapping_toml, read_mapping
from ontologies.tables.to_rdf import COLUMN
from tests.support.data import shared

GERMAN = """\
Export der GLT, Gebäude HQ;;;;;;;
Datenpunkt;Beschreibung;Einheit;Anlage;Raum;Etage;Trend ID;Schaltschrank
ZN-T;Raumtemperatur;°C;VAV-3;301;3;b3c7f7be-3b40-4c8a-9f0e-6c7f6b1d0001;S1
ZN-T;Raumtemperatur;°C;VAV-4;302;3;;S1
SF-S;Zuluftventilator Status;;AHU-1;;1;x17;
"""
ENGLISH = """\
Point ID,Name,Brick Class,Units,Equip,Equip Type,Device Instance,Object
p1,Supply Temp,Supply Air Temperature Sensor,degF,AHU-1,Air Handling Unit,1000,AI:3
p2,Fan,brick:Fan_On_Off_Status,,AHU-1,Air Handling Unit,1000,binary-input 4
p3,Odd,Wobble Sensor,furlongs,AHU-1,Air Handling Unit,1000,XX9
"""
EQUIPMENT = """\
Equipment,Type,Room,Floor,Building,Feeds
AHU-1,Air Handling Unit,,Roof,HQ,VAV-3; VAV-4
VAV-3,VAV,301,3,HQ,
VAV-4,Variable Air Volume Box,302,3,HQ,
"""


def node(local: str) -> NamedNode:
    return NamedNode(f"urn:twinhouse:entity:{local}")


def quads_of(form: TableForm, document: str | bytes, **settings: str) -> list[Quad]:
    source = document.encode() if isinstance(document, str) else document
    return list(form.read(source, Options(settings=settings)).quads)


def triples_of(document: str) -> set[tuple[object, NamedNode, object]]:
    return {(quad.subject, quad.predicate, quad.object) for quad in quads_of(CSV, document)}


def written(form: TableForm, quads: list[Quad], **settings: str) -> bytes:
    sink = io.BytesIO()
    form.write(quads, sink, Options(settings=settings))
    return sink.getvalue()


def test_columns_are_guessed_below_a_title_and_in_german() -> None:
    ((sheet, mapping),) = sheets_of(GERMAN.encode(), Options())
    assert sheet.header.number == 2
    roles = {name: role.value for name, role in mapping.columns.items()}
    assert mapping.kind == "points"
    assert roles == {
        "Datenpunkt": "name",
        "Beschreibung": "description",
        "Einheit": "unit",
        "Anlage": "equipment",
        "Raum": "room",
        "Etage": "floor",
        "Trend ID": "series",
        "Schaltschrank": "keep",
    }
    assert read_mapping(mapping_toml(mapping)) == mapping


def test_rows_become_points_with_equipment_places_series_and_proposed_classes() -> None:
    point = node("VAV-3/ZN-T")
    assert {
        (point, RDF["type"], BRICK["Zone_Air_Temperature_Sensor"]),
        (point, NamedNode("urn:twinhouse:classStatus"), Literal("proposed")),
        (point, BRICK["hasUnit"], UNIT["DEG_C"]),
        (point, RDFS["comment"], Literal("Raumtemperatur")),
        (point, COLUMN["Schaltschrank"], Literal("S1")),
        (node("VAV-3"), BRICK["hasPoint"], point),
        (node("VAV-3"), RDF["type"], BRICK["Variable_Air_Volume_Box"]),
        (node("VAV-3"), REC["locatedIn"], node("301")),
        (node("301"), REC["isPartOf"], node("3")),
        (node("VAV-4"), BRICK["hasPoint"], node("VAV-4/ZN-T")),
        (node("AHU-1/SF-S"), RDF["type"], BRICK["Fan_Status"]),
    } <= triples_of(GERMAN)
    series = {point.point: point.references for point in find_points(quads_of(CSV, GERMAN))}
    assert [reference.id for reference in series[node("AHU-1/SF-S").value]] == ["x17"]


def test_classes_units_and_bacnet_objects_are_read_as_they_are_written() -> None:
    found = triples_of(ENGLISH)
    assert {
        (node("p1"), RDF["type"], BRICK["Supply_Air_Temperature_Sensor"]),
        (node("p1"), BRICK["hasUnit"], UNIT["DEG_F"]),
        (node("p2"), RDF["type"], BRICK["Fan_On_Off_Status"]),
        (node("AHU-1"), RDF["type"], BRICK["Air_Handling_Unit"]),
        (node("p1/bacnet"), REF["BACnetURI"], Literal("bacnet://1000/analog-input,3/present-value")),
        (node("p2/bacnet"), REF["BACnetURI"], Literal("bacnet://1000/binary-input,4/present-value")),
    } <= found


def test_what_no_cell_names_is_reported() -> None:
    model = CSV.read(ENGLISH.encode(), Options())
    list(model.quads)
    said = {str(finding) for finding in model.report.of("without-class")}
    assert {
        "Wobble Sensor: no class is called so (1 rows)",
        "furlongs: no unit is called so (1 rows)",
        "XX9: no BACnet object is called so (1 rows)",
    } <= said


BMS = """\
\ufeffPoint Name;Descr.;Engineering Units;Object Type;Instance;Trend
AHU1.SAT;Supply Air Temperature;deg F;AI;1;Y
AHU1.SAF;Supply Air Flow;cfm;AI;2;N
"""
SIEMENS = "Name\tBeschreibung\tEinheit\tTyp\tGerät\tInstanz\nB'AHU01'SuTemp\tZulufttemperatur\t°C\tAI\t2098001\t12\n"
METASYS = "Item Reference,Object Name,Units,Trend\nADX:NAE-1/FC-1.SA-T,SA-T,deg F,Y\n"


@pytest.mark.parametrize(
    ("document", "roles"),
    [
        (BMS, ["name", "description", "unit", "object type", "object instance", "keep"]),
        (SIEMENS, ["name", "description", "unit", "object type", "bacnet device", "object instance"]),
        (METASYS, ["id", "name", "unit", "keep"]),
    ],
)
def test_columns_of_exports_are_what_is_in_them(document: str, roles: list[str]) -> None:
    ((_, mapping),) = sheets_of(document.encode(), Options())
    assert [role.value for role in mapping.columns.values()] == roles
    quads = quads_of(CSV, document)
    assert {quad.object for quad in quads if quad.predicate == BRICK["hasUnit"]} <= {
        *(UNIT[name] for name in ("DEG_F", "DEG_C", "FT3-PER-MIN")),
    }
    assert not any(quad.predicate == REF["hasTimeseriesId"] for quad in quads)


def test_cells_beyond_the_columns_are_reported() -> None:
    model = CSV.read(b"name,unit\nA,degC\nB,degC,x,y\n", Options())
    list(model.quads)
    (finding,) = model.report.of("not-understood")
    assert str(finding).startswith("line 3: no column has a name for 'x', 'y'")


def test_a_table_of_equipment() -> None:
    assert {
        (node("AHU-1"), RDF["type"], BRICK["Air_Handling_Unit"]),
        (node("AHU-1"), BRICK["feeds"], node("VAV-3")),
        (node("VAV-3"), RDF["type"], BRICK["VAV"]),
        (node("VAV-3"), REC["locatedIn"], node("301")),
        (node("301"), REC["isPartOf"], node("HQ/3")),
        (node("HQ/3"), REC["isPartOf"], node("HQ")),
        (node("HQ"), RDF["type"], REC["Building"]),
    } <= triples_of(EQUIPMENT)


def test_a_mapping_of_ones_own() -> None:
    mapping = 'rows = "points"\n[columns]\na = "id"\nb = "label"\nc = "unit"\n'
    quads = quads_of(CSV, "a;b;c\nX1;warm;°C\n", mapping=mapping)
    assert {quad.object for quad in quads if quad.predicate == RDFS["label"]} == {Literal("warm")}


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ('rows = "lines"', "rows of the mapping must be points or equipment, not 'lines'"),
        ('rows = "points"\n[columns]\na = "ident"', "column 'a' of the mapping is 'ident'; there are id, name"),
        ('rows = "points"\n[columns]\nz = "id"', "the mapping has a column 'z'; the table has a, b, c"),
        ('rows = "points"\n[columns]\na = "id"\nb = "id"', "columns 'a' and 'b' are both id; one can be"),
        ('rows = "points"\n[columns]\na = "unit"', "no column tells the points apart: one must be id or name"),
        ("rows =", "the mapping is not TOML"),
    ],
)
def test_a_wrong_mapping_is_refused(mapping: str, message: str) -> None:
    with pytest.raises(FormatError) as raised:
        quads_of(CSV, "a;b;c\nX1;warm;°C\n", mapping=mapping)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("Point,Unit\nA,°C\nA,°C\n", "line 3: A is there already, in row 2; give each an id of its own"),
        ("Point,Unit\n,°C\n", "line 2: no id and no name in this row"),
        ('name,unit\nA,degC\n"B,degC\nC,degC\n', "line 3: a quote begins here and is never closed"),
        ("only\none\n", "the file is no table: no row has two cells"),
        ("datetime,t_sup\n2026-01-01,60\n", "line 1: no columns of points or equipment: datetime, t_sup"),
    ],
)
def test_bad_rows_are_refused_with_their_line(document: str, message: str) -> None:
    with pytest.raises(FormatError) as raised:
        quads_of(CSV, document)
    assert message in str(raised.value)


@pytest.mark.parametrize("document", [GERMAN, ENGLISH, EQUIPMENT])
def test_a_workbook_of_both_tables_is_the_same_graph(document: str) -> None:
    quads = quads_of(CSV, document)
    again = set(quads_of(EXCEL, written(EXCEL, quads)))
    proposed = ("urn:twinhouse:confidence", "urn:twinhouse:reason", "urn:twinhouse:classStatus")
    lost = {quad for quad in quads if quad not in again and quad.predicate.value not in proposed}
    assert {quad.predicate.value for quad in lost} <= {"urn:twinhouse:unitText"}
    assert {quad.predicate for quad in again - set(quads)} <= {RDF["type"]}  # a class unknown before is one proposed


def test_sheets_without_tables_are_passed_over() -> None:
    book = load_workbook(io.BytesIO(written(EXCEL, quads_of(CSV, ENGLISH))))
    book.create_sheet("Notes", 0).append(["Made by somebody"])
    book.create_sheet("Dates", 0).append(["from", "to"])
    sink = io.BytesIO()
    book.save(sink)
    model = EXCEL.read(sink.getvalue(), Options())
    assert set(model.quads) >= set(quads_of(EXCEL, written(EXCEL, quads_of(CSV, ENGLISH))))
    skipped = {finding.where for finding in model.report.of("not-understood")}
    assert {"sheet Notes", "sheet Dates"} <= skipped


def test_a_real_building_as_tables() -> None:
    quads = list(read_quads(shared("brick/soda_brick.ttl"), RdfFormat.TURTLE))
    model = EXCEL.read(written(EXCEL, quads), Options())
    again = set(model.quads)
    assert model.report.counts == {"points": 942, "equipment": 502, "places": 251}
    has_point = {quad for quad in quads if quad.predicate == BRICK["hasPoint"]}
    assert has_point <= again
    assert b"equipment class" in written(CSV, quads).partition(b"\n")[0]
    assert written(CSV, quads, table="equipment").count(b"\n") == 502 + 1
    assert written(CSV, quads, table="places").count(b"\n") == 251 + 1
    with pytest.raises(FormatError, match="no table 'rooms'; there are points, equipment, places"):
        written(CSV, quads, table="rooms")


def test_places_come_back_also_where_nothing_is_in_them() -> None:
    text = """PREFIX brick: <https://brickschema.org/schema/Brick#> PREFIX rec: <https://w3id.org/rec#>
    PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> PREFIX : <urn:twinhouse:entity:>
    :site a rec:Site ; rec:hasPart :hq . :hq a rec:Building ; rdfs:label 'Headquarters' ; rec:hasPart :f1 .
    :f1 a rec:Level ; rdfs:label '1' . :empty a rec:Room ; rec:isPartOf :f1, :zone .
    :zone a rec:HVACZone ; rdfs:label 'Z' .
    """
    quads = list(read_quads(text.encode(), RdfFormat.TURTLE))
    again = set(quads_of(EXCEL, written(EXCEL, quads)))
    assert {quad for quad in quads if quad.predicate in (RDF["type"], RDFS["label"])} <= again
    parts = {(quad.subject, quad.object) for quad in again if quad.predicate == REC["isPartOf"]}
    hq, floor, room = map(node, ("hq", "f1", "empty"))
    assert parts == {(hq, node("site")), (floor, hq), (room, floor), (room, node("zone"))}


def test_windows_and_other_separators() -> None:
    assert triples_of(GERMAN) == {
        (quad.subject, quad.predicate, quad.object) for quad in quads_of(CSV, GERMAN.encode("cp1252"))
    }
    tabs = ENGLISH.replace(",", "\t")
    assert triples_of(tabs) == triples_of(ENGLISH)


@pytest.mark.parametrize(("document", "form"), [(GERMAN, CSV), (ENGLISH, CSV), (EQUIPMENT, CSV)])
def test_tables_are_recognised(document: str, form: TableForm) -> None:
    assert recognise("export.csv", document.encode()) is form
    assert recognise("export.xlsx", written(EXCEL, quads_of(CSV, document))) is EXCEL


def test_a_table_of_haystack_is_none_of_ours() -> None:
    path = shared("haystack/sites/carytown/carytown.csv")
    assert recognise(path.name, path.read_bytes()).name == "haystack-csv"
