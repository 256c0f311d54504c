"""Queries with quads of their own beside the graph."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.errors import DeadlineExceeded
from storage.files import DataDirectory
from storage.graph.overlay import Overlay, copy_snapshot
from storage.graph.queries import Limits, Query
from storage.graph.readers import ReaderPool
from storage.graph.store import GraphStore

_COUNT = "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"
_QUAD = "<urn:s{}> <urn:p> <urn:o> <urn:extra> .\n"


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[DataDirectory]:
    opened = DataDirectory(tmp_path / "data")
    yield opened
    opened.close()


@pytest.fixture
def graph(directory: DataDirectory) -> Iterator[GraphStore]:
    store = GraphStore(directory)
    store.update("INSERT DATA { <urn:a> <urn:b> <urn:c> }")
    yield store
    store.close()


def _ask(pool: ReaderPool, overlay: Overlay | None, text: str = _COUNT, seconds: float = 20.0) -> bytes:
    return pool.run(Query(text, "text/csv", overlay=overlay), Limits(seconds=seconds)).read()


def test_only_its_query_sees_an_overlay(graph: GraphStore, directory: DataDirectory) -> None:
    pool = ReaderPool(graph, size=1)
    try:
        overlay = Overlay(directory.snapshots)
        overlay.quads.write_text("".join(map(_QUAD.format, range(3))))
        assert _ask(pool, overlay) == b"n\r\n4\r\n"
        assert not overlay.folder.exists()
        assert _ask(pool, None) == b"n\r\n1\r\n"
    finally:
        pool.close()


def test_an_overlay_goes_with_a_killed_query(graph: GraphStore, directory: DataDirectory) -> None:
    pool = ReaderPool(graph, size=1)
    try:
        overlay = Overlay(directory.snapshots)
        overlay.quads.write_text("".join(map(_QUAD.format, range(400))))
        endless = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
        with pytest.raises(DeadlineExceeded):
            _ask(pool, overlay, endless, 0.5)
        assert not overlay.folder.exists()
        assert _ask(pool, None) == b"n\r\n1\r\n"
    finally:
        pool.close()


def test_a_copy_of_a_snapshot_takes_quads_and_the_snapshot_does_not(graph: GraphStore, tmp_path: Path) -> None:
    import pyoxigraph as ox

    snapshot = graph.take()
    copy_snapshot(snapshot.path, tmp_path / "copy")
    both = ox.Store(str(tmp_path / "copy"))
    both.bulk_load(b"".join(_QUAD.format(n).encode() for n in range(1000)), ox.RdfFormat.N_QUADS)
    assert len(both) == 1001
    del both
    assert len(ox.Store.read_only(str(snapshot.path))) == 1
    graph.give_back(snapshot)
