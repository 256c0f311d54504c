from __future__ import annotations

import errno
import json
import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import count
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad, Store

from storage.errors import DiskFailed, WriterCrashed
from storage.files import DataDirectory
from storage.graph.queries import Limits, Query
from storage.graph.readers import ReaderPool
from storage.graph.sharing import FILE
from storage.graph.snapshots import Snapshot
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
            most = max(most, len(list(directory.snapshots.glob("*.*"))))
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
        wait(asking)
        ended.set()
        for client in asking:
            client.result()
        assert streaming.result() > ROUNDS
    assert most <= 2 * READERS + 3  # readers', those that they are about to get, the newest, its base, one that goes
    pool.close()
    assert len(list(directory.snapshots.glob("*.*"))) <= 2  # the newest, and what it was made of


def contents(snapshot: Snapshot) -> Counter[int]:
    """Return how many triples a snapshot has of each change."""
    subjects = (quad.subject for quad in Store.read_only(str(snapshot.path)))
    return Counter(int(each.value.rpartition(":")[2]) for each in subjects if isinstance(each, NamedNode))


def size_of(change: int) -> int:
    return (1, 2, 30, 500)[change % 4]


def test_in_a_storm_of_updates_each_snapshot_has_all_that_was_acknowledged_and_changes_whole(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made: Counter[bool] = Counter()
    goes_on = store._snapshots._continue

    def counted(path: Path) -> bool:
        succeeded = goes_on(path)
        made[succeeded] += 1
        return succeeded

    monkeypatch.setattr(store._snapshots, "_continue", counted)
    acknowledged, ended = 0, threading.Event()

    def write() -> None:
        nonlocal acknowledged
        for change in count(1):
            triples = " ".join(f"<urn:{change}> <urn:p> {number} ." for number in range(size_of(change)))
            store.update(f"INSERT DATA {{ {triples} }}")
            acknowledged = change
            if change % 50 == 0:
                store.backup(tmp_path / str(change))  # by which the engine begins another log
            if ended.is_set():
                return

    def look() -> None:
        for _ in range(20):
            before = acknowledged
            snapshot = store.take()
            found = contents(snapshot)
            store.give_back(snapshot)
            assert all(size == size_of(change) for change, size in found.items())
            assert set(range(1, before + 1)) <= found.keys()
            assert found.keys() == set(range(1, len(found) + 1))

    with ThreadPoolExecutor() as threads:
        writing = threads.submit(write)
        looking = [threads.submit(look) for _ in range(2)]
        wait(looking)
        ended.set()
        for done in (*looking, writing):
            done.result()
    assert min(made[True], made[False]) > 0, "snapshots of one kind alone: the other is not tested"


def test_a_snapshot_goes_on_from_the_one_before_and_leaves_no_files_behind(
    store: GraphStore, directory: DataDirectory
) -> None:
    held = []
    for number in range(100):  # values that only grow: the engine would keep a file of each flush
        store.add([Quad(NamedNode(f"urn:{number}"), NamedNode("urn:p"), Literal(number))])
        held.append(store.take())
    assert [len(contents(snapshot)) for snapshot in held] == list(range(1, 101))
    for snapshot in held:
        store.give_back(snapshot)
    assert len(list(directory.graph.glob("*.sst"))) < 20
    assert len(list(directory.snapshots.glob("*.*"))) == 2  # the newest, and what it was made of


def test_snapshots_go_on_after_the_writer_has_died_and_after_an_exchange(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    for number in range(12):
        if number % 4 == 2:
            os.kill(store._engine.pid, signal.SIGKILL)
            len(store)
        with monkeypatch.context() as patched:
            if number % 4 == 3:
                patched.setattr("storage.graph.store.MOST_IN_TRANSACTION", -1)
            store.add([Quad(NamedNode(f"urn:{number}"), NamedNode("urn:p"), Literal(number))])
        snapshot = store.take()
        sizes.append(len(contents(snapshot)))
        store.give_back(snapshot)
    assert sizes == list(range(1, 13))


def test_without_hard_links_each_snapshot_is_a_checkpoint(
    store: GraphStore, directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    for number in range(3):
        store.update(f"INSERT DATA {{ <urn:0> <urn:p> {number} }}")
        snapshot = store.take()
        assert contents(snapshot) == {0: number + 1}
        store.give_back(snapshot)
    assert len(list(directory.snapshots.glob("*.*"))) == 1


def test_after_two_exchanges_a_log_with_the_name_and_inode_of_another_is_not_taken_for_it(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.graph.store.MOST_IN_TRANSACTION", -1)
    for number in range(4):
        store.replace_all([])
        store.replace_all([Quad(NamedNode(f"urn:{number}"), NamedNode("urn:p"), Literal(number))])
        snapshot = store.take()
        assert contents(snapshot).keys() == {number}
        store.give_back(snapshot)


def test_without_any_room_a_snapshot_has_all_that_was_acknowledged_as_long_as_there_is_a_folder(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a file system where a folder takes room: the faults have one where it takes none."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def no_checkpoint(_: Path) -> None:
        raise DiskFailed("No space left on device")

    store.update("INSERT DATA { <urn:0> <urn:p> 1 }")
    first = store.take()
    store.update("INSERT DATA { <urn:0> <urn:p> 2 }")
    monkeypatch.setattr("os.mkdir", full)
    monkeypatch.setattr("shutil.copyfile", full)
    monkeypatch.setattr(store._snapshots, "_checkpoint", no_checkpoint)
    second = store.take()
    assert (contents(first), contents(second)) == ({0: 1}, {0: 2})
    store._pen.doubt(disk_failed=True)  # as an update does that has failed
    again = store.take()
    assert (again.path, again.generation) == (second.path, store.generation)
    store.update("INSERT DATA { <urn:0> <urn:p> 3 }")
    with pytest.raises(DiskFailed, match="no room for a snapshot"):
        store.take()
    monkeypatch.undo()
    last = store.take()
    assert contents(last) == {0: 3}
    for snapshot in (first, second, again, last):
        store.give_back(snapshot)


def test_a_killed_write_leaves_the_next_snapshot_what_graphs_share(store: GraphStore) -> None:
    """Only where the disk takes no more are snapshots made without it."""
    store.update("INSERT DATA { <urn:s> <urn:p> 1 }")
    values = " ".join(f"VALUES ?{name} {{ 0 1 2 3 4 5 6 7 8 9 }}" for name in "abcdefgh")
    with ThreadPoolExecutor() as threads:
        running = threads.submit(store.update, f"INSERT {{ <urn:x> <urn:p> ?a }} WHERE {{ {values} }}")
        time.sleep(0.3)
        os.kill(store._engine.pid, signal.SIGKILL)
        with pytest.raises(WriterCrashed):
            running.result()
    snapshot = store.take()
    assert json.loads((snapshot.path / FILE).read_text())["settled"]
    store.give_back(snapshot)
