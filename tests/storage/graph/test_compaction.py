from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad, RdfFormat, Store

from storage.children import environment
from storage.graph.bulk import Lines, make_store
from storage.graph.compaction import compacting

P = NamedNode("urn:p")
PRIORITIES = """
import os, sys
from pathlib import Path
import pyoxigraph as ox
from storage.graph.compaction import put_off
store = ox.Store(sys.argv[1])
put_off()
for thread in Path("/proc/self/task").iterdir():
    print((thread / "comm").read_text().split(":")[:2], os.getpriority(os.PRIO_PROCESS, int(thread.name)))
"""


def quads(first: int) -> list[Quad]:
    return [Quad(NamedNode(f"urn:s:{n % 7}:{n}"), P, Literal(n)) for n in range(first, first + 50)]


def files(path: Path, kind: str) -> list[Path]:
    return sorted(file for file in path.iterdir() if file.suffix == kind)


def test_a_store_is_compacted_while_something_else_is_done_with_it(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for first in (0, 25, 50):
        store.bulk_extend(quads(first))
    store.extend(quads(75))
    before = files(tmp_path, ".sst")
    with compacting(store, tmp_path):
        assert len(store) == 125
    after = files(tmp_path, ".sst")
    assert len(after) < len(before)
    assert set(store) == {quad for first in (0, 25, 50, 75) for quad in quads(first)}


def test_a_store_that_is_too_large_is_left_as_it_is(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    for first in (0, 25):
        store.bulk_extend(quads(first))
    before = files(tmp_path, ".sst")
    with compacting(store, tmp_path, most=100):
        pass
    assert files(tmp_path, ".sst") == before


def test_an_error_in_what_is_done_meanwhile_is_its_own(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.bulk_extend(quads(0))
    with pytest.raises(ValueError, match="mine"), compacting(store, tmp_path):
        raise ValueError("mine")
    assert len(store) == 50


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities on Linux alone")
def test_compaction_that_is_put_off_gives_way_and_nothing_else_does(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PRIORITIES, str(tmp_path)]
    told = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True)
    lines = told.stdout.splitlines()
    lowered = [line for line in lines if line.endswith(" 19")]
    assert lowered
    assert all(line.startswith("['rocksdb', 'low") for line in lowered)
    assert all(line.endswith(" 0") for line in lines if line not in lowered)


@pytest.mark.parametrize("large", [range(1 << 20), range(0)])
def test_a_store_that_is_made_is_compacted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: range) -> None:
    monkeypatch.setattr("storage.graph.bulk._PUT_OFF", large)
    monkeypatch.setattr("storage.graph.bulk.put_off", lambda: None)  # for good, and other tests come
    monkeypatch.setattr("storage.graph.bulk._LINES", 1)
    monkeypatch.setattr("storage.graph.bulk._STEP", 100)
    document = tmp_path / "document"
    document.write_text("".join(f"<urn:s:{n}> <urn:p> <urn:o:{n % 3}> <urn:g:{n % 3}> .\n" for n in range(20)))
    count, graphs = make_store(tmp_path / "store", Lines(document, RdfFormat.N_QUADS), lambda: iter(()))
    assert (count, len(graphs)) == (20, 3)
    made = files(tmp_path / "store", ".sst")
    Store(str(tmp_path / "store")).optimize()
    assert made == files(tmp_path / "store", ".sst")
