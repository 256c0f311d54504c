"""The demo: made once, served again, and its examples asked as they are printed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from server.cli.examples import EXAMPLES, guide
from tests.server.cli.conftest import Twin, run
from tests.support.server import COMMAND, running_server, stop


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("demo") / "data"
    Twin(("--data", str(data)))("demo", "--days", "2", "--no-serve")
    return data


def test_examples_answer(demo: Path) -> None:
    with running_server(demo) as url:
        lines = [line for line in guide(url).splitlines() if line.startswith("curl ")]
        assert len(lines) == len(EXAMPLES) == 3
        for line in lines:
            answer = httpx2.get(_url(line), params=_parameters(line))
            assert answer.status_code == 200, answer.text
            assert len(answer.text.splitlines()) > 5, line


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_examples_bring_a_token_where_one_is_wanted(demo: Path) -> None:
    env = {**os.environ, "TWINHOUSE_ANONYMOUS": "none"}
    command = [*COMMAND, "demo", "--data", str(demo), "--port", "0", "--no-bacnet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env) as process:
        assert process.stdout
        lines = list(iter(process.stdout.readline, b"Ctrl-C ends it.\n"))
        script = b"".join(line for line in lines if line.startswith((b"export ", b"curl ")))
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        answers = subprocess.run(["sh", "-euc", script], env={"PATH": path}, capture_output=True, text=True)
        assert (stop(process), answers.returncode) == (0, 0), answers.stderr
    assert answers.stdout.count("point,vav,room") == 1
    assert len(answers.stdout.splitlines()) > 15


def test_a_port_that_is_taken_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = run("demo", "--data", str(tmp_path / "data"), "--port", port, "--no-bacnet")
    assert (done.exit_code, f"127.0.0.1:{port}: the port is taken" in done.stderr) == (1, True)
    assert not (tmp_path / "data").exists()


def _url(line: str) -> str:
    return shlex.split(line)[2]


def _parameters(line: str) -> dict[str, str]:
    words = shlex.split(line)[3:]
    assert set(words[::2]) == {"-d", "--data-urlencode"}
    return {name: value for name, _, value in (word.partition("=") for word in words[1::2])}


def test_made_once(demo: Path) -> None:
    twin = Twin(("--data", str(demo)))
    assert "has the demo building already" in twin("demo", "--no-serve").stderr
    checked = twin("check").stdout
    assert re.search(r"\b0  points without readings", checked)
    assert re.search(r"\b0  series without a point", checked)


def test_no_readings_of_the_future(demo: Path) -> None:
    future = Twin(("--data", str(demo)))("readings", "--start", "now", "--limit", "1").stdout
    assert len(future.splitlines()) == 1


def test_refuses_another_twin(filled: Path) -> None:
    result = Twin(("--data", str(filled)))("demo", "--no-serve", code=1)
    assert "urn:twinhouse:model:site" in result.stderr
