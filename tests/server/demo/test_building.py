"""The demo model: valid, current Brick 1.4, and in step with the list of points."""

from collections.abc import Iterator
from pathlib import Path

import brickschema
import pyoxigraph as ox
import pytest
import shifty

from server.demo import FAULTS, model, points

BRICK_TTL = Path(brickschema.__file__).parent / "ontologies/1.4/Brick.ttl"
LINDENHOF = "https://twinhouse.example/lindenhof#"
QUDT = ("http://qudt.org/vocab/unit/", "http://qudt.org/vocab/quantitykind/")
PREFIXES = """
PREFIX brick: <https://brickschema.org/schema/Brick#>
PREFIX owl: <http://www.w3.org/2002/07/owl#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX rec: <https://w3id.org/rec#>
PREFIX ref: <https://brickschema.org/schema/Brick/ref#>
"""


@pytest.fixture(scope="module")
def graph() -> ox.Store:
    store = ox.Store()
    store.load(model(), format=ox.RdfFormat.TURTLE)
    return store


@pytest.fixture(scope="module")
def brick() -> ox.Store:
    store = ox.Store()
    store.bulk_load(path=str(BRICK_TTL), format=ox.RdfFormat.TURTLE)
    return store


def select(store: ox.Store, pattern: str) -> list[tuple[str, ...]]:
    found = store.query(f"{PREFIXES} SELECT {pattern}")
    assert isinstance(found, ox.QuerySolutions)
    return [tuple(term.value for term in row if not isinstance(term, ox.Triple | None)) for row in found]


def vocabulary(graph: ox.Store) -> Iterator[str]:
    used = select(graph, "DISTINCT ?p { ?s ?p ?o }") + select(graph, "DISTINCT ?c { ?s a ?c }")
    ours = ("https://brickschema.org/", "https://w3id.org/rec#")
    return (term for (term,) in used if term.startswith(ours))


def test_the_text_is_the_same_every_time() -> None:
    before = model()
    model.cache_clear()
    assert model() == before


def test_every_term_exists_in_brick_and_none_is_deprecated(graph: ox.Store, brick: ox.Store) -> None:
    terms = list(vocabulary(graph))
    assert len(terms) > 60
    unknown = [term for term in terms if not select(brick, f"?o {{ <{term}> a ?o }}")]
    old = [term for term in terms if select(brick, f"?r {{ BIND(1 AS ?r) <{term}> owl:deprecated true }}")]
    assert (unknown, old) == ([], [])


def test_it_satisfies_bricks_shapes(brick: ox.Store, tmp_path: Path) -> None:
    """Brick.ttl leaves units and quantity kinds untyped, so they are typed here."""
    mend = tmp_path / "qudt.nt"
    mend.write_text("\n".join(_typed_units(brick)))
    own = tmp_path / "model.ttl"
    own.write_text(model())
    conforms, _, text = shifty.validate([str(own), str(BRICK_TTL), str(mend)])
    assert conforms, text


def _typed_units(brick: ox.Store) -> Iterator[str]:
    kinds = {QUDT[0]: "Unit", QUDT[1]: "QuantityKind"}
    for prefix, kind in kinds.items():
        found = select(brick, f"DISTINCT ?u {{ ?s ?p ?u FILTER(STRSTARTS(STR(?u), '{prefix}')) }}")
        found += select(brick, f"DISTINCT ?u {{ ?u ?p ?s FILTER(STRSTARTS(STR(?u), '{prefix}')) }}")
        for (unit,) in found:
            yield (
                f"<{unit}> <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://qudt.org/schema/qudt/{kind}> ."
            )


def test_every_point_names_its_series(graph: ox.Store) -> None:
    rows = select(
        graph,
        """?iri ?label ?class ?unit ?id { ?iri a ?class ; rdfs:label ?label ; brick:hasUnit ?unit ;
           ref:hasExternalReference [ a ref:TimeseriesReference ; ref:hasTimeseriesId ?id ] }""",
    )
    brick = "https://brickschema.org/schema/Brick#"
    expected = {
        (point.iri, point.label, brick + point.brick_class, QUDT[0] + point.unit, str(point.uuid))
        for point in points()
    }
    assert set(rows) == expected
    assert len(rows) == len(points())


def test_points_are_distinct() -> None:
    assert 200 <= len(points()) <= 260
    for distinct in ("uuid", "iri", "label"):
        assert len({getattr(point, distinct) for point in points()}) == len(points()), distinct


def test_uuids_never_change() -> None:
    """Readings already stored by a demo depend on them."""
    first = points()[0]
    assert first.iri == LINDENHOF + "VAV-0-1-zone-temperature"
    assert str(first.uuid) == "04d0cdeb-9288-565e-b860-ef0f184e3011"


def test_every_box_feeds_a_zone_with_a_room_and_belongs_to_an_air_handler(graph: ox.Store) -> None:
    rows = select(
        graph,
        """DISTINCT ?vav ?zone { ?ahu a brick:AHU ; brick:feeds ?vav . ?vav a brick:RVAV ; brick:feeds ?zone .
           ?zone a rec:HVACZone ; brick:hasPart ?room . ?level a rec:Level ; brick:hasPart ?zone, ?room }""",
    )
    assert len(rows) == 24


def test_every_entity_that_is_mentioned_is_described(graph: ox.Store) -> None:
    mentioned = select(graph, f"DISTINCT ?o {{ ?s ?p ?o FILTER(STRSTARTS(STR(?o), '{LINDENHOF}')) }}")
    described = set(select(graph, "?s { ?s a ?c ; rdfs:label ?l }"))
    assert set(mentioned) <= described


def test_every_point_belongs_to_something(graph: ox.Store) -> None:
    owned = {iri for (iri,) in select(graph, "?p { ?s brick:hasPoint ?p }")}
    assert owned == {point.iri for point in points()}


def test_faults_name_entities_of_the_model(graph: ox.Store) -> None:
    for fault in FAULTS:
        assert select(graph, f"?l {{ <{LINDENHOF}{fault.subject}> rdfs:label ?l }}"), fault
