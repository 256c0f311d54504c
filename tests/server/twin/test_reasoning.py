"""The process of the SHACL engine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.waiting import until

_PARENT = """
from ontologies import catalog
from ontologies.namespaces import BRICK, RDF
from server.twin.reasoning import infer_apart
from storage.children import Children

some = "".join(f"<urn:{number}> {RDF['type']} {BRICK['VAV']} .\\n" for number in range(100_000))  # a minute's work
infer_apart(Children(), some.encode(), catalog.find("brick"))
"""


def test_it_ends_with_the_one_that_started_it() -> None:
    with subprocess.Popen([sys.executable, "-c", _PARENT]) as parent:
        until(lambda: any("shifty" in _read(child, "maps") for child in _children(parent.pid)))
        [child] = _children(parent.pid)
        parent.kill()
    until(lambda: "server.twin.reasoning" not in _read(child, "cmdline"))


def _children(pid: int) -> list[int]:
    return [int(child) for child in _read(pid, f"task/{pid}/children").split()]


def _read(pid: int, file: str) -> str:
    try:
        return Path(f"/proc/{pid}/{file}").read_text()
    except OSError:  # it has ended
        return ""
