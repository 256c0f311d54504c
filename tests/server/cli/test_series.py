from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server.cli.conftest import UUIDS, Twin
from tests.support.server import running_server

DAYS = ("--start", "2026-05-02", "--end", "2026-05-04")


@pytest.fixture(params=["data", "url"])
def mine(request: pytest.FixtureRequest, filled: Path, copy_of: Callable[[Path], Path]) -> Iterator[Twin]:
    """A twin of one's own, once by its directory and once by its server."""
    data = copy_of(filled)
    if request.param == "data":
        yield Twin(("--data", str(data)))
        return
    with running_server(data) as url:
        yield Twin(("--url", url))


def left(twin: Twin) -> int:
    return len(twin("readings", "--format", "csv").stdout.splitlines()) - 1


def test_delete_asks_first(mine: Twin) -> None:
    result = mine("series", "delete", "urn:site:t1", *DAYS, stdin="n\n", code=1)
    assert "delete 2 readings of 1 points?" in result.stderr
    assert left(mine) == 8
    mine("series", "delete", UUIDS[0], *DAYS, stdin="y\n")
    assert left(mine) == 6
    mine("series", "delete", UUIDS[0], *DAYS)  # nothing to ask about
    query = "SELECT ?point { <urn:site:vav> <https://brickschema.org/schema/Brick#hasPoint> ?point }"
    report = mine("series", "delete", "--query", query, "--dry-run", "--json").stdout
    assert json.loads(report) == {"readings": 6, "points": 2, "dry_run": True}
    assert "6 readings of 2 points deleted" in mine("series", "delete", "--query", query, "--yes").stderr
    assert left(mine) == 0


def test_delete_wants_to_know_whose(filled: Path) -> None:
    twin = Twin(("--data", str(filled)))
    twin("series", "delete", "--yes", code=2)
    twin("series", "delete", "urn:site:t1", "--query", "SELECT", code=2)
    assert "urn:nobody" in twin("series", "delete", "urn:nobody", "--yes", code=1).stderr


def test_status(mine: Twin) -> None:
    shown = mine("series", "status").stdout
    assert "hot_rows" in shown
    assert json.loads(mine("series", "status", "--json").stdout)["sealed_rows"] == 8


def test_retain(filled: Path, copy_of: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    twin = Twin(("--data", str(copy_of(filled))))
    assert "there are no rules" in twin("series", "retain").stderr
    monkeypatch.setenv("TWINHOUSE_RETENTION", "urn:site:t1=1d")
    assert "urn:site:t1: 1 of 1 series" in twin("series", "retain").stderr
    assert left(twin) == 4
    monkeypatch.setenv("TWINHOUSE_RETENTION", "nonsense")
    assert "retention" in twin("series", "status", code=1).stderr
