"""A small twin behind a directory and behind a server, and the command run against either."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from server.cli.main import app
from tests.support.server import running_server

UUIDS = ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222")
MODEL = f"""\
@prefix brick: <https://brickschema.org/schema/Brick#> .
@prefix ref: <https://brickschema.org/schema/Brick/ref#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
<urn:site:t1> a brick:Zone_Air_Temperature_Sensor ; rdfs:label "Room 1" ;
    ref:hasExternalReference [ a ref:TimeseriesReference ; ref:hasTimeseriesId "{UUIDS[0]}" ] .
<urn:site:t2> a brick:Zone_Air_Temperature_Sensor ; rdfs:label "Room 2" ;
    ref:hasExternalReference [ a ref:TimeseriesReference ; ref:hasTimeseriesId "{UUIDS[1]}" ] .
<urn:site:vav> a brick:VAV ; brick:hasPoint <urn:site:t1>, <urn:site:t2> .
"""
READINGS = "id,time,value\n" + "".join(
    f"{uuid},2026-05-0{day}T00:00:00Z,{20 + day}\n" for uuid in UUIDS for day in range(1, 5)
)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TWINHOUSE_")]:
        if name != "TWINHOUSE_SHARED_DATA":
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def run(*arguments: object, stdin: str | None = None) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


@dataclass(frozen=True)
class Twin:
    """A twin, and the options that name it."""

    options: Sequence[str]

    def __call__(self, *arguments: object, code: int = 0, stdin: str | None = None) -> Result:
        result = run(*arguments, *self.options, stdin=stdin)
        assert result.exit_code == code, (result.stdout, result.stderr, result.exception)
        assert "Traceback" not in result.stderr
        return result


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and its readings."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "site.ttl").write_text(MODEL)
    (folder / "readings.csv").write_text(READINGS)
    return folder


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, files: Path) -> Path:
    """A data directory with that model and those readings, made by the command; read only."""
    data = tmp_path_factory.mktemp("filled") / "data"
    for command, file in (("load", "site.ttl"), ("ingest", "readings.csv")):
        result = run(command, files / file, "--data", data)
        assert result.exit_code == 0, result.stderr
    return data


@pytest.fixture(scope="session")
def copy_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Copies a data directory, for those who want to keep one."""

    def copied(data: Path) -> Path:
        backup = tmp_path_factory.mktemp("copy") / "data"
        assert run("backup", backup, "--data", data).exit_code == 0
        return backup

    return copied


@pytest.fixture(scope="session")
def served(filled: Path, copy_of: Callable[[Path], Path]) -> Iterator[str]:
    """The URL of a server with the same content."""
    with running_server(copy_of(filled)) as url:
        yield url


@pytest.fixture(params=["data", "url"])
def twin(request: pytest.FixtureRequest, filled: Path) -> Twin:
    """The twin, once by its directory and once by its server."""
    if request.param == "data":
        return Twin(("--data", str(filled)))
    return Twin(("--url", request.getfixturevalue("served")))
