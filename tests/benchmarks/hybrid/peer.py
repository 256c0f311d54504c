"""chrontext, an engine for SPARQL over a graph and DuckDB, where another Python environment has it.

python -m venv OTHER && OTHER/bin/pip install chrontext duckdb 'sqlalchemy<2.1'
"""

from __future__ import annotations

import json
import select
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.hybrid.campus import Campus
from tests.benchmarks.hybrid.questions import CT, Question, sparql
from tests.benchmarks.report import milliseconds

REFERENCE = 'ct:hasTimeseries :{name}-ts . :{name}-ts ct:hasResource "readings" ; ct:hasExternalId "{uuid}"'
_SCRIPT = Path(__file__).with_name("peer_process.py")
_SECONDS = 60.0


class Chrontext:
    """Asks it; a question that takes too long ends the process, and the next one starts another."""

    def __init__(self, python: Path, folder: Path, campus: Campus, readings: Path) -> None:
        self._model = folder / "chrontext.ttl"
        self._model.write_text(f"PREFIX ct: <{CT}>\n{campus.model(REFERENCE)}")
        self._command = [python, _SCRIPT, self._model, readings]
        self._process: subprocess.Popen[str] | None = None

    def row(self, question: Question, right: Sequence[object]) -> tuple[str, str]:
        """Return its time, and whether its last column has these values."""
        answer = self._ask(sparql(question.chrontext))
        if "error" in answer:
            return "—", answer["error"]
        values = answer["values"]
        same = sorted(map(_plain, values)) == sorted(map(_plain, right))
        return milliseconds(statistics.median(answer["seconds"])), "yes" if same else f"no: {len(values):,} rows"

    def _ask(self, query: str) -> dict[str, Any]:
        process = self._process = self._process or subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(query) + "\n")
        process.stdin.flush()
        there = select.select([process.stdout], [], [], _SECONDS)[0]
        line = process.stdout.readline() if there else ""
        if not line:
            self.close()
            return {"error": "it died" if there else f"no answer in {_SECONDS:g} s"}
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _plain(value: object) -> str:
    if isinstance(value, int | float):
        return f"{value or 0:.9g}"  # of zeros, any
    text = str(value).strip("<>")
    return f"{float(text) or 0:.9g}" if text.replace(".", "", 1).isdigit() else text
