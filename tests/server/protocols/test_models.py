"""Models of other forms than RDF, and models written in any form."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from pyoxigraph import Literal, RdfFormat, parse
from starlette.testclient import TestClient

from ontologies.haystack.zinc import read_zinc
from server.edge.codings import PACKERS
from tests.server.building import MODEL
from tests.server.conftest import opened

SITE = b'ver:"3.0"\nid,dis,site,area\n@s "Site","Site",M,10m\xc2\xb2\n'
ZINC = {"content-type": "text/zinc"}
ANY = {"content-type": "application/octet-stream"}
GRAPH = "urn:twinhouse:model:office"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A server that all tests here share: each begins without models."""
    with opened(tmp_path_factory.mktemp("models") / "data", unpacked_megabytes=1) as client:
        yield client


@pytest.fixture(autouse=True)
def _empty(client: TestClient) -> None:
    assert client.delete("/store").status_code == 204


def ask(client: TestClient, pattern: str) -> bool:
    answer = client.get("/query", params={"query": f"ASK {{ {pattern} }}"})
    return bool(answer.json()["boolean"])


def test_a_form_is_told_by_its_content(client: TestClient) -> None:
    report = client.post("/models", files={"model": ("office.txt", SITE)}).json()
    assert (report["form"], report["graphs"], report["loaded"]) == ("haystack-zinc", [GRAPH], True)
    assert (report["counts"], report["classes"]) == ({"records": 1, "site": 1}, {"rec:Site": 1})
    assert ask(client, f"GRAPH <{GRAPH}> {{ <{GRAPH}:s> a <https://w3id.org/rec#Site> }}")


def test_a_dry_run_reports_the_same_and_loads_nothing(client: TestClient) -> None:
    dry = client.post("/models?name=office&dry_run", content=SITE, headers=ZINC).json()
    assert client.get("/graphs").json() == {"graphs": []}
    wet = client.post("/models?name=office", content=SITE, headers=ZINC).json()
    assert dry == {**wet, "loaded": False}


def test_a_second_load_replaces_the_first_and_a_bad_one_changes_nothing(client: TestClient) -> None:
    client.post("/models?name=office&base=urn:b:", content=SITE, headers=ZINC)
    bad = client.post("/models?name=office&base=urn:b:", content=SITE + b"@t,Oops,M,1\n", headers=ZINC)
    assert (bad.status_code, bad.json()["line"], bad.json()["column"]) == (400, 4, 4)
    assert ask(client, '<urn:b:s> <http://www.w3.org/2000/01/rdf-schema#label> "Site"')
    client.post("/models?name=office&base=urn:b:", content=SITE.replace(b"Site", b"House"), headers=ZINC)
    assert not ask(client, '?any ?label "Site"')
    assert ask(client, '<urn:b:s> ?label "House"')


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'[{"id": {"_kind": "Ref"}}]', "[0].id"),
        (b'{"some": "thing"}', "known by its content"),
        (b"\x1f\x8bnothing", "gzip"),
        (gzip.compress(SITE, mtime=0)[:-9], "too early"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(client: TestClient, content: bytes, said: str) -> None:
    answer = client.post("/models", files={"model": ("x.json", content, "application/octet-stream")})
    assert answer.status_code in (400, 415)
    assert said in answer.json()["detail"]
    assert client.get("/graphs").json() == {"graphs": []}


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_packed_model_is_unpacked(client: TestClient, coding: str) -> None:
    packer = PACKERS[coding]()
    packed = packer.pack(SITE) + packer.finish()
    report = client.post("/models", files={"model": ("office.zinc.gz", packed)}).json()
    assert (report["graphs"], report["counts"]["records"]) == ([GRAPH], 1)


def test_a_model_that_unpacks_to_too_much_is_refused(client: TestClient) -> None:
    packed = gzip.compress(b"#" * (2 << 20))
    answer = client.post("/models", files={"model": ("x.ttl.gz", packed)})
    assert (answer.status_code, "1 MiB" in answer.json()["detail"]) == (413, True)


def test_models_are_written_in_any_form(client: TestClient) -> None:
    client.post("/models?name=office", content=SITE, headers=ZINC)
    client.post("/models?name=site.ttl", content=MODEL, headers={"content-type": "text/turtle"})
    one = client.get("/models", params={"as": "haystack-zinc", "graph": GRAPH})
    assert one.headers["content-type"] == "text/zinc; charset=utf-8"
    assert list(read_zinc(one.text).rows) == list(read_zinc(SITE.decode()).rows)
    every = client.get("/models", params={"as": "haystack-zinc"})
    assert sum("point" in row for row in read_zinc(every.text).rows) == 5
    assert client.get("/models?as=nquads").headers["content-type"] == "application/n-quads"
    assert "haystack-trio" in {form["name"] for form in client.get("/models").json()["forms"]}
    assert client.get("/models?as=docx").status_code == 415
    assert client.get("/models?as=turtle&graph=urn:no:graph").status_code == 404


def test_what_a_form_cannot_express_is_counted(client: TestClient) -> None:
    client.post("/models", content=b"<urn:a> a <urn:C> .", headers={"content-type": "text/turtle"})
    answer = client.get("/models?as=haystack-trio")
    assert (answer.text, answer.headers["twinhouse-findings"]) == ("", "not-expressed=1")


def test_settings_of_a_form(client: TestClient) -> None:
    table = b"Tag;Unit\nZN-T;degC\n"
    mapping = 'rows = "points"\n[columns]\nTag = "id"\nUnit = "ignore"\n'
    given = {"name": "t.csv", "base": "urn:b:", "set": f"mapping={mapping}"}
    report = client.post("/models", params=given, content=table, headers=ANY).json()
    assert (report.get("form"), report.get("counts", {}).get("points")) == ("table-csv", 1), report
    assert not ask(client, "?point <https://brickschema.org/schema/Brick#hasUnit> ?unit")
    folder = {"name": "c.yaml", "set": "ontology=/etc"}
    refused = client.post("/models", params=folder, content=b"a:\n  type: A/B\n", headers=ANY)
    assert (refused.status_code, "names a folder" in refused.json()["detail"]) == (400, True)
    unknown = client.get("/models", params={"as": "turtle", "set": "table=points"})
    assert (unknown.status_code, unknown.json()["detail"]) == (400, "turtle has no setting 'table'")


def test_a_model_is_migrated_on_the_way_in(client: TestClient) -> None:
    old = b"<urn:v> a <https://brickschema.org/schema/1.1/Brick#Reheat_Valve_Command> ."
    report = client.post(
        "/models?name=old.ttl&brick=1.4", content=old, headers={"content-type": "text/turtle"}
    ).json()
    assert report["classes"] == {"brick:Valve_Position_Command": 1}
    assert report["found"] == {"renamed": 1}
    assert (
        client.post("/models?name=old.ttl&brick=9", content=old, headers={"content-type": "text/turtle"}).status_code
        == 404
    )


def test_a_model_in_xml_keeps_carriage_returns(client: TestClient) -> None:
    turtle = {"content-type": "text/turtle"}
    client.post("/models?name=a.ttl", content=rb'<urn:a> <urn:b:c> "x\r\ny\rz" .', headers=turtle)
    answer = client.get("/models", params={"as": "rdfxml"})
    [quad] = parse(answer.content, RdfFormat.RDF_XML)
    assert quad.object == Literal("x\r\ny\rz")
