"""Validation in a process of its own: the SHACL engine has no deadline, and some models never let it end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from pyoxigraph import RdfFormat

from ontologies import catalog, validation
from ontologies.formats import read_quads
from ontologies.model_checks import check_model
from server.errors import Problem
from storage.errors import DeadlineExceeded

SECONDS = 300.0


def validate_apart(triples: bytes, ontology: catalog.Ontology, *, seconds: float = SECONDS) -> dict[str, Any]:
    """Validate N-Triples; returns `Report.to_dict()`. Raises DeadlineExceeded, or a problem if the engine fails."""
    arguments = ("server.twin.validating", ontology.name, ontology.version)
    report: dict[str, Any] = json.loads(run_apart(arguments, triples, "validation", seconds))
    return report


def run_apart(arguments: Sequence[str], triples: bytes, what: str, seconds: float = SECONDS) -> bytes:
    """Run a module on what it reads from stdin; returns its stdout. Raises as validate_apart does."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", *arguments]
    try:
        done = subprocess.run(
            command, input=triples, capture_output=True, timeout=seconds, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        raise DeadlineExceeded(f"{what} took longer than {seconds:g} s") from None
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise Problem(500, f"{what}-failed", f"the SHACL engine failed: {last}")
    return done.stdout


def main() -> None:
    """Validate and check what comes on stdin by the ontology named by the arguments; the report goes to stdout."""
    ontology = catalog.find(sys.argv[1], sys.argv[2])
    triples = sys.stdin.buffer.read()
    report = validation.validate(triples, ontology)
    more = check_model(read_quads(triples, RdfFormat.N_TRIPLES), ontology)
    json.dump(report.extended(more).to_dict(), sys.stdout)


if __name__ == "__main__":
    main()
