from __future__ import annotations

import io
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import duckdb
import pytest
from starlette.testclient import TestClient

from server.settings import Settings
from server.twin.join import ReadingsRequest
from server.twin.service import Twin
from storage.graph.queries import Limits
from tests.server.building import ALL, MODEL, SITE, ZONE_1
from tests.server.conftest import fill, opened

TURTLE = {"content-type": "text/turtle"}
GRAPH = "urn:twinhouse:model:site"


def unpacked(client: TestClient, path: str, target: Path) -> Path:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-tar")
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        archive.extractall(target, filter="data")
    return target


def test_a_model_gets_a_graph_of_its_name_and_loading_it_again_changes_nothing(client: TestClient) -> None:
    reports = [client.post("/models?name=data/site.ttl", content=MODEL, headers=TURTLE).json() for _ in range(2)]
    assert reports[0]["graphs"] == [GRAPH]
    assert (reports[0]["points"], reports[0]["references"]) == (5, 0)
    assert reports[0] == reports[1]
    assert client.get("/graphs").json() == {"graphs": [GRAPH]}
    other = client.post("/models?graph=urn:my:graph", content=MODEL, headers=TURTLE).json()
    assert other["graphs"] == ["urn:my:graph"]


def test_a_model_comes_as_a_form_with_a_map(client: TestClient) -> None:
    files = {
        "model": ("site.ttl", MODEL, "application/octet-stream"),
        "map": ("points.csv", f"iri,uuid\n{SITE}silent,{ZONE_1[:-1]}9\n".encode(), "text/csv"),
    }
    report = client.post("/models", files=files).json()
    assert (report["graphs"], report["references"]) == ([GRAPH], 1)
    assert client.get(f"/points/{ZONE_1[:-1]}9").json()["iri"] == SITE + "silent"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"map": ("points.csv", b"iri,uuid\n")}, "named model"),
        ({"model": ("site.ttl", MODEL), "map": ("points.csv", b"iri\n")}, "no column uuid"),
        ({"model": ("site.ttl", MODEL), "map": ("points.csv", b"iri,uuid\nurn:a:a,brick\n")}, "not a UUID"),
        ({"model": ("site.ttl", MODEL), "map": ("points.csv", b"\xff")}, "UTF-8"),
        ({"model": ("site.ttl", b"<urn:a:a> <urn:a:b>", "text/turtle")}, "Turtle"),
        (dict.fromkeys(("model", "map", "more"), ("x", b"x")), "files"),
    ],
)
def test_a_wrong_form_is_400(client: TestClient, files: dict[str, tuple[str, bytes]], said: str) -> None:
    answer = client.post("/models", files=files)
    assert (answer.status_code, said in answer.json()["detail"]) == (400, True), answer.text
    assert client.get("/graphs").json() == {"graphs": []}


@pytest.mark.parametrize("media_type", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_a_form_that_is_none_is_400(client: TestClient, media_type: str) -> None:
    answer = client.post("/models", content=b"--y\r\nnot a form", headers={"content-type": media_type})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_lenient_repairs_and_tells(client: TestClient) -> None:
    bad = MODEL + b"<urn:a:b c> a brick:Temperature_Sensor ."
    strict = client.post("/models?name=a.ttl", content=bad, headers=TURTLE)
    lenient = client.post("/models?name=a.ttl&lenient", content=bad, headers=TURTLE).json()
    assert (strict.status_code, strict.json()["line"] > 1) == (400, True)
    assert lenient["repaired_iris"] == 1
    assert lenient["examples"]["repaired_iris"] == ["urn:a:b c -> urn:a:b%20c"]


@pytest.mark.parametrize(("path", "status"), [("/models?graph=relative", 400), ("/models?format=text/html", 415)])
def test_a_wrong_parameter_of_a_model(client: TestClient, path: str, status: int) -> None:
    assert client.post(path, content=MODEL, headers=TURTLE).status_code == status


def test_an_ontology_is_loaded_once(client: TestClient) -> None:
    first = client.post("/ontologies?name=brick&version=1.4").json()
    assert (first["loaded"], client.post("/ontologies?name=brick&version=1.4").json()["loaded"]) == (True, False)
    listed = {(o["name"], o["version"]): o["loaded"] for o in client.get("/ontologies").json()["ontologies"]}
    assert listed["brick", "1.4"] is True
    answer = client.post("/ontologies?name=haystack")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:twinhouse:problem:unknown-ontology")


def test_validation_says_what_is_wrong(client: TestClient) -> None:
    broken = MODEL + b":vav1 brick:feeds :nothing . :nothing a brick:Zone_Air_Temperature_Sensor ."
    client.post("/models?name=site.ttl", content=broken, headers=TURTLE)
    report = client.post("/validate", params={"graph": GRAPH}).json()
    assert (report["graphs"], report["conforms"]) == ([GRAPH], False)
    assert any(finding["focus"].startswith(SITE) for finding in report["findings"])
    assert client.post("/validate?graph=urn:no:graph").status_code == 404


def test_the_check_counts_both_halves(filled: TestClient) -> None:
    filled.post("/readings", content="id,time,value\nx,2026-01-01,1\n", headers={"content-type": "text/csv"})
    report = filled.post("/check").json()
    assert report["ok"] is True
    counts = {name: report[name] for name in ("points", "points_without_readings", "series", "series_without_point")}
    assert counts == {"points": 5, "points_without_readings": 1, "series": 5, "series_without_point": 1}
    assert report["readings"] == ALL + 1


def test_sealing_moves_all_readings_to_parquet(filled: TestClient, tmp_path: Path) -> None:
    status = filled.post("/seal").json()
    assert (status["hot_rows"], status["runs"], status["sealed_rows"]) == (0, 0, ALL)
    public = tmp_path / "data/series/readings/**/*.parquet"
    assert duckdb.execute(f"SELECT count(*) FROM read_parquet('{public}')").fetchall() == [(ALL,)]


@pytest.fixture(scope="module")
def exported(site: TestClient, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(site, "/export", tmp_path_factory.mktemp("export"))


def examples(readme: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", readme, re.DOTALL)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_each_example_of_the_export_runs(exported: Path, number: int) -> None:
    code = examples((exported / "README.md").read_text())[number]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=exported, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Zone 1" in done.stdout
    assert "22.3" in done.stdout


def test_the_views_of_the_export_work(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(exported)
    with duckdb.connect() as connection:
        connection.execute((exported / "views.sql").read_text())
        [(label, count)] = connection.execute(
            "SELECT label, count(*) FROM labelled WHERE class LIKE '%Fan_Status' GROUP BY label"
        ).fetchall()
        assert (label, count) == ("Fan", 48)
        assert connection.execute("SELECT count(*) FROM readings").fetchall() == [(ALL,)]


def test_the_export_has_the_whole_graph(exported: Path) -> None:
    quads = (exported / "graph.nq").read_text().splitlines()
    assert len(quads) == 35
    assert all(quad.endswith(f"<{GRAPH}> .") for quad in quads)
    assert any("Zone 2" in quad for quad in quads)


def test_a_backup_opens_as_a_data_directory_with_the_same_content(filled: TestClient, tmp_path: Path) -> None:
    target = unpacked(filled, "/backup", tmp_path / "copy")
    twin = Twin(Settings(data=target, readers=1))
    try:
        assert len(twin.graph) == len(
            filled.get("/store", headers={"accept": "application/n-quads"}).text.splitlines()
        )
        rows = twin.readings(ReadingsRequest(), Limits()).rows.read_all()
        assert rows.num_rows == ALL
        assert twin.check().ok
    finally:
        twin.close()


def test_copies_leave_nothing_behind(tmp_path: Path) -> None:
    left = tmp_path / "data" / "copy-of-a-crash"
    with opened(tmp_path / "data") as client:
        fill(client)
        client.get("/export")
        client.get("/backup")
        assert not list((tmp_path / "data").glob("copy-*"))
    left.mkdir()
    with opened(tmp_path / "data"):
        assert not left.exists()


def test_a_broken_file_of_readings_is_set_apart_and_comes_back(filled: TestClient, tmp_path: Path) -> None:
    filled.post("/seal")
    [path] = (tmp_path / "data" / "series" / "segments").iterdir()
    intact = path.read_bytes()
    path.write_bytes(intact[:-10])
    assert [path.name in fault for fault in filled.post("/check").json()["faults"]] == [True]
    report = filled.post("/check?quarantine=true").json()
    assert (report["ok"], len(report["faults"])) == (False, 1)
    answer = filled.get("/readings")
    assert (answer.status_code, answer.json()["type"][-8:]) == (500, ":corrupt")
    assert path.name in answer.json()["detail"]
    (tmp_path / "data" / "series" / "quarantine" / path.name).write_bytes(intact)
    assert filled.post("/check?quarantine=true").json()["ok"] is True
    assert filled.get("/readings").status_code == 200
    assert filled.post("/check?give_up=1").status_code == 404


def test_giving_up_a_file_of_readings(filled: TestClient, tmp_path: Path) -> None:
    filled.post("/seal")
    [path] = (tmp_path / "data" / "series" / "segments").iterdir()
    path.unlink()
    filled.post("/check?quarantine=true")
    assert filled.post(f"/check?give_up={int(path.stem)}").json()["ok"] is True
    assert filled.get("/readings").json()["data"] == []


def test_a_report_comes_in_other_forms(client: TestClient) -> None:
    client.post("/models?name=site.ttl", content=MODEL + b":vav1 brick:feeds 3 .", headers=TURTLE)
    log = client.post("/validate?format=sarif")
    assert log.headers["content-type"] == "application/sarif+json"
    assert "error" in {result["level"] for result in log.json()["runs"][0]["results"]}
    report = client.post("/validate", headers={"accept": "text/turtle"}).text
    assert "sh:conforms false" in report
    assert "sh:sourceConstraintComponent" in report
    assert "genid" not in report
    assert client.post("/validate?format=csv").status_code == 400
