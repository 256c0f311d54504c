from __future__ import annotations

import os
import random
import resource
import select
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pyoxigraph import DefaultGraph, Literal, NamedNode, Store, Triple

from storage.errors import (
    Closed,
    Corrupt,
    DeadlineExceeded,
    DiskFailed,
    MemoryLimitExceeded,
    Overloaded,
    QueryEvaluationError,
    QueryRefused,
    QuerySyntaxError,
    StorageError,
    WriterCrashed,
)
from storage.files import DataDirectory
from storage.graph import writer
from storage.graph.sharing import Sharing
from storage.graph.store import Begun, Change, GraphStore
from storage.graph.sync import Logs

SPO = "<urn:s> <urn:p>"
ONE = "INSERT DATA { <urn:s> <urn:p> 1 }"
NUMBERS = " ".join(str(number) for number in range(1000))
# 10^12 solutions, none of which is kept: time without memory.
FOR_EVER = f"""INSERT {{ <urn:x> <urn:p> ?a }} WHERE {{
    VALUES ?a {{ {NUMBERS} }} VALUES ?b {{ {NUMBERS} }} VALUES ?c {{ {NUMBERS} }} VALUES ?d {{ {NUMBERS} }}
    FILTER(?a + ?b + ?c + ?d < 0) }}"""
HUNGRY = f"""INSERT {{ <urn:x> <urn:p> ?e }} WHERE {{
    VALUES ?a {{ {NUMBERS} }} VALUES ?b {{ {NUMBERS} }} VALUES ?c {{ {NUMBERS} }}
    BIND(CONCAT(STR(?a), "-", STR(?b), "-", STR(?c), "{"x" * 100}") AS ?e) }}"""
SECONDS = 60
Run = Callable[[GraphStore, list[tuple[str, str | None]]], list[int | StorageError]]


def many(change: int, triples: int) -> str:
    """Return an update that adds so many triples, in an instant or two."""
    side = range(int(triples**0.5))
    values = " ".join(map(str, side))
    return f"""INSERT {{ <urn:{change}> <urn:p> ?n }} WHERE {{
        VALUES ?a {{ {values} }} VALUES ?b {{ {values} }} BIND(?a * {len(side)} + ?b AS ?n) }}"""


def ticks(pid: int) -> int:
    """Return the time of a processor that a process has used."""
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


def wait_until_busy(pid: int) -> None:
    """Return once the process has worked for a moment from now on."""
    enough = ticks(pid) + 10
    while ticks(pid) < enough:
        os.sched_yield()


def stop(pid: int) -> None:
    """Stop a process, and return when all of its threads stand still."""
    os.kill(pid, signal.SIGSTOP)
    while any(state(task) != "T" for task in Path(f"/proc/{pid}/task").iterdir()):
        time.sleep(0.001)


def state(task: Path) -> str:
    return (task / "stat").read_text().rpartition(")")[2].split()[0]


def kill(pid: int) -> None:
    """Kill a process, and return when it is dead."""
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_an_update_that_runs_away_is_ended_at_its_deadline(store: GraphStore) -> None:
    store.update(ONE)
    generation = store.generation
    with pytest.raises(DeadlineExceeded, match=r"longer than 0\.5 s"):
        store.update(f"CLEAR ALL ; {FOR_EVER}", seconds=0.5)
    assert (len(store), store.generation) == (1, generation)
    store.update("INSERT DATA { <urn:s> <urn:p> 2 }", seconds=SECONDS)
    assert (len(store), store.generation) == (2, generation + 1)


def test_an_update_that_needs_too_much_memory_is_ended(directory: DataDirectory) -> None:
    store = GraphStore(directory, memory=400 << 20)
    store.update(ONE)
    with pytest.raises(MemoryLimitExceeded):
        store.update(HUNGRY, seconds=SECONDS)
    store.update("INSERT DATA { <urn:s> <urn:p> 2 }")
    assert len(store) == 2
    store.close()


def test_questions_are_answered_while_a_write_goes_on(store: GraphStore) -> None:
    store.update(ONE)
    with ThreadPoolExecutor() as threads:
        running = threads.submit(store.update, FOR_EVER)
        wait_until_busy(store._engine.pid)
        snapshot = store.take()
        assert len(Store.read_only(str(snapshot.path))) == len(store) == 1
        assert not running.done()
        store.give_back(snapshot)
        with pytest.raises(Overloaded):
            store.update(ONE, seconds=0.05)
        os.kill(store._engine.pid, signal.SIGKILL)
        with pytest.raises(WriterCrashed):
            running.result(SECONDS)


def test_closing_ends_what_runs_away(directory: DataDirectory) -> None:
    store = GraphStore(directory)
    with ThreadPoolExecutor() as threads:
        running = threads.submit(store.update, FOR_EVER)
        wait_until_busy(store._engine.pid)
        waiting = threads.submit(store.update, ONE)
        store.close()
        for update in (running, waiting):
            with pytest.raises(Closed):
                update.result(SECONDS)
    with pytest.raises(Closed):
        len(store)
    again = GraphStore(directory)
    assert len(again) == 0
    again.close()


ASKED: list[Callable[[GraphStore], object]] = [
    lambda store: store.update("INSERT DATA { <urn:s> <urn:p> 2 }"),
    lambda store: store.graphs(),
    lambda store: store.give_back(store.take()),
]


@pytest.mark.parametrize("ask", ASKED)
def test_a_process_killed_while_it_is_idle_is_replaced_unseen(
    store: GraphStore, ask: Callable[[GraphStore], object]
) -> None:
    store.update(ONE)
    for _ in range(2):
        kill(store._engine.pid)
        ask(store)
    assert len(store) >= 1


def test_a_process_killed_while_it_writes_says_what_became_of_the_change(store: GraphStore) -> None:
    store.update(ONE)
    with ThreadPoolExecutor() as threads:
        running = threads.submit(store.update, FOR_EVER)
        wait_until_busy(store._engine.pid)
        os.kill(store._engine.pid, signal.SIGKILL)
        with pytest.raises(WriterCrashed, match="nothing was changed"):
            running.result(SECONDS)
    store.update("INSERT DATA { <urn:s> <urn:p> 2 }")
    assert len(store) == 2


def test_at_whatever_moment_the_deadline_passes_the_answer_is_right(store: GraphStore) -> None:
    """Of updates that are done around their deadline those are there that returned, whole, and no others."""
    began = time.monotonic()
    store.update(many(0, 2500))
    usual = time.monotonic() - began
    moment, done, unknown = random.Random(3), {0}, set()
    for change in range(1, 40):
        try:
            store.update(many(change, 2500), seconds=moment.uniform(0.0, 2.0) * usual)
            done.add(change)
        except (DeadlineExceeded, Overloaded):
            pass
        except WriterCrashed:  # it began to commit just when it was killed
            unknown.add(change)
    snapshot = store.take()
    subjects = [each.subject for each in Store.read_only(str(snapshot.path))]
    store.give_back(snapshot)
    counts = Counter(int(each.value.rpartition(":")[2]) for each in subjects if isinstance(each, NamedNode))
    assert set(counts.values()) == {2500}
    assert done <= counts.keys() <= done | unknown


def test_updates_from_many_threads_are_all_there(store: GraphStore) -> None:
    def write(writer: int) -> list[int]:
        return [store.update(f"INSERT DATA {{ <urn:{writer}> <urn:p> {number} }}") for number in range(20)]

    with ThreadPoolExecutor(16) as threads:
        generations = [number for numbers in threads.map(write, range(16)) for number in numbers]
    assert len(set(generations)) == len(store) == 320
    assert store.generation == max(generations)


def begun_and_ended(store: GraphStore, updates: list[tuple[str, str | None]]) -> list[int | StorageError]:
    """Run a group as an event loop does."""
    begun = store.begin_updates(updates)
    assert begun is not None
    assert store.begin_updates(updates) is None
    while (outcomes := ended(begun)) is None:
        assert store.begin_updates(updates) is None
    return outcomes


def ended(begun: Begun) -> list[int | StorageError] | None:
    assert select.select([begun.source], [], [], SECONDS)[0]
    return begun.end()


@pytest.mark.parametrize("run", [GraphStore.update_all, begun_and_ended])
def test_each_update_of_a_group_stands_or_fails_for_itself(store: GraphStore, run: Run) -> None:
    store.update(ONE)
    before = store.generation
    for _ in range(3):
        outcomes = run(
            store,
            [
                ("INSERT DATA { <a> <urn:p> 2 }", "http://base/"),
                ("INSERT DATA { <urn:s> <urn:p> 3 ", None),
                (f"DELETE DATA {{ {SPO} 1 }} ; INSERT DATA {{ {SPO} 4 }} ; CREATE GRAPH <urn:g>", None),
                ("INSERT DATA { <urn:s> <urn:p> 5 }", None),
            ],
        )
        generations = [outcome for outcome in outcomes if isinstance(outcome, int)]
        assert generations == list(range(before + 1, before + 1 + len(generations)))
        before = store.generation
        assert before == generations[-1]
    assert isinstance(outcomes[1], QuerySyntaxError)
    assert isinstance(outcomes[2], QueryEvaluationError)  # the graph was there by then, so none of it is done again
    assert {str(quad.triple) for quad in store.quads([DefaultGraph()])} == {
        str(Triple(NamedNode(subject), NamedNode("urn:p"), Literal(number)))
        for subject, number in (("http://base/a", 2), ("urn:s", 4), ("urn:s", 5))
    }


@pytest.mark.parametrize("record", [False, True])
def test_a_group_is_synced_as_a_whole_before_it_is_answered(tmp_path: Path, record: bool) -> None:
    store = Store(str(tmp_path / "store"))
    logs = Logs(tmp_path / "store")
    seen: list[int] = []
    updates = [(f"INSERT DATA {{ <urn:s> <urn:p> {number} }}", None) for number in range(3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fdatasync", lambda _: seen.append(len(store)))
        request = {"updates": updates, "record": record}
        answers = writer._writes(store, logs, Sharing(store, tmp_path), request)
        changes = next(answers)
        assert isinstance(changes, list)
        assert [change is not None for change in changes] == [record] * 3
        assert bool(seen) is not record, "what is to be recorded is told while that is synced"
        assert list(answers) == [None]
    assert set(seen) == {3}
    logs.close()


def test_after_a_group_that_could_not_be_synced_nothing_is_written(
    store: GraphStore, directory: DataDirectory
) -> None:
    store.update(ONE)
    log = directory.graph / "999999.log"
    os.mkfifo(log)  # what no disk is behind cannot be synced
    held = os.open(log, os.O_RDWR)
    with pytest.raises(DiskFailed, match="did not confirm"):
        store.update_all([("INSERT DATA { <urn:s> <urn:p> 2 }", None)])
    log.unlink()
    os.close(held)
    for write in (store.update_all, store.begin_updates):
        with pytest.raises(DiskFailed, match="did not confirm"):
            write([(ONE, None)])
    with pytest.raises(DiskFailed, match="did not confirm"):
        store.update(ONE)


def test_a_group_that_would_have_to_wait_is_not_begun(store: GraphStore) -> None:
    with ThreadPoolExecutor() as threads:
        with store.holding():
            assert threads.submit(store.begin_updates, [(ONE, None)]).result(SECONDS) is None
        kill(store._engine.pid)
        assert store.begin_updates([(ONE, None)]) is None  # a process has to be started
        assert store.update_all([(ONE, None)]) == [store.generation]
        begun = store.begin_updates([(ONE, None)])
        assert begun is not None
        running = threads.submit(store.update, "INSERT DATA { <urn:s> <urn:p> 2 }")
        while not store._pen.wanted:
            time.sleep(0.001)
        while (outcomes := ended(begun)) is None:
            assert store._pen.wanted
        assert outcomes == [store.generation]
        assert running.result(SECONDS) == store.generation
    assert len(store) == 2


def test_a_group_that_is_given_up_ends(store: GraphStore) -> None:
    store.update(ONE)
    stop(store._engine.pid)
    begun = store.begin_updates([("INSERT DATA { <urn:s> <urn:p> 2 }", None)])
    assert begun is not None
    begun.give_up()
    with pytest.raises(WriterCrashed, match="is not known"):
        begun.end()
    assert store.update_all([("INSERT DATA { <urn:s> <urn:p> 3 }", None)]) == [store.generation]


def test_a_process_killed_in_a_group_leaves_open_what_became_of_it_and_the_next_one_runs(store: GraphStore) -> None:
    store.update(ONE)
    pid = store._engine.pid
    stop(pid)
    with ThreadPoolExecutor() as threads:
        running = threads.submit(store.update_all, [("INSERT DATA { <urn:s> <urn:p> 2 }", None)])
        time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(WriterCrashed, match="is not known"):
            running.result(SECONDS)
    assert store.update_all([("INSERT DATA { <urn:s> <urn:p> 3 }", None)]) == [store.generation]
    assert {quad.object for quad in store.quads([DefaultGraph()])} == {Literal(1), Literal(3)}


def test_what_goes_wrong_while_it_is_recorded_leaves_the_next_group_its_own_answers(store: GraphStore) -> None:
    def told(changes: dict[int, Change | None]) -> None:
        raise ValueError(f"{len(changes)} changes")

    with pytest.raises(ValueError, match="1 changes"):
        store.update_all([(ONE, None)], told=told)
    begun = store.begin_updates([("INSERT DATA { <urn:s> <urn:p> 2 }", None), ("INSERT", None)], told)
    assert begun is not None
    with pytest.raises(ValueError, match="1 changes"):
        ended(begun)
    seen = list[dict[int, Change | None]]()
    more = ("INSERT DATA { <urn:s> <urn:p> 3 }", None)
    assert store.update_all([(ONE, None), more], told=seen.append) == [store.generation - 1, store.generation]
    [changes] = seen
    assert [bool(change) for change in changes.values()] == [False, True]
    assert len(store) == 3


def test_a_group_that_would_ask_others_is_refused(store: GraphStore) -> None:
    with pytest.raises(QueryRefused):
        store.update_all([(ONE, None), ("LOAD <http://127.0.0.1:1/>", None)])
    assert len(store) == 0


def test_each_update_is_visible_to_its_thread_when_it_returns(store: GraphStore) -> None:
    def write(writer: int) -> None:
        for number in range(5):
            store.update(f"INSERT DATA {{ <urn:{writer}> <urn:p> {number} }}")
            snapshot = store.take()
            found = list(
                Store.read_only(str(snapshot.path)).quads_for_pattern(NamedNode(f"urn:{writer}"), None, None)
            )
            store.give_back(snapshot)
            assert len(found) == number + 1

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))


def test_what_is_no_store_is_refused_as_it_is(directory: DataDirectory) -> None:
    directory.graph.mkdir()
    (directory.graph / "CURRENT").write_text("MANIFEST-nothing\n")
    with pytest.raises(Corrupt, match="cannot be opened"):
        GraphStore(directory)
    assert [entry.name for entry in directory.graph.glob("CURRENT")] == ["CURRENT"]


def test_a_disk_that_takes_no_more_is_said_to_be_one_and_the_next_update_runs(store: GraphStore) -> None:
    store.update(ONE)
    most = 4096  # bytes that a file of the writer may have
    resource.prlimit(store._engine.pid, resource.RLIMIT_FSIZE, (most, most))
    generation = store.generation
    with pytest.raises(DiskFailed):
        store.update(many(1, 2500))
    assert store.generation > generation  # for whoever keeps what may have changed
    store.update("INSERT DATA { <urn:s> <urn:p> 2 }")
    assert len(store) == 2


def test_no_process_is_left(directory: DataDirectory) -> None:
    store = GraphStore(directory)
    pid = store._engine.pid
    kill(pid)
    store.update(ONE)
    other = store._engine.pid
    assert other != pid
    store.close()
    assert not Path(f"/proc/{other}").exists()
