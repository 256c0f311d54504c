from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait

import pyarrow as pa
import pytest

from storage.errors import Closed
from storage.series.commits import Batch, GroupCommit


def batch(number: int) -> pa.Table:
    return pa.table({"n": [number]})


def test_what_waits_shares_a_commit_in_order() -> None:
    groups: list[list[int]] = []
    began, go_on = threading.Event(), threading.Event()

    def commit(batches: Sequence[Batch]) -> None:
        groups.append([rows["n"][0].as_py() for rows, _ in batches])
        began.set()
        go_on.wait()

    commits = GroupCommit(commit)
    with ThreadPoolExecutor(5) as threads:
        first = threads.submit(commits.submit, batch(0))
        began.wait()
        others = [threads.submit(commits.submit, batch(n)) for n in range(1, 5)]
        while commits._queue.qsize() < 4:
            wait(others, timeout=0.001)
        assert not first.done()
        go_on.set()
    commits.close()
    assert groups[0] == [0]
    assert sorted(groups[1]) == [1, 2, 3, 4]


def test_each_gets_its_own_error() -> None:
    def commit(batches: Sequence[Batch]) -> None:
        if any(rows["n"][0].as_py() % 2 for rows, _ in batches):
            raise ValueError("odd")

    commits = GroupCommit(commit)

    def submit(number: int) -> bool:
        try:
            commits.submit(batch(number))
        except ValueError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(submit, range(40))) == [n % 2 == 0 for n in range(40)]
    commits.close()


def test_closed_twice_it_takes_no_more() -> None:
    commits = GroupCommit(lambda _tables: None)
    commits.close()
    commits.close()
    with pytest.raises(Closed):
        commits.submit(batch(1))
