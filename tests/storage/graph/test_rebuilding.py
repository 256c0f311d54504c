from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Store

from storage.children import Children
from storage.errors import Closed, DiskFailed, WriterCrashed
from storage.files import DataDirectory
from storage.graph.rebuilding import Rebuilding
from storage.graph.store import MOST_IN_TRANSACTION, GraphStore

P, G, H, EMPTY = (NamedNode(f"urn:test:{name}") for name in ("p", "g", "h", "empty"))
MANY = MOST_IN_TRANSACTION + 1
SECONDS = 60


def some(number: int, graph: NamedNode | DefaultGraph = G, first: int = 0) -> Iterator[Quad]:
    return (Quad(NamedNode(f"urn:test:{first + n}"), P, Literal(n), graph) for n in range(number))


def sizes(store: GraphStore) -> dict[str, int]:
    """Return how many quads each graph has, as a reader sees them."""
    snapshot = store.take()
    opened = Store.read_only(str(snapshot.path))
    found = {
        str(graph): sum(1 for _ in opened.quads_for_pattern(None, None, None, graph))
        for graph in (DefaultGraph(), *opened.named_graphs())
    }
    store.give_back(snapshot)
    return found


def opened_again(directory: DataDirectory) -> dict[str, int]:
    store = GraphStore(directory)
    found = sizes(store)
    store.close()
    return found


def test_a_large_graph_comes_is_replaced_and_goes(store: GraphStore, directory: DataDirectory) -> None:
    generations = [
        store.add([*some(1, H), *some(2, DefaultGraph())]),
        store.replace(some(MANY), [G]),
        store.replace(some(MANY, first=7), [G, EMPTY]),
    ]
    assert sizes(store) == {str(DefaultGraph()): 2, str(G): MANY, str(H): 1, str(EMPTY): 0}
    assert store.remove(G)
    assert sizes(store) == {str(DefaultGraph()): 2, str(H): 1, str(EMPTY): 0}
    generations.append(store.add(some(MANY, H, first=1 << 20)))
    assert sizes(store)[str(H)] == MANY + 1
    store.clear()
    assert sizes(store) == {str(DefaultGraph()): 0}
    assert store.update("INSERT DATA { <urn:s> <urn:p> 1 }") > max(generations)
    assert generations == sorted(set(generations))
    assert list(directory.loading.iterdir()) == []


def test_a_small_graph_is_replaced_beside_a_large_one(store: GraphStore) -> None:
    store.add([*some(3 * MANY), *some(MANY, H), *some(5, EMPTY)])
    store.replace(some(MANY, H, first=1 << 20), [H])
    store.replace(some(4, EMPTY), [EMPTY])
    assert sizes(store) == {str(DefaultGraph()): 0, str(G): 3 * MANY, str(H): MANY, str(EMPTY): 4}


def test_graphs_named_by_blank_nodes_are_kept(store: GraphStore) -> None:
    store.replace_all([Quad(P, P, P, BlankNode("g")), *some(1)])
    store.add(some(MANY))
    store.replace(some(1, first=7), [G])
    assert sorted(sizes(store).values()) == [0, 1, 1]


def test_readers_keep_what_they_have(store: GraphStore, directory: DataDirectory) -> None:
    store.add(some(10))
    held = store.take()
    store.replace_all(some(MANY, H))
    assert len(Store.read_only(str(held.path))) == 10
    store.give_back(held)
    assert sizes(store)[str(H)] == MANY
    assert len(list(directory.snapshots.glob("*.*"))) == 1


def test_small_updates_wait_and_are_there_in_the_end(store: GraphStore) -> None:
    with ThreadPoolExecutor() as threads:
        loads = [threads.submit(store.replace, some(MANY, first=n), [G]) for n in range(3)]
        numbers = count()
        while not all(load.done() for load in loads):
            store.update(f"INSERT DATA {{ <urn:s> <urn:p> {next(numbers)} }}")
        for load in loads:
            load.result()
    assert sizes(store) == {str(DefaultGraph()): next(numbers), str(G): MANY}


def interrupted(directory: DataDirectory) -> Path:
    """Leave a graph with one quad, and one to take its place with two."""
    graph = directory.graph
    graph.mkdir()
    for path, number in ((graph, 1), (directory.loading / "next", 2)):
        path.parent.mkdir(exist_ok=True)
        made = Store(str(path))
        made.extend(some(number))
        made.flush()
    (directory.loading / "some.nq").write_text("half a docu")
    return graph


def test_an_exchange_that_had_not_begun_has_not_happened(directory: DataDirectory) -> None:
    interrupted(directory)
    assert opened_again(directory)[str(G)] == 1
    assert list(directory.loading.iterdir()) == []


def test_an_exchange_that_was_interrupted_is_finished(directory: DataDirectory) -> None:
    graph = interrupted(directory)
    graph.rename(directory.loading / "old")
    assert opened_again(directory)[str(G)] == 2
    assert list(directory.loading.iterdir()) == []


def test_an_exchange_that_had_ended_stays(directory: DataDirectory) -> None:
    graph = interrupted(directory)
    graph.rename(directory.loading / "old")
    (directory.loading / "next").rename(graph)
    assert opened_again(directory)[str(G)] == 2


def test_an_exchange_that_fails_leaves_the_graph_in_place(directory: DataDirectory) -> None:
    interrupted(directory)
    shutil.rmtree(directory.loading / "next")
    rebuilding = Rebuilding(directory.graph, directory.loading, directory.lock, Children())
    with pytest.raises(FileNotFoundError):
        rebuilding.exchange()
    assert opened_again(directory)[str(G)] == 1


def test_after_an_exchange_that_failed_nothing_more_is_written(
    store: GraphStore, directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add(some(1))
    exchange = store._contents._rebuilding.exchange

    def fail() -> None:
        shutil.rmtree(directory.loading / "next")
        exchange()

    monkeypatch.setattr(store._contents._rebuilding, "exchange", fail)
    writes: list[Callable[[], object]] = [
        lambda: store.add(some(MANY)),
        lambda: store.add(some(1)),
        lambda: store.update("CLEAR ALL"),
    ]
    for write in writes:
        with pytest.raises(DiskFailed):
            write()
    assert sizes(store)[str(G)] == 1


def test_a_loader_that_dies_changes_nothing(store: GraphStore, directory: DataDirectory) -> None:
    store.add(some(3))
    with store.staged() as staged:
        staged.extend(some(10 * MANY, H))
        with ThreadPoolExecutor() as threads:
            running = threads.submit(store.replace, staged, [G, H])
            while (found := next(iter(loaders()), None)) is None:
                os.sched_yield()
            os.kill(found, signal.SIGKILL)
            with pytest.raises(WriterCrashed, match="nothing was changed"):
                running.result(SECONDS)
        assert sizes(store) == {str(DefaultGraph()): 0, str(G): 3}
        assert [entry.suffix for entry in directory.loading.iterdir()] == [".nq"]
        store.replace(staged, [G, H])
    assert sizes(store)[str(H)] == 10 * MANY


def test_closing_ends_a_load(directory: DataDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.graph.pen._PATIENCE", 0.0)
    store = GraphStore(directory)
    store.add(some(3))
    with store.staged() as staged, ThreadPoolExecutor() as threads:
        staged.extend(some(10 * MANY, H))
        running = threads.submit(store.add, staged)
        while not list(loaders()):
            os.sched_yield()
        store.close()
        with pytest.raises(Closed):
            running.result(SECONDS)
    assert opened_again(directory) == {str(DefaultGraph()): 0, str(G): 3}


def loaders() -> Iterator[int]:
    """Yield the processes that load for us."""
    for task in Path("/proc/self/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            try:
                if b"storage.graph.loader" in Path(f"/proc/{child}/cmdline").read_bytes():
                    yield child
            except FileNotFoundError:
                continue
