from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from storage.files import DataDirectory
from storage.graph.readers import Limits, Query, ReaderPool
from storage.graph.store import GraphStore

CLIENTS, ROUNDS, READERS = 4, 25, 2


def test_in_a_stream_of_updates_each_client_sees_its_own_and_snapshots_stay_few(
    store: GraphStore, directory: DataDirectory
) -> None:
    pool = ReaderPool(store, size=READERS, patience=60.0)
    ended, most = threading.Event(), 0

    def stream() -> int:
        nonlocal most
        for number in count():
            if ended.is_set():
                return number
            store.update(f"INSERT DATA {{ <urn:stream> <urn:p> {number} }}")
            most = max(most, len(list(directory.snapshots.iterdir())))
        raise AssertionError

    def ask(client: int) -> None:
        for number in range(ROUNDS):
            store.update(
                f"DELETE WHERE {{ <urn:{client}> <urn:p> ?o }} ; INSERT DATA {{ <urn:{client}> <urn:p> {number} }}"
            )
            answer = pool.run(Query(f"SELECT ?o {{ <urn:{client}> <urn:p> ?o }}"), Limits()).read()
            assert [row["o"]["value"] for row in json.loads(answer)["results"]["bindings"]] == [str(number)]

    with ThreadPoolExecutor() as threads:
        streaming = threads.submit(stream)
        asking = [threads.submit(ask, client) for client in range(CLIENTS)]
        for client in asking:
            client.result()
        ended.set()
        assert streaming.result() > ROUNDS
    assert most <= 2 * READERS + 2  # what readers have, what they are about to get, the newest, and one being deleted
    pool.close()
    assert len(list(directory.snapshots.iterdir())) == 1


def test_small_files_are_merged_by_and_by(
    store: GraphStore, directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values that only grow make files that do not overlap, which the engine does not merge by itself."""
    monkeypatch.setattr("storage.graph.store._LOOK", 1)
    monkeypatch.setattr("storage.graph.store._MOST_SMALL_FILES", 40)
    for number in range(100):
        store.add([Quad(NamedNode(f"urn:{number}"), NamedNode("urn:p"), Literal(number))])
        store.give_back(store.take())
        if number > 60 and small_files(directory.graph) < 40:
            return
    raise AssertionError(f"there are {small_files(directory.graph)} files")


def small_files(folder: Path) -> int:
    return len(list(folder.glob("*.sst")))
