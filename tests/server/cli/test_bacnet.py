"""From a scan to a model in the twin, and a person's word on it."""

from __future__ import annotations

import csv
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from ontologies.bacnet import network_graph, object_uuid, point_iri
from ontologies.bacnet_network import Address, BacnetObject, Device, Network, identify, network_json
from tests.server.cli.conftest import run
from tests.support.server import running_server

UNITS = "degrees-celsius"


def office(site: str, names: tuple[str, ...] = ("VAV-1-01 ZN-T", "VAV-1-02 ZN-T", "QX77A", "QX77B")) -> Network:
    objects = tuple(
        BacnetObject("analog-input", number, name=name, units=UNITS if number < 2 else None, value=20.0)
        for number, name in enumerate(names)
    )
    device = Device(Address("10.0.0.7:47808"), 1234, name="AHU controller", objects=objects)
    return identify(Network(site, (device,), scanned_at="2026-01-01T00:00:00+00:00"))


@dataclass(frozen=True)
class Site:
    """A network of a test's own in a twin that all share."""

    url: str
    file: Path

    @property
    def name(self) -> str:
        return self.file.stem

    @property
    def graph(self) -> str:
        return network_graph(self.name).value

    def load(self, *names: str) -> None:
        """Write a scan of points with such names, and import it."""
        self.file.write_text(network_json(office(self.name, names) if names else office(self.name)))
        self.imported()

    def imported(self) -> None:
        assert run("bacnet", "import", self.file, "--url", self.url).exit_code == 0

    def asked(self, query: str) -> list[dict[str, str]]:
        answer = httpx2.post(f"{self.url}/query", data={"query": query, "format": "csv"}, timeout=60)
        assert answer.status_code == 200, answer.text
        return list(csv.DictReader(io.StringIO(answer.text)))

    def classes(self) -> dict[str, str]:
        query = f"""SELECT ?name ?class WHERE {{ GRAPH <{self.graph}> {{
            ?p a ?class ; <http://www.w3.org/2000/01/rdf-schema#label> ?name
            FILTER(STRSTARTS(STR(?class), "https://brickschema.org/schema/Brick#")) }} }}"""
        return {row["name"]: row["class"].rpartition("#")[2] for row in self.asked(query)}

    def triples(self) -> set[str]:
        answer = httpx2.get(f"{self.url}/store", params={"graph": self.graph, "format": "ntriples"}, timeout=60)
        return set(answer.text.splitlines())

    def review(self, *options: object, code: int = 0) -> str:
        result = run("bacnet", "review", self.file, "--by", "ada", *options, "--url", self.url)
        assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
        return result.stdout + result.stderr


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_server(tmp_path_factory.mktemp("twin") / "data") as url:
        yield url


@pytest.fixture
def site(url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Site:
    number = zlib.crc32(request.node.name.encode())
    made = Site(url, tmp_path / f"site-{number}.json")
    made.load()
    return made


def test_points_have_classes_and_take_readings(site: Site) -> None:
    (device,) = office(site.name).devices
    series = object_uuid(site.name, device, device.objects[0])
    assert site.classes()["VAV-1-01 ZN-T"] == "Zone_Air_Temperature_Sensor"
    body = f"id,time,value\n{series},2026-01-01T00:00:00Z,20.5\n"
    headers = {"Content-Type": "text/csv"}
    report = httpx2.post(f"{site.url}/readings", content=body.encode(), headers=headers).json()
    assert report["unknown"]["points"] == 0
    iri = point_iri(site.name, device, device.objects[0])
    assert "20.5" in httpx2.get(f"{site.url}/readings", params={"point": iri, "format": "csv"}).text


def test_importing_twice_changes_nothing(site: Site) -> None:
    before = site.triples()
    assert before
    site.imported()
    assert site.triples() == before


def test_a_directory_takes_an_import_too(tmp_path: Path) -> None:
    (tmp_path / "site.json").write_text(network_json(office("site")))
    result = run("bacnet", "import", tmp_path / "site.json", "--data", tmp_path / "data", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["points"] == 4


def test_a_later_scan_replaces_and_old_names_stay_as_aliases(site: Site) -> None:
    for _ in range(2):
        site.load("Zone 101 temperature", "VAV-1-02 ZN-T")
    assert "QX77A" not in site.classes()
    alias = "<http://www.w3.org/2004/02/skos/core#altLabel>"
    rows = site.asked(f"SELECT ?old WHERE {{ GRAPH <{site.graph}> {{ ?p {alias} ?old }} }}")
    assert rows == [{"old": "VAV-1-01 ZN-T"}]


def test_decisions_hold_over_imports_and_can_be_changed(site: Site) -> None:
    told = site.review("--correct", "QX77A=CO2_Level_Sensor", "--accept", "1234/analog-input,0")
    assert "2 decisions" in told
    site.imported()
    assert site.classes()["QX77A"] == "CO2_Level_Sensor"
    site.review("--reject", "QX77A")
    assert site.classes()["QX77A"] == "Point"


def test_a_table_goes_out_and_comes_back(site: Site, tmp_path: Path) -> None:
    table = tmp_path / "points.csv"
    site.review("-o", table)
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert len(rows) == 4
    for row in rows:
        if row["name"] == "QX77B":
            row["class"] = "Outside_Air_Temperature_Sensor"
    with table.open("w", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert "1 decisions" in site.review("--read", table)
    assert site.classes()["QX77B"] == "Outside_Air_Temperature_Sensor"


def test_a_table_with_a_mistake_decides_nothing(site: Site, tmp_path: Path) -> None:
    table = tmp_path / "points.json"
    site.review("-o", table)
    rows = json.loads(table.read_text())
    rows[0]["verdict"], rows[1]["verdict"] = "accept", "perhaps"
    table.write_text(json.dumps(rows))
    before = site.triples()
    told = site.review("--read", table, code=1)
    assert "points.json" in told
    assert "perhaps" in told
    assert site.triples() == before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--accept", "nobody"), "no point is called"),
        (("--correct", "QX77A=Warmth_Thing"), "no class of points"),
        (("--correct", "QX77A"), "POINT=CLASS"),
    ],
)
def test_what_cannot_be_decided_is_told(site: Site, options: tuple[str, ...], says: str) -> None:
    assert says in site.review(*options, code=2 if says == "POINT=CLASS" else 1)


def test_the_list_and_what_is_sure(site: Site) -> None:
    assert "1234/analog-input,2" in site.review()
    assert "decisions are kept" in site.review("--accept-above", "0")
    assert "1234/analog-input,2" not in site.review()
    assert "1234/analog-input,2" in site.review("--all")


def test_a_scan_that_finds_nobody_says_what_to_look_at(tmp_path: Path) -> None:
    where = ("--address", "127.0.0.1/8", "--udp-port", "47911", "--device", "127.9.9.9")
    quick = ("--wait", "0.1", "--answer-seconds", "0.1", "--retries", "0")
    found = run("bacnet", "scan", tmp_path / "site.json", *where, *quick)
    assert found.exit_code == 0
    assert "nobody answered" in found.stderr
    assert "127.9.9.9:47808: no answer" in found.stderr


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--address", "127.0.0.1"), 1, "with the prefix"),
        (("--address", "203.0.113.9/24"), 1, "this machine has"),
        (("--address", "127.0.0.1/8", "--name", " "), 2, "it is empty"),
    ],
)
def test_a_place_that_cannot_be_is_told(tmp_path: Path, options: tuple[str, ...], code: int, says: str) -> None:
    result = run("bacnet", "scan", tmp_path / "site.json", *options, "--udp-port", "47911")
    assert (result.exit_code, says in result.stderr) == (code, True), result.stderr
    missing = run("bacnet", "scan", tmp_path / "no" / "site.json", "--address", "127.0.0.1/8")
    assert "there is no folder" in missing.stderr


def test_a_file_that_is_no_scan_is_told(tmp_path: Path) -> None:
    missing = run("bacnet", "import", tmp_path / "none.json", "--data", tmp_path / "d")
    assert missing.exit_code == 1
    assert "none.json" in missing.stderr
    (tmp_path / "bad.json").write_text("[]")
    assert run("bacnet", "import", tmp_path / "bad.json", "--data", tmp_path / "d").exit_code == 1
    assert not (tmp_path / "d").exists()
