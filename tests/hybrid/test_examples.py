"""The examples of docs/hybrid-sparql.md, asked of the demo building."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from server.demo import model, readings
from storage.series.store import SCHEMA
from tests.server.conftest import opened

_TEXT = (Path(__file__).parents[2] / "docs" / "hybrid-sparql.md").read_text()
_PREFIXES = "\n".join(line for line in _TEXT.splitlines() if line.startswith("PREFIX ") and "WHERE" not in line)
_EXAMPLES = re.findall(r"```sparql\n(.*?)```", _TEXT, re.DOTALL)
_PUSHED = 13


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The demo building with two days of readings: working days."""
    with opened(tmp_path_factory.mktemp("demo") / "data") as client:
        for part in readings(date(2026, 10, 1), 2):
            client.app.state.twin.series.append(_full(part))  # type: ignore[attr-defined]
        answer = client.post(
            "/models?name=demo.ttl", content=model().encode(), headers={"content-type": "text/turtle"}
        )
        assert answer.status_code == 200
        yield client


def _full(rows: pa.Table) -> pa.Table:
    columns = [
        rows.column(f.name).cast(f.type) if f.name in rows.column_names else pa.nulls(rows.num_rows, f.type)
        for f in SCHEMA
    ]
    return pa.table(columns, schema=SCHEMA)


def test_there_are_twenty() -> None:
    assert len(_EXAMPLES) > 20


@pytest.mark.parametrize("number", range(len(_EXAMPLES)))
def test_example(demo: TestClient, number: int) -> None:
    text = _EXAMPLES[number]
    query = text if text.startswith("PREFIX") else f"{_PREFIXES}\n{text}"
    answer = demo.get("/query", params={"query": query})
    assert answer.status_code == 200, answer.text
    kind = answer.headers["content-type"]
    if "json" not in kind:
        assert answer.text.strip()
    elif "NOT EXISTS" not in text:  # nothing may be missing
        document = answer.json()
        assert document.get("boolean") or document["results"]["bindings"], text


def test_most_are_pushed_down(demo: TestClient) -> None:
    paths = [
        demo.get("/query", params={"query": f"{_PREFIXES}\n{text}", "explain": "plan"}).json()["path"]
        for text in _EXAMPLES[1:]
    ]
    assert paths.count("pushed") >= _PUSHED, paths
