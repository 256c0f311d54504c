from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import SimpleQueue

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from storage.errors import (
    ByteLimitExceeded,
    Cancelled,
    Closed,
    DeadlineExceeded,
    MemoryLimitExceeded,
    NotInFormat,
    Overloaded,
    QueryEvaluationError,
    QuerySyntaxError,
    ReaderCrashed,
    RowLimitExceeded,
    StorageError,
)
from storage.files import DataDirectory
from storage.graph.process import Reader
from storage.graph.queries import Dump, Limits, Query
from storage.graph.readers import ReaderPool
from storage.graph.results import ASKER, Asker, Result
from storage.graph.store import GraphStore
from tests.support.waiting import until

G = NamedNode("urn:test:g")
FOR_EVER = Query("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }")
ALL = Query("SELECT ?s ?o { ?s ?p ?o }")
COUNT = Query("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")
LONG = Query("SELECT * { ?s ?p ?o . ?a ?b ?c }")  # more than a pipe holds
LIMITS = Limits(seconds=60)
ROWS = 2000
OTHERS: set[int] = set()


@pytest.fixture
def graph(store: GraphStore) -> GraphStore:
    store.add(Quad(NamedNode(f"urn:test:{n}"), NamedNode("urn:p"), Literal(f"value {n}"), G) for n in range(ROWS))
    return store


@pytest.fixture
def pool(graph: GraphStore) -> Iterator[ReaderPool]:
    """Two readers."""
    opened = ReaderPool(graph, size=2, memory=400 << 20, patience=30.0)
    yield opened
    opened.close()


def value(pool: ReaderPool, query: Query = COUNT) -> int:
    answer = json.loads(pool.run(query, LIMITS).read())
    [row] = answer["results"]["bindings"]
    return int(row["n"]["value"])


def entered(pool: ReaderPool, query: Query) -> Result:
    """Return a query that has a reader."""
    given = threading.Event()
    result = pool.enter(query, LIMITS, given.set)
    assert result.reader is not None or given.wait(10)
    return result


def open_files() -> int:
    """Return how many files are open but for RocksDB's tables: it keeps these open, and merges them by and by."""
    listed = os.listdir("/proc/self/fd")  # noqa: PTH208 - Path would open one more
    names = [os.readlink(f"/proc/self/fd/{fd}") for fd in listed if os.path.lexists(f"/proc/self/fd/{fd}")]  # noqa: PTH115
    return sum(not name.endswith(".sst") for name in names)


def all_children() -> set[int]:
    return set(map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()))


@pytest.fixture(autouse=True)
def _others(graph: GraphStore) -> None:  # noqa: ARG001 - its writer is there before the test as well
    """Note the children that there are before a test, such as multiprocessing's resource tracker."""
    OTHERS.clear()
    OTHERS.update(all_children())


def children() -> dict[int, str]:
    """Return the child processes that came since the test began, and their states."""
    found = {pid: Path(f"/proc/{pid}/stat") for pid in all_children() - OTHERS}
    return {pid: stat.read_text().rpartition(")")[2].split()[0] for pid, stat in found.items() if stat.exists()}


def test_a_reader_sees_each_commit_at_once(pool: ReaderPool, graph: GraphStore) -> None:
    for number in range(1, 20):
        graph.update(f"INSERT DATA {{ GRAPH <urn:h> {{ <urn:s> <urn:p> {number} }} }}")
        result = pool.run(COUNT, LIMITS)
        assert result.generation == graph.generation
        assert b'"%d"' % (ROWS + number) in result.read()


def test_rows_are_counted(pool: ReaderPool) -> None:
    result = pool.run(ALL, LIMITS)
    assert len(json.loads(result.read())["results"]["bindings"]) == result.rows == ROWS


def test_the_dataset_is_the_callers(pool: ReaderPool) -> None:
    assert value(pool) == ROWS
    assert value(pool, Query(COUNT.text, union=False)) == 0
    assert value(pool, Query(COUNT.text, default_graphs=(G.value,))) == ROWS
    assert value(pool, Query(COUNT.text, default_graphs=("urn:other",))) == 0
    named = "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }"
    assert value(pool, Query(named, named_graphs=("urn:other",))) == 0
    assert value(pool, Query(named, named_graphs=(G.value,))) == ROWS


@pytest.mark.parametrize(("dump", "lines"), [(Dump(), 0), (Dump(G.value), ROWS), (Dump(whole=True), ROWS)])
def test_dumps(pool: ReaderPool, dump: Dump, lines: int) -> None:
    assert pool.run(dump, LIMITS).read().count(b"\n") == lines


def test_xml_cannot_hold_a_noncharacter_wherever_it_is_cut(pool: ReaderPool) -> None:
    for size in range(65_250, 65_550):
        text = f'SELECT (CONCAT("{"x" * size}", "\ufffe", "{"y" * 400}") AS ?o) {{}}'
        with pytest.raises(NotInFormat, match=r"U\+FFFE"):
            pool.run(Query(text, "application/sparql-results+xml"), LIMITS).read()
        whole = text.replace("\ufffe", "\ufffd\\r")
        assert b"\xef\xbf\xbd&#13;" in pool.run(Query(whole, "application/sparql-results+xml"), LIMITS).read()


FAULTS: list[tuple[Query | Dump, Limits, type[StorageError]]] = [
    (Query("SELECT * {"), LIMITS, QuerySyntaxError),
    (Query("SELECT (<urn:f>(1) AS ?x) {}"), LIMITS, QueryEvaluationError),
    (Dump(format="text/nothing"), LIMITS, QueryEvaluationError),
    (ALL, Limits(rows=ROWS - 1), RowLimitExceeded),
    (LONG, Limits(rows=10), RowLimitExceeded),
    (LONG, Limits(bytes=100_000), ByteLimitExceeded),
    (FOR_EVER, Limits(seconds=0.05), DeadlineExceeded),
    (FOR_EVER, Limits(seconds=0), DeadlineExceeded),
    (FOR_EVER, Limits(until=0.0), DeadlineExceeded),
    (LONG, Limits(seconds=0.2), DeadlineExceeded),
]


@pytest.mark.parametrize(("request_", "limits", "error"), FAULTS)
def test_what_goes_wrong_is_named_and_the_pool_goes_on(
    pool: ReaderPool, request_: Query | Dump, limits: Limits, error: type[StorageError]
) -> None:
    for _ in range(3):
        assert value(pool) == ROWS  # a reader has the newest snapshot then: none has to be waited for
        with pytest.raises(error):
            pool.run(request_, limits).read()
    assert pool.busy == 0
    assert value(pool) == ROWS
    assert set(children().values()) <= {"S", "R"}


HUNGRY = {
    "sort": "SELECT * { ?a ?b ?c . ?d ?e ?f } ORDER BY ?c ?f",
    "join": "SELECT DISTINCT ?c ?f ?i { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    "concat": "SELECT (GROUP_CONCAT(?c) AS ?x) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }",
    "group": "SELECT ?c ?f (COUNT(?i) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i } GROUP BY ?c ?f ?i",
}


@pytest.mark.parametrize("kind", HUNGRY)
def test_a_query_that_needs_too_much_memory_is_ended(graph: GraphStore, kind: str) -> None:
    pool = ReaderPool(graph, size=1, memory=200 << 20)
    with pytest.raises(MemoryLimitExceeded, match="200 MiB"):
        pool.run(Query(HUNGRY[kind]), Limits(seconds=240)).read()  # two of an idle machine, where all else goes first
    assert value(pool) == ROWS
    pool.close()


def test_a_reader_killed_while_it_answers(pool: ReaderPool) -> None:
    result = pool.run(LONG, LIMITS)
    assert result.reader is not None
    os.kill(result.reader.pid, signal.SIGKILL)
    with pytest.raises(ReaderCrashed):
        result.read()
    assert value(pool) == ROWS
    assert len(children()) == 2


def test_idle_readers_killed_are_replaced_unseen(pool: ReaderPool) -> None:
    for reader in list(pool._free):
        os.kill(reader.pid, signal.SIGKILL)
        os.waitid(os.P_PID, reader.pid, os.WEXITED | os.WNOWAIT)
    assert value(pool) == ROWS
    assert value(pool) == ROWS


def test_a_query_cancelled_while_its_reader_opens_the_graph_says_so(
    graph: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = ReaderPool(graph, size=1)
    try:
        assert value(pool) == ROWS
        result = pool.enter(COUNT, LIMITS, lambda: None)
        assert result.reader is not None
        os.kill(result.reader.pid, signal.SIGKILL)
        until(lambda: result.reader is not None and not result.reader.alive)
        refresh = Reader.refresh

        def cancelled_first(reader: Reader) -> None:
            result.cancel()
            refresh(reader)

        monkeypatch.setattr(Reader, "refresh", cancelled_first)
        with pytest.raises(Cancelled):
            result.begin()
        result.close()
    finally:
        pool.close()


def test_when_all_are_busy(pool: ReaderPool) -> None:
    busy = [pool.run(LONG, LIMITS) for _ in range(2)]
    pool.patience = 0.0
    with pytest.raises(Overloaded):
        pool.run(COUNT, LIMITS)
    assert pool.busy == 2
    for result in busy:
        result.close()
        result.close()
    assert pool.busy == 0
    pool.patience = 30.0
    assert value(pool) == ROWS


@pytest.fixture
def busy(pool: ReaderPool) -> Iterator[list[Result]]:
    """Queries that keep all readers busy."""
    results = [pool.run(LONG, LIMITS) for _ in range(pool.size)]
    yield results
    for result in results:
        result.close()


def test_the_queue_is_served_in_the_order_of_coming(pool: ReaderPool, busy: list[Result]) -> None:
    got: SimpleQueue[int] = SimpleQueue()
    waiting = [pool.enter(COUNT, LIMITS, partial(got.put, number)) for number in range(5)]
    waiting[1].close()
    assert pool.waiting == 4
    busy[0].close()
    for number in (0, 2, 3, 4):  # each passes its reader on to the next
        assert got.get(timeout=10) == number
        assert got.empty()
        waiting[number].close()


def test_a_queue_is_bounded(graph: GraphStore) -> None:
    pool = ReaderPool(graph, size=1, most_waiting=2)
    value(pool)
    results = [pool.enter(COUNT, LIMITS, lambda: None) for _ in range(3)]
    with pytest.raises(Overloaded, match="2 queries wait"):
        pool.run(COUNT, LIMITS)
    for result in results:
        result.close()
    assert value(pool) == ROWS
    pool.close()


def test_a_query_cancelled_while_it_waits_never_takes_a_reader(pool: ReaderPool, busy: list[Result]) -> None:
    told: list[int] = []
    waiting = pool.enter(COUNT, LIMITS, lambda: told.append(1))
    waiting.cancel()
    waiting.cancel()
    assert (told, pool.waiting, len(pool.results())) == ([1], 0, 3)
    busy[0].close()
    assert (pool.busy, waiting.reader) == (1, None)
    with pytest.raises(Cancelled):
        waiting.begin()
    waiting.close()


@pytest.mark.parametrize("query", [FOR_EVER, LONG])
def test_a_running_query_is_cancelled(pool: ReaderPool, query: Query) -> None:
    begun, ended = threading.Event(), threading.Event()
    value(pool)  # so that a reader is where the query wants it
    result = pool.enter(query, LIMITS, ended.set)

    def work() -> None:
        result.begin()
        begun.set()
        result.read()

    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(work)
        begun.wait()
        result.cancel()
        with pytest.raises(Cancelled):
            working.result()
    assert ended.is_set()
    assert pool.busy == 0
    assert value(pool) == ROWS


def test_a_query_cancelled_before_it_is_asked_leaves_its_reader_alone(pool: ReaderPool) -> None:
    result = entered(pool, FOR_EVER)
    result.cancel()
    with pytest.raises(Cancelled):
        result.begin()
    result.close()
    assert value(pool) == ROWS


def test_what_has_ended_cannot_be_cancelled(pool: ReaderPool) -> None:
    result = pool.run(COUNT, LIMITS)
    result.cancel()
    assert b"%d" % ROWS in result.read()
    assert pool.killed == 0


def test_the_queries_of_one_who_has_gone_end_and_no_more_begin(pool: ReaderPool) -> None:
    asker = Asker("1", "somebody")
    token = ASKER.set(asker)
    try:
        mine = pool.run(LONG, LIMITS)
        ASKER.set(Asker("1", "another"))
        other = pool.run(LONG, LIMITS)
        pool.end(asker)
        with pytest.raises(Cancelled):
            mine.read()
        ASKER.set(asker)
        with pytest.raises(Cancelled):
            pool.run(COUNT, LIMITS)
        assert other.cancelled is None
        other.close()
    finally:
        ASKER.reset(token)


def test_queries_are_listed_with_their_states(pool: ReaderPool) -> None:
    sending, running = pool.run(LONG, LIMITS), entered(pool, FOR_EVER)
    running.begin()
    waiting = pool.enter(Dump(G.value), LIMITS, lambda: None)
    assert [result.state for result in pool.results()] == ["sending", "running", "waiting"]
    assert [result.text for result in pool.results()] == [LONG.text, FOR_EVER.text, f"# the graph {G.value}"]
    next(iter(sending))
    assert sending.rows > 0
    for result in (waiting, running, sending):
        result.close()
    assert pool.results() == []


def test_where_no_process_can_be_started_the_next_query_tries_again(
    pool: ReaderPool, busy: list[Result], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/nowhere/python")
        for result in busy:
            result.close()
        with pytest.raises(ReaderCrashed):
            pool.run(COUNT, LIMITS)
        assert "cannot be started" in caplog.text
    results = [pool.run(LONG, LIMITS) for _ in range(2)]
    assert len(children()) == 2
    for result in results:
        result.close()
    assert value(pool) == ROWS


def test_readers_give_way_to_the_server_in_memory_and_time(pool: ReaderPool) -> None:
    assert value(pool) == ROWS
    assert {Path(f"/proc/{reader.pid}/oom_score_adj").read_text().strip() for reader in pool._free} >= {"500"}
    nice = {os.getpriority(os.PRIO_PROCESS, reader.pid) for reader in pool._free}
    assert max(nice) > os.getpriority(os.PRIO_PROCESS, 0)


def test_closing_ends_everything(pool: ReaderPool) -> None:
    result = pool.run(LONG, LIMITS)
    pool.close()
    pool.close()
    with pytest.raises(Closed):
        result.read()
    with pytest.raises(Closed):
        pool.run(COUNT, LIMITS)
    assert children() == {}


def test_many_threads_with_faults_among_them_leak_nothing(graph: GraphStore, directory: DataDirectory) -> None:
    pool = ReaderPool(graph, size=2, patience=60)
    assert value(pool) == ROWS
    files = open_files()

    def work(number: int) -> bool:
        if number % 10 == 0:
            with pytest.raises((DeadlineExceeded, Overloaded)):
                pool.run(FOR_EVER, Limits(seconds=0.02))
        elif number % 10 == 5:
            pool.run(LONG, LIMITS).close()
        elif number % 10 == 7:
            graph.update(f"INSERT DATA {{ GRAPH <urn:h> {{ <urn:s> <urn:p> {number} }} }}")
        else:
            return value(pool) >= ROWS
        return True

    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(work, range(60)))
    assert value(pool) == value(pool) == ROWS + 6
    assert open_files() <= files + 1  # the log that is synced is kept open
    until(lambda: len(children()) == 2)  # they are those of threads that have ended, which the kernel passes on
    assert len(list(directory.snapshots.glob("*.*"))) <= 3
    pool.close()
    assert children() == {}


def test_after_an_update_one_reader_moves_on_and_serves_all_short_queries(graph: GraphStore) -> None:
    pool = ReaderPool(graph, size=3, patience=60)
    slow = [pool.run(COUNT, LIMITS) for _ in range(3)]
    for result in slow:
        result.close()
    graph.update("INSERT DATA { GRAPH <urn:more> { <urn:s> <urn:p> 1 } }")
    for _ in range(20):
        assert value(pool) == ROWS + 1
    moved = [reader.has(graph.generation) for reader in pool._free]
    assert moved == [False, False, True]
    pool.close()


def test_queries_that_wait_for_long_ones_get_further_readers(pool: ReaderPool, graph: GraphStore) -> None:
    graph.update("INSERT DATA { GRAPH <urn:more> { <urn:s> <urn:p> 1 } }")
    long = pool.run(LONG, LIMITS)
    assert value(pool) == ROWS + 1
    assert long.reader is not None
    assert long.reader.has(graph.generation)
    long.close()


def test_a_blank_node_in_two_patterns_is_told_of(pool: ReaderPool) -> None:
    with pytest.raises(QuerySyntaxError, match=r"line 1, column 42: .* blank node"):
        pool.run(Query("SELECT * { ?x ?p _:m OPTIONAL { ?x ?q _:m } }"), LIMITS).read()
