"""Commands that read, over a directory and over a server: both must answer the same."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.server.cli.conftest import UUIDS, Twin

SELECT = "SELECT ?p WHERE { ?p a <https://brickschema.org/schema/Brick#Zone_Air_Temperature_Sensor> } ORDER BY ?p"


def test_select_is_csv_in_a_pipe(twin: Twin) -> None:
    assert twin("query", SELECT).stdout.split() == ["p", "urn:site:t1", "urn:site:t2"]


def test_select_as_table_compacts(twin: Twin) -> None:
    out = twin("query", "SELECT DISTINCT ?c WHERE { ?p a ?c } ORDER BY ?c", "--format", "table").stdout
    assert "brick:VAV" in out
    assert "brickschema.org" not in out


@pytest.mark.parametrize("options", [(), ("--format", "table")])
def test_ask(served: str, options: tuple[str, ...]) -> None:
    twin = Twin(("--url", served))
    assert twin("query", "ASK { <urn:site:vav> ?p ?o }", *options).stdout == "true\n"
    assert twin("query", "ASK { <urn:none> ?p ?o }", *options).stdout == "false\n"


def test_construct_is_turtle(twin: Twin) -> None:
    out = twin("query", "CONSTRUCT { ?s <urn:p> 1 } WHERE { ?s a <https://brickschema.org/schema/Brick#VAV> }").stdout
    assert out.strip() == "<urn:site:vav> <urn:p> 1 ."


def test_query_from_stdin_and_file(twin: Twin, tmp_path: Path) -> None:
    (tmp_path / "q.rq").write_text(SELECT)
    assert twin("query", "-f", "-", stdin=SELECT).stdout == twin("query", "-f", tmp_path / "q.rq").stdout


def test_output_ending_tells_the_format(twin: Twin, tmp_path: Path) -> None:
    twin("query", SELECT, "-o", tmp_path / "p.parquet")
    assert pq.read_table(tmp_path / "p.parquet").column("p").to_pylist() == ["urn:site:t1", "urn:site:t2"]
    twin("query", "CONSTRUCT WHERE { ?s a ?c }", "-o", tmp_path / "c.nt")
    assert (tmp_path / "c.nt").read_text().count(" .\n") == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.nt", "p.parquet"]


def test_syntax_error(twin: Twin) -> None:
    result = twin("query", "SELECT ?x {", code=1)
    assert result.stderr.startswith("error: ")
    assert "line 1" in result.stderr
    assert "hint: " in result.stderr
    assert result.stdout == ""


def test_a_failed_answer_leaves_the_old_file(twin: Twin, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("old")
    twin("query", "SELECT", "-o", tmp_path / "out.csv", code=1)
    assert (tmp_path / "out.csv").read_text() == "old"


def test_readings_of_points(twin: Twin) -> None:
    rows = twin("readings", "urn:site:t1", UUIDS[1], "--start", "2026-05-02", "--end", "2026-05-03").stdout.split()
    assert rows[1] == "urn:site:t1,2026-05-02T00:00:00Z,22,,"
    assert rows[2] == "urn:site:t2,2026-05-02T00:00:00Z,22,,"


def test_readings_of_a_query_in_buckets(twin: Twin) -> None:
    query = "SELECT ?point ?vav WHERE { ?vav <https://brickschema.org/schema/Brick#hasPoint> ?point }"
    out = twin("readings", "--query", query, "--every", "2d", "--aggregate", "max", "--format", "json").stdout
    rows = json.loads(out)["data"]
    assert {row["vav"] for row in rows} == {"urn:site:vav"}
    assert max(row["value"] for row in rows) == 24


def test_wide_readings_as_arrow(twin: Twin, tmp_path: Path) -> None:
    twin("readings", "--wide", "-o", tmp_path / "wide.arrow")
    with pa.ipc.open_stream(io.BytesIO((tmp_path / "wide.arrow").read_bytes())) as reader:
        assert reader.read_all().column_names == ["time", "Room 1", "Room 2"]


def test_readings_as_table(twin: Twin) -> None:
    result = twin("readings", "urn:site:t1", "--format", "table", "--limit", "2")
    assert "2026-05-01T00:00:00Z" in result.stdout
    assert "status" not in result.stdout
    assert result.stderr == "2 rows\n"


def test_readings_of_an_unknown_point(twin: Twin) -> None:
    assert "urn:site:none" in twin("readings", "urn:site:none", code=1).stderr


def test_points(twin: Twin) -> None:
    assert "Room 1" in twin("points", "--format", "table").stdout
    rows = json.loads(twin("points", "--json", "--search", "room 2").stdout)["data"]
    assert [(row["iri"], row["readings"]) for row in rows] == [("urn:site:t2", 4)]


def test_check(twin: Twin) -> None:
    assert twin("check").stdout.endswith("sound\n")
    report = json.loads(twin("check", "--json").stdout)
    assert (report["ok"], report["readings"], report["points"]) == (True, 8, 2)


def test_seal(twin: Twin) -> None:
    assert "8 readings" in twin("seal").stdout
    assert json.loads(twin("seal", "--json").stdout)["hot_rows"] == 0


def test_ontology_list(twin: Twin) -> None:
    assert "https://brickschema.org/schema/1.4/Brick" in twin("ontology", "list").stdout
    assert {known["name"] for known in json.loads(twin("ontology", "list", "--json").stdout)} == {"brick", "223p"}


def test_export(twin: Twin, tmp_path: Path) -> None:
    twin("export", tmp_path / "set")
    assert pq.read_table(tmp_path / "set" / "points.parquet").num_rows == 2
    assert pq.read_table(tmp_path / "set" / "readings").num_rows == 8
    assert "is not an empty folder" in twin("export", tmp_path / "set", code=1).stderr


def test_backup_and_restore(twin: Twin, tmp_path: Path) -> None:
    twin("backup", tmp_path / "backup")
    restored = Twin(("--data", str(tmp_path / "restored")))
    assert "sound" in restored("restore", tmp_path / "backup").stdout
    assert restored("query", SELECT).stdout == twin("query", SELECT).stdout
    assert restored("readings").stdout == twin("readings").stdout
    assert "is not an empty folder" in restored("restore", tmp_path / "backup", code=1).stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "restored"]


def test_validate(served: str) -> None:
    result = Twin(("--url", served))("validate")
    assert "conforms to https://brickschema.org/schema/1.4/Brick" in result.stdout
    assert "sh:conforms true" in Twin(("--url", served))("validate", "--format", "turtle").stdout
    assert 'no format "docx"' in Twin(("--url", served))("validate", "--format", "docx", code=1).stderr
