"""RealEstateCore's guides give twins twice, as Turtle and as Azure's JSON: each is read as, and gives, the other."""

from __future__ import annotations

import io
import json

import pytest
from pyoxigraph import BlankNode, CanonicalizationAlgorithm, Dataset, NamedNode, Quad, RdfFormat

from ontologies.adt.files import read_json, read_ndjson
from ontologies.adt.forms import JSON, NDJSON, AdtForm
from ontologies.adt.rules import Rules
from ontologies.adt.to_rdf import DEFINITION
from ontologies.dtdl import read_models
from ontologies.formats import read_quads
from ontologies.identifiers import NOTATION
from ontologies.models.form import Options
from ontologies.namespaces import BRICK, RDF, REC, compact
from tests.support.data import shared

RECS_MODELS = "adt/models/RealEstateCore.DTDLv2.jsonld"
GUIDES = ("spatial", "sensor", "assets_hvac")
OPTIONS = Options(base="https://example.com#")

# What the guides themselves say differently: only in Turtle, only in JSON.
DIFFERENCES: dict[str, tuple[set[str], set[str]]] = {
    "spatial": (set(), set()),
    "sensor": (
        set(),
        {
            "120 rec:geometry",
            "CostelloHeights rec:geometry",
            "LowerFloor rec:geometry",
            "LowerFloor rec:levelNumber",
            "UpperFloor rec:levelNumber",
        },
    ),
    "assets_hvac": (
        {"EntranceCeilingLight rdf:type brick:Luminarie", "EntranceDoor rec:modelNuber"},
        {
            "CostelloHeights rec:geometry",
            "EntranceCeilingLight rdf:type brick:Luminaire",
            "EntranceDoor rec:modelNumber",
            "LowerFloor rec:geometry",
            "LowerFloor rec:levelNumber",
            "UpperFloor rec:levelNumber",
        },
    ),
}


def turtle(guide: str) -> list[Quad]:
    return list(read_quads(shared(f"rec/{guide}.ttl"), RdfFormat.TURTLE))


def twins(guide: str) -> list[Quad]:
    return list(JSON.read(shared(f"adt/{guide}.json"), OPTIONS).quads)


def canonical(quads: list[Quad], *, without: tuple[object, ...] = (NOTATION,)) -> set[Quad]:
    dataset = Dataset(quad for quad in quads if quad.predicate not in without)
    dataset.canonicalize(CanonicalizationAlgorithm.UNSTABLE)
    return set(dataset)


def described(quads: set[Quad]) -> set[str]:
    shown = set()
    for quad in quads:
        assert isinstance(quad.subject, NamedNode)
        end = f" {compact(quad.object.value)}" if isinstance(quad.object, NamedNode) else ""
        shown.add(f"{quad.subject.value.rpartition('#')[2]} {compact(quad.predicate.value)}{end}")
    return shown


@pytest.mark.parametrize("guide", GUIDES)
def test_turtle_and_json_are_the_same_graph(guide: str) -> None:
    # The times of the sensors' last values differ between the two.
    apart = (NOTATION, DEFINITION, BRICK["timestamp"])
    one, other = canonical(turtle(guide), without=apart), canonical(twins(guide), without=apart)
    assert (described(one - other), described(other - one)) == DIFFERENCES[guide]


@pytest.mark.parametrize("form", [JSON, NDJSON])
@pytest.mark.parametrize("guide", GUIDES)
def test_each_gives_the_other(guide: str, form: AdtForm) -> None:
    for quads in (turtle(guide), twins(guide)):
        sink = io.BytesIO()
        written = form.write(quads, sink, OPTIONS)
        model = form.read(sink.getvalue(), OPTIONS)
        assert canonical(list(model.quads)) == canonical(quads)
        assert not written.found
        assert not model.report.found


@pytest.mark.parametrize("guide", GUIDES)
def test_what_is_written_is_as_azure_wants_it(guide: str) -> None:
    for form, read in ((JSON, read_json), (NDJSON, read_ndjson)):
        sink = io.BytesIO()
        form.write(turtle(guide), sink, OPTIONS)
        graph = read(sink.getvalue().decode())
        models = read_models(graph.models)
        assert models.findings == ()
        assert list(Rules(graph, models).breaches()) == []
        assert {twin.model for twin in graph.twins} == set(models.interfaces)


@pytest.mark.parametrize("guide", GUIDES)
def test_with_the_models_of_rec_in_the_file(guide: str) -> None:
    document = json.loads(shared(f"adt/{guide}.json").read_text("utf-8-sig"))
    document["digitalTwinsModels"] = json.loads(shared(RECS_MODELS).read_text("utf-8-sig"))
    quads = list(JSON.read(json.dumps(document).encode(), OPTIONS).quads)
    # The models say what kind of observation a last value is, which twins alone do not.
    apart = (NOTATION, DEFINITION)
    observed = {quad for quad in quads if isinstance(quad.subject, BlankNode) and quad.predicate == RDF["type"]}
    without = [quad for quad in quads if quad not in observed]
    assert canonical(without, without=apart) == canonical(twins(guide), without=apart)
    assert len(observed) == (6 if guide == "sensor" else 0)
    sink = io.BytesIO()
    report = JSON.write(quads, sink, OPTIONS)
    graph = read_json(sink.getvalue().decode())
    assert len(graph.models) == 1364
    assert list(Rules(graph, read_models(graph.models)).breaches()) == []
    # Since the guides were written, geometry has become a relationship.
    assert {finding.message.rpartition(" ")[2] for finding in report.findings} <= {REC["geometry"].value}
