"""Commands that write: what they store, and what they say when a file is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from tests.server.cli.conftest import MODEL, UUIDS, Twin

COUNT = "SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }"


@pytest.fixture
def fresh(tmp_path: Path) -> Twin:
    return Twin(("--data", str(tmp_path / "data")))


def test_load_twice_changes_nothing(fresh: Twin, files: Path) -> None:
    out = fresh("load", files / "site.ttl").stdout
    assert "urn:twinhouse:model:site" in out
    assert re.search(r"\b2  points\n", out)
    before = fresh("query", COUNT).stdout
    fresh("load", files / "site.ttl")
    assert fresh("query", COUNT).stdout == before


def test_load_several_and_json(fresh: Twin, files: Path, tmp_path: Path) -> None:
    (tmp_path / "more.nt").write_text("<urn:a> <urn:b> <urn:c> .\n")
    reports = json.loads(fresh("load", files / "site.ttl", tmp_path / "more.nt", "--json").stdout)
    assert [report["graphs"] for report in reports] == [["urn:twinhouse:model:site"], ["urn:twinhouse:model:more"]]


def test_load_with_map_and_format(fresh: Twin, tmp_path: Path) -> None:
    (tmp_path / "site.txt").write_text(MODEL.replace(UUIDS[0], "11111111-1111-4111-8brick1-111111111111"))
    (tmp_path / "map.csv").write_text(f"iri,uuid\nurn:site:t1,{UUIDS[0]}\n")
    given = ("--map", tmp_path / "map.csv", "--format", "turtle", "--graph", "urn:g")
    [report] = json.loads(fresh("load", tmp_path / "site.txt", *given, "--json").stdout)
    assert (report["graphs"], report["repaired_ids"]) == (["urn:g"], 1)


def test_load_tells_of_lenient(fresh: Twin, tmp_path: Path) -> None:
    (tmp_path / "bad.ttl").write_text("<urn:a b> <urn:p> 1 .\n")
    stderr = fresh("load", tmp_path / "bad.ttl", code=1).stderr
    assert "bad.ttl" in stderr
    assert "line 1" in stderr
    assert "hint: --lenient" in stderr
    assert "1  terms repaired" in fresh("load", tmp_path / "bad.ttl", "--lenient").stdout


def test_load_refuses_what_would_replace_itself(fresh: Twin, files: Path, tmp_path: Path) -> None:
    (tmp_path / "site.ttl").write_text(MODEL)
    both = (files / "site.ttl", tmp_path / "site.ttl")
    assert "--graph" in fresh("load", *both, code=2).stderr
    assert "one file" in fresh("load", *both, "--graph", "urn:g", code=2).stderr


@pytest.mark.parametrize("name", ["missing.ttl", "folder", "page.html", "text.ttl"])
def test_load_of_what_is_no_model(fresh: Twin, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "page.html").write_text("<p>")
    (tmp_path / "text.ttl").write_text("This is not RDF.")
    assert name in fresh("load", tmp_path / name, code=1).stderr


def test_ingest_every_format(fresh: Twin, tmp_path: Path) -> None:
    table = pa.table({"id": [UUIDS[0]], "time": pa.array([0], pa.timestamp("us", "UTC")), "value": [1.5]})
    folder = tmp_path / "in"
    folder.mkdir()
    pq.write_table(table, folder / "a.parquet")
    feather.write_feather(table.set_column(0, "id", pa.array([UUIDS[1]])), folder / "b.arrow")
    (folder / "c.ndjson").write_text('{"id": "c", "time": "2026-01-01T00:00:00Z", "value": 2}\n')
    (folder / "d.json").write_text('[{"id": "d", "time": "2026-01-01T00:00:00Z", "value": 3}]')
    (folder / "e.csv").write_text("id;time;value\ne;2026-01-01T00:00:00Z;4,5\n")
    (folder / "notes.txt").write_text("not for us")
    out = fresh("ingest", folder).stdout
    assert "total: 5 readings of 5 points, 0 missing in 5 files" in out
    assert json.loads(fresh("check", "--json").stdout)["readings"] == 5


def test_ingest_json_report_and_chunks(fresh: Twin, files: Path) -> None:
    fresh("load", files / "site.ttl")
    report = json.loads(fresh("ingest", files / "readings.csv", "--chunk-rows", "3", "--json").stdout)
    assert (report["readings"], report["points"], report["missing"]) == (8, 2, 0)
    assert report["files"][0]["unknown"] == []


def test_ingest_wide_leaves_unknown_columns(fresh: Twin, files: Path, tmp_path: Path) -> None:
    fresh("load", files / "site.ttl")
    (tmp_path / "wide.csv").write_text(f"time,{UUIDS[0]},year,mood\n2026-01-01,1,2026,fine\n2026-01-02,-999,2026,\n")
    result = fresh("ingest", tmp_path / "wide.csv", "--na", "-999")
    assert "1 readings of 1 points, 1 missing" in result.stdout
    assert "left out: year" in result.stderr
    assert "columns not read: mood" in result.stderr


def test_ingest_unknown_ids(fresh: Twin, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("id,time,value\nfoo,2026-01-01,1\n")
    assert "stored all the same: foo" in fresh("ingest", tmp_path / "r.csv").stderr
    result = fresh("ingest", tmp_path / "r.csv", "--unknown", "ignore")
    assert "0 readings" in result.stdout
    assert "left out: foo" in result.stderr


def test_ingest_with_map(fresh: Twin, tmp_path: Path) -> None:
    (tmp_path / "map.csv").write_text(f"iri,uuid_as_published,uuid\nurn:site:t1,bro-ken,{UUIDS[0]}\n")
    (tmp_path / "r.csv").write_text("id,time,value\nbro-ken,2026-01-01,1\nurn:site:t1,2026-01-02,2\n")
    fresh("ingest", tmp_path / "r.csv", "--map", tmp_path / "map.csv")
    out = fresh("readings", UUIDS[0]).stdout.split()
    assert [row.split(",")[2] for row in out[1:]] == ["1", "2"]


def test_ingest_options(fresh: Twin, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(f"p|t|v|w|q\n{UUIDS[0]}|0|1||good\n{UUIDS[0]}|1000||on|\n")
    columns = [
        f"--{name}-column={column}" for name, column in zip(("id", "time", "value", "text"), "ptvw", strict=True)
    ]
    fresh("ingest", tmp_path / "r.csv", *columns, "--status-column", "q", "--delimiter", "|", "--time-unit", "ms")
    rows = fresh("readings", UUIDS[0]).stdout.split()
    assert [row.partition(",")[2] for row in rows[1:]] == [
        "1970-01-01T00:00:00Z,1,,good",
        "1970-01-01T00:00:01Z,,on,",
    ]


def test_bad_row_says_where_and_what_is_stored(fresh: Twin, files: Path, tmp_path: Path) -> None:
    rows = "".join(f"{UUIDS[0]},{1_700_000_000 + second},{second}\n" for second in range(200_000))
    (tmp_path / "bad.csv").write_text(f"id,time,value\n{rows}{UUIDS[0]},never,1\n")
    given = ("--time-unit", "s", "--chunk-rows", "1000")
    stderr = fresh("ingest", files / "readings.csv", tmp_path / "bad.csv", *given, code=1).stderr
    assert f"{tmp_path / 'bad.csv'}: row 200001" in stderr
    assert "line 200002" in stderr
    stored = re.search(r"the first ([\d,]+) readings of \S+bad.csv are stored", stderr)
    assert stored
    assert "8 readings of" in stderr
    count = 8 + int(stored[1].replace(",", ""))
    assert json.loads(fresh("check", "--json").stdout)["readings"] == count


@pytest.mark.parametrize(
    ("name", "content", "options", "expected"),
    [
        ("missing.csv", None, (), "is not there"),
        ("r.xyz", b"", (), "r.xyz"),
        ("r.parquet", b"PAR1", (), "not Parquet"),
        ("r.csv", b"", (), "empty"),
        ("r.csv", b"a,b\n1,2\n", (), "--time-column"),
        ("r.csv", b"id,time,value\n", ("--id-column", "foo"), 'no column "foo"'),
        ("r.csv", b"id,time,value\n", ("--timezone", "Mars/Olympus"), "Mars/Olympus"),
        ("r.csv", b"id,time,value\n", ("--map", "none.csv"), "none.csv"),
    ],
)
def test_ingest_of_what_is_no_table(
    fresh: Twin, tmp_path: Path, name: str, content: bytes | None, options: tuple[str, ...], expected: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert expected in fresh("ingest", tmp_path / name, *options, code=1).stderr


def test_ingest_of_an_empty_folder(fresh: Twin, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert "no file of readings" in fresh("ingest", tmp_path / "in", code=1).stderr


def test_update(fresh: Twin, tmp_path: Path) -> None:
    fresh("update", "INSERT DATA { <urn:a> <urn:b> 1 }")
    (tmp_path / "u.ru").write_text("INSERT DATA { <urn:a> <urn:b> 2 }")
    fresh("update", "-f", tmp_path / "u.ru")
    assert fresh("query", COUNT).stdout.split() == ["n", "2"]
    assert "error: " in fresh("update", "ASK {}", code=1).stderr


def test_ontology_load_and_findings(fresh: Twin, tmp_path: Path) -> None:
    assert "loaded into" in fresh("ontology", "load", "brick").stdout
    assert "already in" in fresh("ontology", "load", "brick", "--version", "1.4").stdout
    assert "known: brick 1.4" in fresh("ontology", "load", "nothing", code=1).stderr
    (tmp_path / "bad.ttl").write_text(
        "@prefix brick: <https://brickschema.org/schema/Brick#> .\n"
        "<urn:s> a brick:Air_Temperature_Sensor ; brick:hasUnit <urn:no-unit> . <urn:v> a brick:VAV ; brick:feeds 3 ."
    )
    fresh("load", tmp_path / "bad.ttl")
    out = fresh("validate", "--graph", "urn:twinhouse:model:bad", code=1).stdout
    assert "such as " in out
    assert "does not conform" in out
    assert "no graph" in fresh("validate", "--graph", "urn:none", code=1).stderr
    fresh("validate", "-o", tmp_path / "findings.sarif")
    assert json.loads((tmp_path / "findings.sarif").read_text())["version"] == "2.1.0"
    assert "more and 0 fewer" in fresh("infer").stdout
