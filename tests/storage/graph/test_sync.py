from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.errors import DiskFailed
from storage.files import DataDirectory
from storage.graph.store import GraphStore
from storage.graph.sync import GroupSync, Logs

SECONDS = 30


class Disk:
    """A sync that says when it begins, and ends when it may."""

    def __init__(self) -> None:
        self.began = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)
        self.count = 0
        self.error: OSError | None = None

    def sync(self) -> None:
        self.count += 1
        self.began.release()
        assert self.may_end.acquire(timeout=SECONDS)
        if self.error is not None:
            raise self.error


def test_all_that_wait_while_a_sync_goes_on_share_the_next() -> None:
    disk = Disk()
    group = GroupSync(disk.sync)
    with ThreadPoolExecutor(9) as threads:
        first = threads.submit(group.wait)
        assert disk.began.acquire(timeout=SECONDS)
        entered = threading.Barrier(9)

        def enter() -> None:
            entered.wait(SECONDS)
            group.wait()

        others = [threads.submit(enter) for _ in range(8)]
        entered.wait(SECONDS)
        while len(group._changed._waiters) < 8:  # type: ignore[attr-defined] # all of them have asked by then
            os.sched_yield()
        disk.may_end.release()
        first.result(SECONDS)
        assert not any(other.done() for other in others), "that sync began before they came"
        assert disk.began.acquire(timeout=SECONDS)
        disk.may_end.release()
        for other in others:
            other.result(SECONDS)
    assert disk.count == 2


def test_after_a_sync_that_failed_nothing_is_confirmed_any_more() -> None:
    disk = Disk()
    disk.error = OSError(5, "Input/output error")
    group = GroupSync(disk.sync)
    for _ in range(9):
        disk.may_end.release()
    for _ in range(2):
        with pytest.raises(DiskFailed, match="Input/output error"):
            group.wait()
        with pytest.raises(DiskFailed):
            group.check()
    disk.error = None
    with pytest.raises(DiskFailed):
        group.wait()
    assert disk.count == 1


def test_a_graph_whose_log_cannot_be_synced_takes_no_more_writes(
    directory: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_fd: int) -> None:
        raise OSError(5, "Input/output error")

    store = GraphStore(directory)
    store.update("INSERT DATA { <urn:s> <urn:p> 1 }")
    with monkeypatch.context() as patched:
        patched.setattr("os.fdatasync", failing)
        with pytest.raises(DiskFailed, match="started again"):
            store.update("INSERT DATA { <urn:s> <urn:p> 2 }")
    with pytest.raises(DiskFailed):
        store.update("INSERT DATA { <urn:s> <urn:p> 3 }")
    with pytest.raises(DiskFailed):
        store.replace_all([])
    store.give_back(store.take())
    store.close()
    again = GraphStore(directory)
    again.update("INSERT DATA { <urn:s> <urn:p> 4 }")
    assert len(again) == 3
    again.close()


def test_logs_are_synced_while_anything_may_be_written_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fdatasync", lambda fd: synced.append(int(Path(f"/proc/self/fd/{fd}").readlink().stem)))
    logs = Logs(tmp_path)

    def synced_now() -> list[int]:
        synced.clear()
        logs.sync()
        return sorted(synced)

    assert synced_now() == []
    for name in ("000001.log", "000002.log", "000003.sst"):
        (tmp_path / name).write_bytes(b"a")
    assert synced_now() == [1, 2]
    assert synced_now() == [2]
    (tmp_path / "000004.log").write_bytes(b"a")  # the second may have been written to until now
    assert synced_now() == [2, 4]
    assert synced_now() == [4]
    (tmp_path / "000001.log").rename(tmp_path / "1000000.log")  # used again
    assert synced_now() == [4, 1_000_000]


def test_a_log_that_is_kept_open_is_the_newest_however_logs_come_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr("os.fdatasync", lambda fd: synced.append(Path(f"/proc/self/fd/{fd}").readlink().name))
    scanned: list[Path] = []
    real = os.scandir

    def scandir(path: Path) -> object:
        scanned.append(path)
        return real(path)

    monkeypatch.setattr("os.scandir", scandir)
    logs = Logs(tmp_path)

    def rest() -> None:
        os.utime(tmp_path, ns=(0, len(scanned)))  # as if the last change of it had been long ago

    (tmp_path / "000001.log").write_bytes(b"a")
    rest()
    for _ in range(3):
        logs.sync()
    assert (synced, len(scanned)) == (["000001.log"] * 3, 1)
    (tmp_path / "000002.log").write_bytes(b"a")
    for _ in range(2):  # another change could have the same time: it is looked for again and again
        logs.sync()
    assert (sorted(synced[3:]), len(scanned)) == (["000001.log", "000002.log", "000002.log"], 3)
    rest()
    for _ in range(2):
        logs.sync()
    (tmp_path / "000001.log").rename(tmp_path / "000003.log")  # used again
    rest()
    logs.sync()
    assert (sorted(synced[6:]), len(scanned)) == (["000002.log"] * 3 + ["000003.log"], 5)
    with logs.exchanging():
        pass
    logs.sync()
    assert len(scanned) == 6
    logs.close()
    logs.close()


def test_whatever_is_written_to_a_log_shows(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    for name in ("000001.log", "000002.log"):
        (tmp_path / name).write_bytes(b"abc")
    for name in ("000001.log", "000002.log"):
        marked = logs.mark()
        assert not logs.written(marked)
        with (tmp_path / name).open("r+b") as file:  # over what was there, as long as that
            file.write(b"abc")
        assert logs.written(marked)
    marked = logs.mark()
    (tmp_path / "000003.log").write_bytes(b"")
    (tmp_path / "000001.log").rename(tmp_path / "000004.log")
    (tmp_path / "000002.log").unlink()
    assert not logs.written(marked)
    (tmp_path / "000003.log").write_bytes(b"a")
    assert logs.written(marked)


def test_the_newest_log_has_the_highest_number(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    assert logs.newest() is None
    for name in ("999999.log", "1000000.log", "MANIFEST-2000000"):
        (tmp_path / name).write_bytes(b"ab")
    newest = logs.newest()
    assert newest is not None
    assert logs.path(newest) == tmp_path / "1000000.log"
    assert logs.size() == 4


def test_a_folder_that_is_being_exchanged_has_no_logs(tmp_path: Path) -> None:
    logs = Logs(tmp_path / "missing")
    logs.sync()
    assert (logs.newest(), logs.mark(), logs.size()) == (None, set(), 0)


def test_logs_of_another_folder_are_others_whatever_their_names_and_inodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fdatasync", synced.append)
    logs = Logs(tmp_path)
    for name in ("000001.log", "000002.log"):
        (tmp_path / name).write_bytes(b"a")
    logs.sync()
    (tmp_path / "000002.log").unlink()
    before = logs.newest()
    with logs.exchanging():
        pass  # the file stands for one that got the name and the inode of another that has gone
    synced.clear()
    logs.sync()
    assert len(synced) == 1
    assert logs.newest() != before
