"""The demo: made once, served again, and its examples asked as they are printed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import httpx2
import pytest

from server.cli.examples import EXAMPLES, guide
from tests.server.cli.conftest import Twin
from tests.support.server import running_server


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
