"""Records into a graph and back, through a real store."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from pyoxigraph import Literal, NamedNode, Quad, Store

import ontologies.haystack
from ontologies.catalog import find
from ontologies.errors import FormatError
from ontologies.formats import format_of_file, read_quads
from ontologies.haystack.classes import class_of, kind_of_target
from ontologies.haystack.encoding import UNIT_OF
from ontologies.haystack.forms import CSV, FORMS, HAYSON, JSON3, TRIO, ZINC, HaystackForm
from ontologies.haystack.kinds import MARKER, Dict, Number, Ref, Uri, Value
from ontologies.haystack.reading import record_quads
from ontologies.haystack.writing import records_of
from ontologies.identity import point_uuid
from ontologies.models.form import Options
from ontologies.models.registry import form_named, recognise
from ontologies.models.report import NOT_EXPRESSED, NOT_UNDERSTOOD, WITHOUT_CLASS, Report
from ontologies.namespaces import BRICK, OWL, PREFIXES, RDF, RDFS, REC, TAG, UNIT, expand
from ontologies.points import find_points
from ontologies.validation import validate
from server.demo.building import model as demo_building
from tests.ontologies.haystack.grids import NESTED, RECORDS, SCALARS, awkward
from tests.support.data import shared

G = NamedNode("urn:g")
OPTIONS = Options(graph=G, base="urn:x:")
DATA = Path(ontologies.haystack.__file__).parent / "data"
SITES = (
    ("project-haystack-examples/alpha.trio", TRIO, 2032),
    ("project-haystack-examples/bravo.trio", TRIO, 1076),
    ("carytown/carytown.trio", TRIO, 24),
    ("carytown/carytown.zinc", ZINC, 24),
    ("carytown/carytown.json", JSON3, 24),
    ("carytown/carytown.csv", CSV, 24),
    ("carytown/carytown-brickschema-v3.json", JSON3, 22),
)


def stored(quads: list[Quad]) -> list[Quad]:
    """Return what a store makes of quads."""
    store = Store()
    store.extend(quads)
    return list(store)


def by_id(record: Dict) -> str:
    ref = record["id"]
    assert isinstance(ref, Ref)
    return ref.id


def loaded(records: list[Dict], report: Report | None = None) -> list[Quad]:
    numbered = [(f"row {number}", record) for number, record in enumerate(records, 1)]
    return stored(list(record_quads(numbered, G, OPTIONS.base, report or Report("x"))))


@pytest.mark.parametrize(("path", "form", "count"), SITES, ids=[path for path, _, _ in SITES])
def test_a_real_site_comes_back_record_for_record(path: str, form: HaystackForm, count: int) -> None:
    source = shared(f"haystack/sites/{path}")
    assert recognise("model", source.read_bytes()[: 1 << 16]) is form
    model = form.read(source, OPTIONS)
    quads = stored(list(model.quads))
    report = Report("x")
    before = sorted((record for _, record in form.parse(source.read_text())), key=by_id)
    assert len(before) == count == model.report.counts["records"]
    assert records_of(quads, report) == before
    assert not report.findings
    points = find_points(quads)
    assert len(points) == model.report.counts["point"]
    assert all(point.uuid == point_uuid(point.point) for point in points)


@settings(max_examples=15, deadline=None)
@given(records=RECORDS)
def test_whatever_the_tags_are_they_come_back(records: list[dict[str, Value]]) -> None:
    before: list[Dict] = [
        {**{k: v for k, v in record.items() if k not in ("iri", "id")}, "id": Ref(f"r{number}", "A\nname")}
        for number, record in enumerate(records)
    ]
    assert sorted(records_of(loaded(before), Report("x")), key=by_id) == before


def test_each_kind_has_its_encoding() -> None:
    values = {f"v{number}": value for number, value in enumerate((*SCALARS, *NESTED))}
    record: Dict = {"id": Ref("a"), **values}
    quads = loaded([record])
    assert records_of(quads, Report("x")) == [record]
    node = NamedNode("urn:x:b")
    area = loaded([{"id": Ref("b"), "area": Number(12.5, "ft²"), "siteRef": Ref("b")}])
    assert Quad(node, TAG["area"], Literal("12.5", datatype=NamedNode(PREFIXES["xsd"] + "double")), G) in area
    assert Quad(node, UNIT_OF["area"], Literal("ft²"), G) in area
    assert Quad(node, TAG["siteRef"], node, G) in area


def test_what_a_record_means() -> None:
    report = Report("x")
    records: list[Dict] = [
        {"id": Ref("s"), "dis": "Site", "site": MARKER},
        {"id": Ref("e", "Named"), "equip": MARKER, "vav": MARKER, "hotWaterHeat": MARKER, "siteRef": Ref("s")},
        {
            "id": Ref("p"),
            "navName": "ZT",
            **dict.fromkeys(("point", "zone", "air", "temp", "sensor", "his"), MARKER),
            "equipRef": Ref("e"),
            "siteRef": Ref("s"),
            "unit": "°F",
        },
        {"id": Ref("q"), "point": MARKER, "equipRef": Ref("gone"), "unit": "smoot"},
    ]
    quads = set(loaded(records, report))
    site, equip, point = (NamedNode(f"urn:x:{name}") for name in "sep")
    assert {
        Quad(site, RDF["type"], REC["Site"], G),
        Quad(site, RDFS["label"], Literal("Site"), G),
        Quad(equip, RDF["type"], BRICK["RVAV"], G),
        Quad(equip, RDFS["label"], Literal("Named"), G),
        Quad(equip, REC["locatedIn"], site, G),
        Quad(point, RDF["type"], BRICK["Zone_Air_Temperature_Sensor"], G),
        Quad(point, BRICK["isPointOf"], equip, G),
        Quad(point, BRICK["hasUnit"], UNIT["DEG_F"], G),
    } <= quads
    assert Quad(point, BRICK["isPointOf"], site, G) not in quads
    assert [bool(each.references) for each in find_points(quads)] == [True, False]
    assert report.found == {NOT_UNDERSTOOD: 2, WITHOUT_CLASS: 1}
    assert [str(finding) for finding in report.of(NOT_UNDERSTOOD)] == [
        "row 4 (@q), unit: 'smoot' is no unit of QUDT: it is no unit of Haystack's either",
        "row 4 (@q), equipRef: @gone is not in the document",
    ]
    assert report.counts == {"records": 4, "site": 1, "equip": 1, "point": 2}


PLACES = """id:@s
site
---
id:@room
space
room
siteRef:@s
---
id:@weather
weatherStation
siteRef:@s
---
id:@plant
equip
plant
hot
water
spaceRef:@room
---
id:@loop
equip
hot
secondaryLoop
equipRef:@plant
siteRef:@s
---
id:@boiler
equip
boiler
hotWaterRef:@plant
siteRef:@s
---
id:@pump
equip
pump
motor
equipRef:@loop
siteRef:@s
---
id:@main
equip
meter
elec
siteMeter
siteRef:@s
---
id:@ahu
equip
ahu
hotWaterRef:@plant
elecMeterLoad:@main
spaceRef:@room
siteRef:@s
---
id:@of-ahu
point
sensor
equipRef:@ahu
spaceRef:@room
siteRef:@s
---
id:@of-plant
point
sensor
equipRef:@plant
siteRef:@s
---
id:@of-weather
point
sensor
weatherStationRef:@weather
siteRef:@s
---
id:@of-site
point
sensor
siteRef:@s
"""


def test_what_refs_mean_conforms_to_the_shapes_of_brick() -> None:
    quads = [
        *TRIO.read(PLACES.encode(), OPTIONS).quads,
        *TRIO.read(shared(f"haystack/sites/{SITES[2][0]}"), OPTIONS).quads,
    ]
    said = {(str(q.subject).removeprefix("<urn:x:").rstrip(">"), q.predicate, q.object) for q in quads}
    place, plant = (NamedNode(f"urn:x:{name}") for name in ("room", "plant"))
    assert {
        ("of-ahu", BRICK["isPointOf"], NamedNode("urn:x:ahu")),
        ("of-ahu", REC["isPointOf"], place),
        ("of-plant", REC["isPointOf"], plant),
        ("ahu", REC["locatedIn"], place),
        ("ahu", BRICK["isFedBy"], plant),
        ("boiler", BRICK["isPartOf"], plant),
    } <= said
    assert not {predicate for _, predicate, _ in said} & {BRICK["hasLocation"], BRICK["isMeteredBy"]}
    assert validate(quads, find("brick")).findings == ()


def test_systems_are_told_by_their_names() -> None:
    above: dict[str, set[str]] = {}
    for quad in find("brick").quads():
        if quad.predicate == RDFS["subClassOf"] and isinstance(quad.subject, NamedNode):
            above.setdefault(quad.subject.value, set()).add(str(quad.object).strip("<>"))

    def is_collection(cls: str) -> bool:
        return cls == BRICK["Collection"].value or any(map(is_collection, above.get(cls, ())))

    with (DATA / "classes.csv").open() as file:
        names = {line.strip().rpartition(",")[2] for line in file if ",brick:" in line}
    classes = [expand(name) for name in names]
    wrong = [cls for cls in classes if (kind_of_target(cls) == "system") != is_collection(cls.value)]
    assert wrong == []
    assert len(classes) > 100


def test_two_records_with_one_id_are_refused() -> None:
    with pytest.raises(FormatError, match="row 2: a record before it, at row 1, has the id @a as well"):
        loaded([{"id": Ref("a")}, {"id": Ref("a")}])


def test_a_record_without_id_is_kept_and_reported() -> None:
    report = Report("x")
    quads = loaded(list(awkward().rows), report)
    assert report.found[NOT_UNDERSTOOD] == len(awkward().rows) + 2  # and two refs to nothing
    assert len(records_of(quads, Report("x"))) == len(awkward().rows)


MADE = (
    ("brick/mortar-bldg1/model.ttl", {"site": 1, "space": 779, "equip": 401, "point": 1691}),
    ("brick/ciee.ttl", {"site": 1, "space": 32, "equip": 28, "point": 216}),
    ("rec/assets_hvac.ttl", {"site": 1, "space": 5, "equip": 3, "point": 2}),
)


@pytest.mark.parametrize(("path", "counts"), MADE, ids=[path for path, _ in MADE])
def test_records_are_made_for_what_never_was_one(path: str, counts: dict[str, int]) -> None:
    before = list(read_quads(shared(path), format_of_file(path), graph=G, lenient=True))
    sink = io.BytesIO()
    ZINC.write(before, sink, OPTIONS)
    records = [record for _, record in ZINC.parse(sink.getvalue().decode())]
    found = Counter(name for record in records for name in ("site", "space", "equip", "point") if name in record)
    assert found == counts
    after = list(ZINC.read(sink.getvalue(), OPTIONS).quads)

    def classes(quads: list[Quad]) -> set[tuple[object, object]]:
        names = {record["iri"] for record in records}
        typed = (quad for quad in quads if quad.predicate == RDF["type"] and isinstance(quad.subject, NamedNode))
        return {(q.subject, q.object) for q in typed if Uri(q.subject.value) in names}  # type: ignore[union-attr]

    assert classes(after) == classes(before)
    series = {point.point: point.uuid for point in find_points(before)}
    assert {point.point: point.uuid for point in find_points(after)} == series


def test_a_history_is_no_model() -> None:
    [history, *_] = sorted(shared("haystack/sites/carytown/his").glob("*.zinc"))
    with pytest.raises(FormatError, match="row 1: this is a history"):
        list(ZINC.read(history, OPTIONS).quads)


def test_records_are_made_for_the_demo_building() -> None:
    report = Report("x")
    records = records_of(read_quads(demo_building().encode(), format_of_file("demo.ttl"), graph=G), report)
    points = [record for record in records if "point" in record]
    assert len(points) == 234
    assert all({"equipRef", "siteRef", "unit", "his", "kind"} <= record.keys() for record in points)
    assert not [finding for finding in report.findings if "no record for" in finding.message]


def test_made_records_refer_to_what_is_above_them() -> None:
    path = shared("brick/mediumOffice_brick.ttl")
    records = records_of(read_quads(path, format_of_file(path.name), graph=G), Report("x"))
    coil = next(record for record in records if record["dis"] == "Core_bottom-ZN-Electric-Reheat-Coil")
    box = next(record for record in records if record["dis"] == "Core_bottom-ZN-VAV-Terminal")
    assert coil["equipRef"] == box["id"]
    assert {"coil", "equip", "heating", "spaceRef"} <= coil.keys()
    points = [record for record in records if "point" in record]
    assert sum(record.get("unit") == "°C" for record in points) > 50


def test_what_has_no_record_is_reported() -> None:
    document = (
        "PREFIX brick: <https://brickschema.org/schema/Brick#> <urn:a> a brick:AHU ; <urn:p> 1 . <urn:b> a <urn:C> ."
    )
    report = Report("x")
    assert len(records_of(read_quads(document.encode(), format_of_file("a.ttl")), report)) == 1
    assert {(finding.where, finding.message) for finding in report.of(NOT_EXPRESSED)} == {
        ("urn:b", "no record for a urn:C"),
        ("urn:p", "1 triples"),
    }


def test_the_tables_name_what_brick_has() -> None:
    quads = list(find("brick").quads())
    known = {quad.subject for quad in quads} - {q.subject for q in quads if q.predicate == OWL["deprecated"]}
    known |= {
        term for q in quads if q.predicate == OWL["equivalentProperty"] and isinstance(term := q.object, NamedNode)
    }
    for name, column in (("classes", "class"), ("relations", "relation")):
        lines = (DATA / f"{name}.csv").read_text().splitlines()
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
        terms = {row[column] for row in rows} - {""}  # what a ref may mean is nothing
        assert len(rows) == len({tuple(row.values()) for row in rows})
        assert not [t for t in terms if NamedNode(PREFIXES[t.partition(":")[0]] + t.partition(":")[2]) not in known]


def test_of_equal_rows_the_first_counts_and_a_kind_counts_more() -> None:
    valve: dict[str, Value] = dict.fromkeys(("point", "cmd", "valve", "hot", "water"), MARKER)
    assert [row.cls for kind in ("Number", "Bool") if (row := class_of({**valve, "kind": kind}))] == [
        BRICK["Valve_Position_Command"],
        BRICK["Valve_Command"],
    ]
    assert class_of({"dis": "nothing"}) is None


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_each_form_is_recognised_by_what_it_writes(form: HaystackForm) -> None:
    sink = io.BytesIO()
    quads = loaded([{"id": Ref("a", "A"), "site": MARKER, "area": Number(1.0, "m²")}])
    assert not form.write(quads, sink, OPTIONS).findings
    assert recognise("model.txt", sink.getvalue()) is form
    assert set(form.read(sink.getvalue(), OPTIONS).quads) == set(quads)


def test_hayson_that_is_none_is_recognised_and_refused() -> None:
    source = shared("haystack/sites/carytown/carytown.hayson.json")
    assert recognise(source.name, source.read_bytes()) is HAYSON
    with pytest.raises(Exception, match=r"rows\[0\]\.id"):
        list(HAYSON.read(source, OPTIONS).quads)


def test_brick_alone_has_the_meaning_and_no_tags() -> None:
    quads = loaded([{"id": Ref("a", "A"), "site": MARKER, "area": Number(1.0, "m²")}])
    sink = io.BytesIO()
    report = form_named("brick").write(quads, sink, OPTIONS)
    assert (report.form, report.found) == ("brick", {NOT_EXPRESSED: 4})
    assert b"rec:Site" in sink.getvalue()
    assert b"hstag:site" not in sink.getvalue()
    assert not any(quad.predicate in TAG for quad in form_named("brick").read(sink.getvalue(), OPTIONS).quads)
