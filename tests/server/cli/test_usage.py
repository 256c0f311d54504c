"""What every command shares: usage, exit codes, directories that are not there or taken, the documentation."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from server.cli.main import app
from tests.server.cli.conftest import UUIDS, run
from tests.support.server import COMMAND, running_server

DOCS = Path(__file__).resolve().parents[3] / "docs" / "cli.md"
READING = (
    *(("query", "ASK {}"), ("readings",), ("points",), ("check",), ("seal",), ("validate",)),
    *(("export", "out"), ("backup", "out"), ("ontology", "list")),
)


def _commands() -> Iterator[tuple[str, Any]]:
    """Yield every command by its full name."""
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined] # it is a group
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command
        else:
            yield from ((f"{name} {sub}", inner[sub]) for sub in inner)


COMMANDS = list(_commands())


@pytest.mark.parametrize(("name", "command"), COMMANDS)
def test_every_command_has_help_with_an_example(name: str, command: Any) -> None:  # noqa: ANN401 - typer's click
    result = run(*name.split(), "--help")
    assert result.exit_code == 0
    assert f"  twinhouse {name}" in result.stdout
    assert all(parameter.help for parameter in command.params)


@pytest.mark.parametrize(("name", "command"), COMMANDS)
def test_every_command_is_documented(name: str, command: Any) -> None:  # noqa: ANN401 - typer's click
    sections = dict(re.findall(r"^## `twinhouse (.+?)`\n(.*?)(?=^## |\Z)", DOCS.read_text(), re.M | re.S))
    assert f"twinhouse {name}" in sections[name]
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    rows = re.findall(r"^\| (`-.*?`) \| ", sections[name], re.M)
    assert set(re.findall(r"`(--[\w-]+)", "\n".join(rows))) == {option for option in options if option[:2] == "--"}


def test_no_documentation_without_a_command() -> None:
    assert set(re.findall(r"^## `twinhouse (.+?)`$", DOCS.read_text(), re.M)) == {name for name, _ in COMMANDS}


def test_help_and_version() -> None:
    assert "twinhouse demo" in run("--help").stdout
    assert run("--version").stdout == run("version").stdout
    assert run("--version").stdout.startswith("twinhouse ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("nothing",),
        ("query", "--bogus"),
        ("query",),
        ("query", "ASK {}", "-f", "x"),
        ("query", "ASK {}", "--data", "a", "--url", "http://b"),
        ("readings", "urn:a", "--query", "SELECT"),
        ("readings", "--limit", "many"),
        ("ingest", "x.csv", "--unknown", "perhaps"),
        ("load",),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


@pytest.mark.parametrize("arguments", READING)
def test_reading_makes_no_directory(arguments: tuple[str, ...], tmp_path: Path) -> None:
    result = run(*arguments, "--data", tmp_path / "none")
    assert result.exit_code == 1
    assert f"no Twinhouse data in {tmp_path / 'none'}" in result.stderr
    assert not (tmp_path / "none").exists()


def test_foreign_directory(tmp_path: Path, files: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    result = run("load", files / "site.ttl", "--data", tmp_path)
    assert result.exit_code == 1
    assert "photo.jpg" in result.stderr


def test_no_server_there() -> None:
    result = run("query", "ASK {}", "--url", "http://127.0.0.1:9")
    assert (result.exit_code, "no server answers at http://127.0.0.1:9" in result.stderr) == (1, True)
    assert run("query", "ASK {}", "--url", "nonsense").exit_code == 1
    assert run("healthcheck", "--url", "http://127.0.0.1:9").exit_code == 1


def test_environment_names_the_twin(monkeypatch: pytest.MonkeyPatch, filled: Path, served: str) -> None:
    monkeypatch.setenv("TWINHOUSE_DATA", str(filled))
    assert run("query", "ASK {}").stdout == "true\n"
    monkeypatch.setenv("TWINHOUSE_URL", served)
    assert run("query", "ASK {}", "--data", filled).stdout == "true\n"
    monkeypatch.setenv("TWINHOUSE_DATA", "nowhere")
    assert run("query", "ASK {}").stdout == "true\n"
    assert run("healthcheck").stdout == "ready\n"


def test_a_setting_that_is_none(monkeypatch: pytest.MonkeyPatch, filled: Path) -> None:
    monkeypatch.setenv("TWINHOUSE_READERS", "many")
    for arguments in (("query", "ASK {}"), ("serve",)):
        result = run(*arguments, "--data", filled)
        assert result.exit_code == 1
        assert "TWINHOUSE_READERS" in result.stderr


def test_locked_directory(filled: Path, copy_of: Callable[[Path], Path]) -> None:
    data = copy_of(filled)
    with running_server(data) as url:
        for arguments in (("query", "ASK {}"), ("serve", "--port", "0")):
            result = run(*arguments, "--data", data)
            assert result.exit_code == 1
            assert f"is in use by the server at {url} (process " in result.stderr
            assert f"--url {url}" in result.stderr
            assert "Traceback" not in result.stderr


def test_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("serve", "--data", tmp_path / "data", "--port", taken.getsockname()[1])
    assert result.exit_code == 1
    assert "the port is taken" in result.stderr
    assert "--port" in result.stderr


def test_broken_pipe_is_quiet(filled: Path) -> None:
    rows = " ".join(str(number) for number in range(20_000))
    query = f"SELECT ?a ?b WHERE {{ VALUES ?a {{ {rows} }} VALUES ?b {{ 1 2 3 4 5 }} }}"
    command = [*COMMAND, "query", "-f", "-", "--data", str(filled)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(query.encode())
        process.stdin.close()
        assert process.stdout.readline() == b"a,b\r\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_interrupted(tmp_path: Path) -> None:
    command = [*COMMAND, "demo", "--no-serve", "--data", str(tmp_path / "data")]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr
        assert process.stderr.readline().startswith(b"making a demo building")
        while not (tmp_path / "data" / "twinhouse.json").exists():  # it is at work
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b""
    assert process.returncode == 130
    assert run("check", "--data", tmp_path / "data").exit_code == 0


def test_console_script(filled: Path) -> None:
    script = Path(sys.executable).with_name("twinhouse")
    done = subprocess.run(
        [script, "readings", UUIDS[0], "--data", filled], capture_output=True, text=True, check=True
    )
    assert len(done.stdout.splitlines()) == 5
    assert done.stderr == ""
