"""Files in the forms in which other databases export them; docs/history.md has the commands."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import httpx2
import pyarrow as pa
import pyarrow.ipc
import pytest

from tests.server.cli.conftest import UUIDS, Twin
from tests.support.server import running_server

ONE, TWO = UUIDS
POSTGRESQL = f"""\
id,time,value,status
{ONE},2026-01-01 08:00:00+00,20.5,
{ONE},2026-01-01 08:05:00.25+00,,fault
{TWO},2026-01-01 13:30:00+05:30,NaN,
{TWO},2026-07-01 13:30:00+05:30,1e-3,good
"""
MYSQL = f"""\
id\ttime\tvalue
{ONE}\t2026-01-01 09:00:00\t20.5
{ONE}\t2026-01-01 09:05:00\tNULL
{TWO}\t2026-07-01 10:00:00\t0.001
"""
OUTFILE = MYSQL.replace("NULL", "\\N")
EXPECTED = {(ONE, "2026-01-01T08:00:00Z"): 20.5, (TWO, "2026-07-01T08:00:00Z"): 0.001}
BERLIN = ("--timezone", "Europe/Berlin")
INFLUX = f"""\
# INFLUXDB EXPORT: 1677-09-21T00:12:43Z - 2262-04-11T23:47:16Z
# DML
# CONTEXT-DATABASE:building
# CONTEXT-RETENTION-POLICY:autogen
# writing tsm data
temperature,uuid={ONE},room=7 value=20.5 1767254400000000000
# writing wal data
temperature,uuid={TWO},room=8 value=0.001 1782892800000000000
"""


def stored(twin: Twin) -> dict[tuple[str, str], float]:
    found = json.loads(twin("readings", ONE, TWO, "--format", "json").stdout)
    return {(row["point"].removeprefix("urn:uuid:"), row["time"]): row["value"] for row in found["data"]}


def plain(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def packed(path: Path, text: str) -> Path:
    path = path.with_name(f"{path.name}.gz")
    path.write_bytes(gzip.compress(text.encode()))
    return path


def zstd(path: Path, text: str) -> Path:
    path = path.with_name(f"{path.name}.zst")
    with pa.output_stream(str(path), compression="zstd") as out:
        out.write(text.encode())
    return path


@pytest.mark.parametrize("write", [plain, packed, zstd])
@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("postgresql.csv", POSTGRESQL, ()),
        ("mysql.tsv", MYSQL, ("--na", "NULL", *BERLIN)),
        ("outfile.tsv", OUTFILE, ("--na", "\\N", *BERLIN)),
    ],
)
def test_tables(
    tmp_path: Path, write: Callable[[Path, str], Path], name: str, text: str, options: tuple[str, ...]
) -> None:
    twin = Twin(("--data", str(tmp_path / "data")))
    twin("ingest", write(tmp_path / name, text), *options)
    assert stored(twin) == EXPECTED


def test_packed_arrow(tmp_path: Path) -> None:
    table = pa.table({"id": [ONE], "time": pa.array([0], pa.timestamp("us")), "value": [1.5]})
    with (
        pa.output_stream(str(tmp_path / "a.arrow.gz"), compression="gzip") as out,
        pyarrow.ipc.new_file(out, table.schema) as writer,
    ):
        writer.write_table(table)
    twin = Twin(("--data", str(tmp_path / "data")))
    twin("ingest", tmp_path / "a.arrow.gz")
    assert stored(twin) == {(ONE, "1970-01-01T00:00:00Z"): 1.5}


def test_a_packed_file_that_breaks_off_is_named(tmp_path: Path) -> None:
    twin = Twin(("--data", str(tmp_path / "data")))
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(POSTGRESQL.encode())[:60])
    assert "cut.csv.gz" in twin("ingest", tmp_path / "cut.csv.gz", code=1).stderr


@pytest.mark.parametrize("pack", [False, True])
def test_line_protocol(tmp_path: Path, pack: bool) -> None:
    body, headers = (gzip.compress(INFLUX.encode()), {"Content-Encoding": "gzip"}) if pack else (INFLUX.encode(), {})
    with running_server(tmp_path / "data") as url:
        answer = httpx2.post(f"{url}/write?precision=ns", content=body, headers=headers)
        assert answer.status_code == 204, answer.text
        assert stored(Twin(("--url", url))) == EXPECTED
