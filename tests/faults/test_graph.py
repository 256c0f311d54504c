from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pyoxigraph as ox
import pytest
from pyoxigraph import NamedNode

from storage.files import DataDirectory
from storage.graph.store import GraphStore
from tests.faults.write_graph import REPLACED, TRIPLES
from tests.support.faults import ROUNDS, run_and_kill


def changes_in(copy: Path, graph: NamedNode) -> Counter[int]:
    """Return the triples of each change."""
    quads = ox.Store.read_only(str(copy)).quads_for_pattern(None, None, None, graph)
    return Counter(
        int(quad.subject.value.rpartition(":")[2]) for quad in quads if isinstance(quad.subject, NamedNode)
    )


@pytest.mark.parametrize("program", ["write_graph", "exchange_graph", "group_graph"])
def test_acknowledged_changes_survive_kills(tmp_path: Path, program: str) -> None:
    """An acknowledged change is there; one that was not is whole or absent; a replaced graph is one change's."""
    moment = random.Random(7)
    acknowledged: set[int] = set()
    first, generation = 1, 0  # the first change that is acknowledged is a replacement
    for number in range(ROUNDS // 2):
        acknowledged |= set(run_and_kill(f"tests.faults.{program}", tmp_path / "data", first, moment))
        directory = DataDirectory(tmp_path / "data")
        store = GraphStore(directory)
        assert store.generation > generation
        generation = store.generation
        assert list(directory.snapshots.iterdir()) == []
        store.backup(tmp_path / str(number))
        added = changes_in(tmp_path / str(number), NamedNode("urn:test:added"))
        [(last, count)] = changes_in(tmp_path / str(number), REPLACED).items()
        assert {change for change in acknowledged if change % 2 == 0} <= set(added)
        assert set(added.values()) | {count} == {TRIPLES}
        assert last >= max(change for change in acknowledged if change % 2)
        first = (max([*added, last]) // 2 + 1) * 2
        store.close()
        directory.close()


@pytest.mark.parametrize("program", ["adopt_graph", "compact_graph"])
def test_a_store_that_takes_the_place_of_the_graph_survives_kills(tmp_path: Path, program: str) -> None:
    """The graph is one store or another, whole: the last one that was acknowledged, or a later one."""
    moment = random.Random(8)
    first = 1
    for number in range(ROUNDS // 4):
        acknowledged = run_and_kill(f"tests.faults.{program}", tmp_path / "data", first, moment)
        directory = DataDirectory(tmp_path / "data")
        store = GraphStore(directory)
        assert list(directory.loading.iterdir()) == []
        store.backup(tmp_path / str(number))
        [(last, count)] = changes_in(tmp_path / str(number), REPLACED).items()
        assert count == len(store) == TRIPLES
        assert last >= acknowledged[-1]
        first = last + 1
        store.close()
        directory.close()
