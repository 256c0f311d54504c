"""Queries that wait behind another in the same reader, with real readers."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pyoxigraph import Literal, NamedNode, Quad

from storage.errors import Cancelled, DeadlineExceeded
from storage.graph.process import Reader
from storage.graph.queries import Limits, Query
from storage.graph.reader import PACKET
from storage.graph.readers import ReaderPool
from storage.graph.results import Result
from storage.graph.store import GraphStore
from tests.support.waiting import until

FOR_EVER = Query("SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }")
LONG = Query("SELECT * { ?s ?p ?o . ?a ?b ?c }")  # more than a pipe holds
COUNT = Query("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }")
SHORT = [Query(f"SELECT (COUNT(*) AS ?n{n}) {{ ?s ?p ?o }}") for n in range(6)]
LIMITS = Limits(seconds=60)
ROWS = 500


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a query count as short on a slow machine as well."""
    monkeypatch.setattr("storage.graph.waiting.SOON", 60.0)


@pytest.fixture
def graph(store: GraphStore) -> GraphStore:
    store.add(Quad(NamedNode(f"urn:test:{n}"), NamedNode("urn:p"), Literal(str(n)), None) for n in range(ROWS))
    return store


@pytest.fixture
def pool(graph: GraphStore) -> Iterator[ReaderPool]:
    """One reader, which has opened the graph."""
    opened = ReaderPool(graph, size=1)
    opened.run(COUNT, LIMITS).read()
    yield opened
    opened.close()


def begun(pool: ReaderPool, query: Query, limits: Limits = LIMITS) -> Result:
    result = pool.enter(query, limits, lambda: None)
    assert result.begin_promptly()
    return result


def answer(result: Result) -> bytes:
    """Return the answer of a query that has waited."""
    until(lambda: result.reader is not None)
    result.begin()
    return result.read()


def is_right(answer: bytes, query: Query) -> bool:
    return b'"%d"' % ROWS in answer and query.text.split()[3].strip("?)").encode() in answer


def has_packets(reader: Reader) -> bool:
    """Tell whether a reader has been sent what it has not begun with."""
    return bool(select.select([reader._far], [], [], 0)[0])


def behind(pool: ReaderPool, first: Result, query: Query = COUNT) -> Result:
    """Return a query that waits behind the first."""
    second = pool.enter(query, LIMITS, lambda: None)
    assert (second.reader, second.sent, second.state, pool.waiting) == (None, first.reader, "waiting", 1)
    return second


def test_each_has_its_own_answer_in_the_order_of_coming(pool: ReaderPool) -> None:
    results = [begun(pool, SHORT[0]), *(pool.enter(query, LIMITS, lambda: None) for query in SHORT[1:])]
    for result, query in zip(results, SHORT, strict=True):
        assert is_right(answer(result), query)
    assert (pool.busy, pool.waiting, pool.killed) == (0, 0, 0)


def test_two_answers_come_by_one_read(pool: ReaderPool) -> None:
    first = begun(pool, SHORT[0])
    second = behind(pool, first, SHORT[1])
    reader = first.held
    until(lambda: not has_packets(reader))
    until(lambda: "S" in Path(f"/proc/{reader.pid}/stat").read_text().rpartition(")")[2].split()[0])
    assert is_right(first.read(), SHORT[0])
    assert reader.has_next
    assert is_right(answer(second), SHORT[1])


def test_who_waits_behind_a_long_query_gets_another_reader(graph: GraphStore) -> None:
    pool = ReaderPool(graph, size=2)
    try:
        pool.run(COUNT, LIMITS).read()
        first = begun(pool, FOR_EVER)
        second = pool.enter(COUNT, LIMITS, lambda: None)
        assert is_right(answer(second), COUNT)
        assert not first.ended
        assert pool.killed == 0
        first.close()
    finally:
        pool.close()


def test_the_end_of_a_reader_does_no_harm_to_who_waits_behind(pool: ReaderPool) -> None:
    first = begun(pool, FOR_EVER, Limits(seconds=0.2))
    second = behind(pool, first)
    with pytest.raises(DeadlineExceeded):
        first.read()
    assert is_right(answer(second), COUNT)
    assert pool.killed == 1


def test_a_cancelled_query_does_no_harm_to_who_waits_behind(pool: ReaderPool) -> None:
    first = begun(pool, FOR_EVER)
    second = behind(pool, first)
    first.cancel()
    with pytest.raises(Cancelled):
        first.read()
    assert is_right(answer(second), COUNT)


@pytest.mark.parametrize("way", [Result.cancel, Result.close])
def test_who_leaves_does_no_harm_to_the_one_before(pool: ReaderPool, way: Callable[[Result], None]) -> None:
    first = begun(pool, LONG, LIMITS)
    first.take()  # so that it is underway
    second = behind(pool, first, FOR_EVER)
    way(second)
    assert pool.waiting == 0
    assert len(first.read()) > 1 << 20
    second.close()
    assert is_right(pool.run(COUNT, LIMITS).read(), COUNT)
    assert pool.killed == 0


def test_who_leaves_when_the_reader_has_begun_ends_the_reader(pool: ReaderPool) -> None:
    first = begun(pool, COUNT)
    second = behind(pool, first, FOR_EVER)
    reader = first.held
    until(lambda: not has_packets(reader))
    second.cancel()
    second.close()
    assert is_right(first.read(), COUNT)
    assert is_right(pool.run(COUNT, LIMITS).read(), COUNT)
    assert (pool.waiting, pool.killed) == (0, 1)


def test_nobody_waits_behind_a_slow_client(pool: ReaderPool) -> None:
    first = begun(pool, LONG)
    first.take()
    second = behind(pool, first)
    assert first.pause()
    third = pool.enter(COUNT, LIMITS, lambda: None)
    assert (second.sent, third.sent, pool.waiting) == (None, None, 2)
    first.close()
    assert answer(second)
    assert answer(third)


def test_a_slow_client_keeps_reading_what_is_before_an_answer_already(pool: ReaderPool) -> None:
    first = begun(pool, COUNT)
    second = behind(pool, first, FOR_EVER)
    until(lambda: not has_packets(first.held))
    assert not first.pause()
    first.read()
    assert second.reader is not None
    second.close()


def test_a_request_of_several_packets_waits_in_line(pool: ReaderPool) -> None:
    first = begun(pool, FOR_EVER)
    long = pool.enter(Query(f"{COUNT.text} # {'x' * PACKET * 40}"), LIMITS, lambda: None)
    assert (long.sent, pool.waiting) == (None, 1)
    first.cancel()
    first.close()
    assert is_right(answer(long), COUNT)


def test_after_a_moment_nobody_waits_behind_a_query_any_more(
    pool: ReaderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.graph.waiting.SOON", 0.0)
    first = begun(pool, FOR_EVER)
    second = pool.enter(COUNT, LIMITS, lambda: None)
    assert (second.sent, pool.waiting) == (None, 1)
    first.close()
    assert answer(second)
