"""The SHACL engine in a process of its own: it has no deadline, and some models never let it end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import pyoxigraph as ox

from ontologies import catalog, inference, validation
from ontologies.advice import advise
from ontologies.formats import read_quads
from server.errors import Problem
from storage.children import Children
from storage.errors import DeadlineExceeded
from storage.graph.lifeline import end_with_parent

SECONDS = 300.0


def validate_apart(
    children: Children, triples: bytes, ontology: catalog.Ontology, *, seconds: float = SECONDS
) -> dict[str, Any]:
    """Validate N-Triples; returns `Report.to_dict()` with `advice`.

    Raises DeadlineExceeded or Closed, or a problem if the engine fails.
    """
    report: dict[str, Any] = json.loads(_apart(children, "validate", triples, ontology, seconds))
    return report


def report_apart(
    children: Children, triples: bytes, ontology: catalog.Ontology, *, seconds: float = SECONDS
) -> bytes:
    """Validate N-Triples; returns the report's graph as N-Triples. Raises as `validate_apart` does."""
    return _apart(children, "report", triples, ontology, seconds)


def infer_apart(
    children: Children, triples: bytes, ontology: catalog.Ontology, *, classes: bool = False, seconds: float = SECONDS
) -> bytes:
    """Return the N-Triples that follow from others; see `inference.infer`. Raises as `validate_apart` does."""
    return _apart(children, "classes" if classes else "infer", triples, ontology, seconds)


def _apart(children: Children, task: str, triples: bytes, ontology: catalog.Ontology, seconds: float) -> bytes:
    lifeline, held = os.pipe()  # which closes with this process, and ends that one
    command = ["-m", "server.twin.reasoning", task, ontology.name, ontology.version, str(lifeline)]
    pipe = subprocess.PIPE
    try:
        with children.started(command, stdin=pipe, stdout=pipe, stderr=pipe, pass_fds=(lifeline,)) as process:
            answer, said = process.communicate(triples, seconds)
    except subprocess.TimeoutExpired:
        raise DeadlineExceeded(f"the SHACL engine took longer than {seconds:g} s") from None
    finally:
        os.close(lifeline)
        os.close(held)
    if process.returncode != 0:
        last = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise Problem(500, "reasoning-failed", f"the SHACL engine failed: {last}")
    return answer


def main() -> None:
    """Do the task with what comes on stdin and the ontology, named by the arguments; the answer goes to stdout."""
    task, name, version, lifeline = sys.argv[1:]
    end_with_parent(int(lifeline))
    ontology, triples = catalog.find(name, version), sys.stdin.buffer.read()
    if task == "validate":
        answer = json.dumps(_validated(triples, ontology)).encode()
    elif task == "report":
        answer = validation.report_graph(triples, ontology)
    else:
        inferred = inference.infer(triples, ontology, classes=task == "classes")
        answer = ox.serialize(inferred, format=ox.RdfFormat.N_TRIPLES) or b""
    sys.stdout.buffer.write(answer)


def _validated(triples: bytes, ontology: catalog.Ontology) -> dict[str, Any]:
    quads = list(read_quads(triples, ox.RdfFormat.N_TRIPLES))
    report = validation.validate(quads, ontology).to_dict()
    return {**report, "advice": [asdict(item) for item in advise(quads, list(ontology.quads()))]}


if __name__ == "__main__":
    main()
