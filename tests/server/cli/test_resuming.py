"""An ingest that was interrupted goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from server.cli import sending
from server.cli.client import Client
from tests.server.cli.conftest import UUIDS, Twin

ROWS = 200_000  # more than one batch of a file


def rows(first: int, count: int) -> str:
    return "".join(f"{UUIDS[0]},2026-05-01T{n // 60:02}:{n % 60:02}:00Z,{n}\n" for n in range(first, first + count))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three files, the second of which breaks off in its second request."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.csv").write_text("id,time,value\n" + rows(0, 20))
    (folder / "b.csv").write_text("id,time,value\n" + rows(20, 15) + f"{UUIDS[0]},2026-05-01T00:35:00Z,warm\n")
    (folder / "c.csv").write_text("id,time,value\n" + rows(36, 20))
    return folder


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of each request."""
    sizes: list[int] = []
    really = sending.send

    def counted(client: Client, table: pa.Table, **params: str) -> dict[str, Any]:
        report = really(client, table, **params)
        sizes.append(table.num_rows)
        return report

    monkeypatch.setattr(sending, "send", counted)
    return sizes


def test_what_is_stored_is_passed_over(twin_of_ones_own: Twin, folder: Path, sent: list[int]) -> None:
    ingest, chunk = twin_of_ones_own, ("--chunk-rows", "10")
    failed = ingest("ingest", folder, *chunk, code=1)
    assert "--resume" in failed.stderr
    (folder / "b.csv").write_text("id,time,value\n" + rows(20, 16))  # it is another file now, and is sent whole
    before = len(sent)
    found = json.loads(ingest("ingest", folder, *chunk, "--resume", "--json").stdout)
    assert [(file["before"], file["readings"]) for file in found["files"]] == [(20, 0), (0, 16), (0, 20)]
    assert sum(sent[before:]) == 36
    assert state_of(folder.parent) == []


def test_requests_of_a_file_are_passed_over(
    twin_of_ones_own: Twin, tmp_path: Path, sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = pa.array(range(ROWS), pa.timestamp("us"))
    pq.write_table(pa.table({"id": [UUIDS[0]] * ROWS, "time": times, "value": [1.5] * ROWS}), tmp_path / "a.parquet")
    given = ("ingest", tmp_path / "a.parquet", "--chunk-rows", "1")
    counted = sending.send

    def breaks_off(client: Client, table: pa.Table, **params: str) -> dict[str, Any]:
        if len(sent) == 1:
            raise KeyboardInterrupt
        return counted(client, table, **params)

    with monkeypatch.context() as broken:
        broken.setattr(sending, "send", breaks_off)
        twin_of_ones_own(*given, code=130)
    found = json.loads(twin_of_ones_own(*given, "--resume", "--json").stdout)
    [file] = found["files"]
    assert (file["before"], file["before"] + file["readings"]) == (sent[0], ROWS)
    assert len(sent) > 1
    assert sum(sent) == ROWS


def test_without_the_option_everything_is_sent_again(twin_of_ones_own: Twin, folder: Path, sent: list[int]) -> None:
    twin_of_ones_own("ingest", folder, "--chunk-rows", "10", code=1)
    before = len(sent)
    again = twin_of_ones_own("ingest", folder / "a.csv", "--chunk-rows", "10")
    assert "--resume would have gone on there" in again.stderr
    assert sum(sent[before:]) == 20


def state_of(folder: Path) -> list[Path]:
    return list((folder / "state").rglob("*.json"))


@pytest.fixture
def twin_of_ones_own(tmp_path: Path) -> Twin:
    """An empty twin."""
    return Twin(("--data", str(tmp_path / "data")))
