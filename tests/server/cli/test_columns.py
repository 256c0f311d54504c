"""Tables through the commands: columns are shown, changed and given back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.server.cli.conftest import Twin, run

TABLE = "Tag;Einheit;Wo\nZN-T;°C;VAV-3\n"
CONFIG = "a:\n  type: FACILITIES/{}\n  code: HQ\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "points.csv"
    path.write_text(TABLE)
    return path


def test_columns_are_printed_changed_and_given_back(table: Path, tmp_path: Path) -> None:
    shown = run("columns", table).stdout
    assert '"Wo" = "keep"' in shown
    (tmp_path / "columns.toml").write_text(shown.replace('"Wo" = "keep"', '"Wo" = "equipment"'))
    result = run("convert", table, tmp_path / "out.ttl", "--set", f"mapping=@{tmp_path / 'columns.toml'}")
    assert result.exit_code == 0, result.stderr
    assert "column Wo: read as the equipment of points" in result.stderr
    assert "brick:Variable_Air_Volume_Box" in (tmp_path / "out.ttl").read_text()
    (one,) = json.loads(run("columns", table, "--json").stdout)
    assert (one["rows"], one["columns"]["Einheit"]) == ("points", "unit")


def test_settings_go_to_the_server_and_are_checked(table: Path, tmp_path: Path) -> None:
    twin = Twin(("--data", str(tmp_path / "data")))
    mapping = 'rows = "points"\n[columns]\nTag = "id"\n'
    twin("load", table, "--set", f"mapping={mapping}")
    twin("export", tmp_path / "out.csv", "--as", "table-csv")
    assert "ZN-T" in (tmp_path / "out.csv").read_text()
    assert "has no setting 'colour'" in twin("load", table, "--set", "colour=red", code=1).stderr
    assert "write NAME=VALUE" in twin("load", table, "--set", "colour", code=2).stderr
    refused = twin("export", tmp_path / "x", "--as", "table-csv", "--set", "network=HQ", code=1).stderr
    assert "table-csv has no setting 'network'; there are mapping, sheet, table" in refused
    assert "is there already" in twin("load", _twice(table), code=1).stderr
    assert "no table" in run("columns", _empty(tmp_path)).stderr


def test_an_ontology_is_looked_at_where_the_command_runs(tmp_path: Path) -> None:
    ontology = _ontology(tmp_path / "ontology")
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(CONFIG.format("BUILDING"))
    bad.write_text(CONFIG.format("CASTLE"))
    twin = Twin(("--data", str(tmp_path / "data")))
    twin("load", good, "--set", f"ontology={ontology}")
    refused = twin("load", bad, "--set", f"ontology={ontology}", code=1).stderr
    assert "line 2: type FACILITIES/CASTLE of a: FACILITIES has no type CASTLE" in refused
    twin("load", bad)


def _ontology(folder: Path) -> Path:
    for name in ("fields", "units", "FACILITIES/entity_types"):
        (folder / name).mkdir(parents=True)
    (folder / "FACILITIES" / "entity_types" / "types.yaml").write_text("BUILDING:\n  description: a building\n")
    return folder


def _twice(table: Path) -> Path:
    path = table.with_name("twice.csv")
    path.write_text(TABLE + "ZN-T;°C;VAV-3\n")
    return path


def _empty(folder: Path) -> Path:
    path = folder / "empty.csv"
    path.write_text("nothing\n")
    return path
