"""Clients that leave, wait, are slow or are cancelled, on real sockets; readers that die."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from http.client import HTTPResponse, IncompleteRead
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest

from server.asking import Ahead
from tests.support.inside import Inside, inside
from tests.support.raw import Wire, ask, connected, head
from tests.support.waiting import until

FOR_EVER = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l }"
ENDLESS = "SELECT * { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
MIDDLING = (
    "SELECT * { ?a ?b ?c . ?d ?e ?f . FILTER(?a != ?d) } LIMIT 12000"  # more than sockets hold, less than Ahead
)
SECOND = f"SELECT (COUNT(*) AS ?n) {{ {{ {ENDLESS} LIMIT 1000000 }} }}"  # about that long
COUNT = "SELECT (COUNT(*) AS ?n) { ?s <urn:p> ?o }"
ROWS = 300
LEAVING = 4 << 10  # bytes of a receive buffer that make a client slow


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """Two readers, and a graph in which some queries take for ever."""
    with inside(
        tmp_path_factory.mktemp("asking") / "data", readers=2, cache_megabytes=0, query_seconds=3600
    ) as server:
        data = " ".join(f"<urn:s{n}> <urn:p> {n} ." for n in range(ROWS))
        assert ask(server.url, "POST /update", f"INSERT DATA {{ {data} }}".encode(), **UPDATE)[0] == 204
        yield server


UPDATE = {"content_type": "application/sparql-update"}


@pytest.fixture(autouse=True)
def _all_is_free_afterwards(served: Inside) -> Iterator[None]:
    """Whatever a test did, both readers can be had in the end, and answer."""
    yield
    readers = served.twin.readers
    until(lambda: readers.busy == readers.waiting == 0 and not readers.results())
    assert all(is_right(served) for _ in range(4))


def is_right(served: Inside) -> bool:
    status, _, body = ask(served.url, get(COUNT))
    return (status, b'"%d"' % ROWS in body) == (200, True)


def get(query: str, more: str = "") -> str:
    return f"GET /query?query={quote(query)}{more}"


def asking(stack: ExitStack, served: Inside, query: str, receive_buffer: int | None = None) -> Wire:
    """Send a query, whose answer is not read."""
    wire = stack.enter_context(connected(served.url, receive_buffer))
    wire.send(head(get(query)))
    return wire


def states(served: Inside) -> list[str]:
    return [result.state.value for result in served.twin.readers.results()]


def pids(served: Inside) -> set[int]:
    return {result.reader.pid for result in served.twin.readers.results() if result.reader is not None}


@pytest.mark.parametrize("query", [FOR_EVER, ENDLESS], ids=["before the first byte", "after it"])
def test_clients_that_leave_free_their_readers(served: Inside, query: str) -> None:
    state = "running" if query == FOR_EVER else "sending"
    for _ in range(3):
        with ExitStack() as clients:
            for _ in range(2):
                asking(clients, served, query)
            until(lambda: states(served) == [state] * 2)
        until(lambda: served.twin.readers.busy == 0)


def test_a_query_that_soon_ends_leaves_its_reader_alive_when_its_client_leaves(
    served: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.asking._GRACE", 60.0)
    killed = served.twin.readers.killed
    for query in (SECOND, f"{ENDLESS} LIMIT 300000"):
        with ExitStack() as clients:
            asking(clients, served, query)
            until(lambda: states(served) in (["running"], ["sending"]))
        until(lambda: served.twin.readers.busy == 0)
    assert served.twin.readers.killed == killed


def test_a_query_whose_client_has_left_can_be_cancelled(served: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.asking._GRACE", 60.0)
    with ExitStack() as clients:
        asking(clients, served, FOR_EVER)
        until(lambda: states(served) == ["running"])
    until(lambda: served.lingering() == 1)
    [underway] = served.twin.readers.results()
    assert underway.asker is not None
    assert ask(served.url, f"DELETE /queries/{underway.asker.request}")[0] == 204
    until(lambda: served.twin.readers.busy == served.lingering() == 0)


def test_clients_that_leave_while_they_wait_never_take_a_reader(served: Inside) -> None:
    with ExitStack() as busy:
        for _ in range(2):
            asking(busy, served, FOR_EVER)
        until(lambda: states(served) == ["running"] * 2)
        readers, killed = pids(served), served.twin.readers.killed
        with ExitStack() as waiting:
            for _ in range(5):
                asking(waiting, served, FOR_EVER)
            until(lambda: served.twin.readers.waiting == 5)
        until(lambda: served.twin.readers.waiting == 0)
        assert (pids(served), served.twin.readers.killed) == (readers, killed)


def test_the_thread_of_a_reading_frees_its_reader_too(served: Inside) -> None:
    endless = "SELECT ?point { ?point ?b ?c . ?d ?e ?f . ?g ?h ?i . FILTER(?c = -1) }"
    with ExitStack() as clients:
        wire = clients.enter_context(connected(served.url))
        wire.send(head(f"GET /readings?query={quote(endless)}"))
        until(lambda: states(served) == ["running"])
    until(lambda: served.twin.readers.busy == 0)


def test_what_waits_is_answered_once_a_reader_is_free(served: Inside) -> None:
    with ExitStack() as clients:
        busy = [asking(clients, served, FOR_EVER) for _ in range(2)]
        until(lambda: states(served) == ["running"] * 2)
        wires = [asking(clients, served, COUNT) for _ in range(6)]
        until(lambda: served.twin.readers.waiting == 6)
        busy[0].close()
        assert [wire.answer().status for wire in wires] == [200] * 6


def test_the_time_in_the_queue_makes_no_answer_worth_keeping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.protocols.sparql._COSTLY", 1.0)
    with inside(tmp_path / "data", readers=1) as server, ExitStack() as stack:
        data = " ".join(f"<urn:s{n}> <urn:p> {n} ." for n in range(ROWS))
        ask(server.url, "POST /update", f"INSERT DATA {{ {data} }}".encode(), **UPDATE)
        assert is_right(server)  # the reader has the newest snapshot
        kept = len(server.twin.answers)  # that one, where a reader had to move on for it
        first = asking(stack, server, FOR_EVER)
        until(lambda: states(server) == ["running"])
        second = asking(stack, server, "ASK {}")
        until(lambda: server.twin.readers.waiting == 1)
        [*_, waiting] = server.twin.readers.results()
        until(lambda: time.monotonic() > waiting.began + 1.0)
        first.close()
        assert second.answer().status == 200
        assert len(server.twin.answers) == kept


def test_a_full_queue_is_503_with_a_time_to_come_back(served: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.twin.readers, "_most_waiting", 1)
    with ExitStack() as clients:
        for _ in range(3):
            asking(clients, served, FOR_EVER)
        until(lambda: served.twin.readers.waiting == 1)
        status, headers, body = ask(served.url, get(COUNT))
        assert (status, headers["retry-after"], b"overloaded" in body) == (503, "1", True)


def test_who_waits_too_long_is_503(served: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as clients:
        for _ in range(2):
            asking(clients, served, FOR_EVER)
        until(lambda: states(served) == ["running"] * 2)
        monkeypatch.setattr(served.twin.readers, "patience", 0.05)
        status, headers, _ = ask(served.url, get(COUNT))
        assert (status, headers["retry-after"]) == (503, "1")


READINGS = "SELECT ?v { ?o sosa:madeBySensor ?s ; sosa:hasSimpleResult ?v . ?s <urn:p> 1 }"
OVER_READINGS = f"PREFIX sosa: <http://www.w3.org/ns/sosa/> {READINGS}"
POINTS = quote("SELECT ?point { ?point <urn:p> 1 }")
WAITING = {
    "rows": get(COUNT),
    "arrow": get(COUNT, "&format=arrow"),
    "parquet": get(COUNT, "&format=parquet"),
    "readings in SPARQL": get(OVER_READINGS),
    "readings in SPARQL as a table": get(OVER_READINGS, "&format=arrow"),
    "explained": get(COUNT, "&explain=true"),
    "of points by a query": f"GET /readings?query={POINTS}",
    "latest": f"GET /latest?query={POINTS}",
    "to be deleted": f"DELETE /readings?query={POINTS}",
}


@pytest.mark.parametrize("line", WAITING.values(), ids=WAITING)
def test_who_has_less_time_waits_no_longer_than_that(
    served: Inside, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.setattr(served.twin.readers, "patience", 3600.0)
    assert ask(served.url, get(OVER_READINGS))[0] == 200  # what it has to know of the graph is known then
    with ExitStack() as clients:
        for _ in range(2):
            asking(clients, served, FOR_EVER)
        until(lambda: states(served) == ["running"] * 2)
        status, headers, _ = ask(served.url, f"{line}&timeout=0.05")
        assert status == 504 or (status, headers["retry-after"]) == (503, "1")  # a slow machine does not get to wait


def test_the_points_of_a_graph_that_has_changed_are_waited_for_no_longer_than_that(
    served: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served.twin.readers, "patience", 3600.0)
    with ExitStack() as clients:
        for _ in range(2):
            asking(clients, served, FOR_EVER)
        until(lambda: states(served) == ["running"] * 2)
        point = f"<urn:w> <https://brickschema.org/schema/Brick/ref#hasTimeseriesId> '{uuid4()}'"
        assert ask(served.url, "POST /update", f"INSERT DATA {{ {point} }}".encode(), **UPDATE)[0] == 204
        assert ask(served.url, f"GET /readings?point={uuid4()}&timeout=0.05")[0] == 504
        assert ask(served.url, f"{get(OVER_READINGS)}&timeout=0.05")[0] == 504
    assert ask(served.url, f"GET /readings?point={uuid4()}")[0] == 200


def test_the_time_that_a_client_gives_begins_before_its_query_does(served: Inside) -> None:
    with ExitStack() as clients:
        busy = [asking(clients, served, FOR_EVER) for _ in range(2)]
        until(lambda: states(served) == ["running"] * 2)
        wire = clients.enter_context(connected(served.url))
        wire.send(head(get(FOR_EVER, "&timeout=1")))
        until(lambda: served.twin.readers.waiting == 1)
        [waiting] = [result for result in served.twin.readers.results() if result.reader is None]
        busy[0].close()
        until(lambda: waiting.reader is not None)
        assert waiting.limits.until <= waiting.began + 1
        assert wire.answer().status == 504


def test_a_slow_client_does_not_hold_the_reader_of_what_can_be_taken_ahead(served: Inside) -> None:
    _, _, whole = ask(served.url, get(MIDDLING))
    with ExitStack() as clients:
        wire = asking(clients, served, MIDDLING, LEAVING)
        answer = wire.answer()
        until(lambda: served.twin.readers.busy == 0)
        assert answer.read() == whole
    assert len(whole) > 1 << 20


def test_a_slow_client_of_more_is_cut_off_at_the_deadline(served: Inside) -> None:
    with ExitStack() as clients:
        wire = clients.enter_context(connected(served.url, LEAVING))
        wire.send(head(get(ENDLESS, "&timeout=0.5")))
        answer = wire.answer()
        until(lambda: served.twin.readers.busy == 0)
        with pytest.raises((IncompleteRead, ConnectionError)):
            answer.read()


def test_the_deadline_before_the_first_byte_is_504(served: Inside) -> None:
    assert ask(served.url, get(FOR_EVER, "&timeout=0.05"))[0] == 504


def test_head_frees_the_reader(served: Inside) -> None:
    status, headers, body = ask(served.url, get(ENDLESS).replace("GET", "HEAD", 1))
    assert (status, headers["content-type"], body) == (200, "application/sparql-results+json", b"")


def test_a_query_sees_what_was_written_before_it(served: Inside) -> None:
    for number in range(5):
        assert ask(served.url, "POST /update", b"INSERT DATA { <urn:w> <urn:q> %d }" % number, **UPDATE)[0] == 204
        assert b'"%d"' % number in ask(served.url, get("SELECT (MAX(?o) AS ?m) { <urn:w> <urn:q> ?o }"))[2]


def complete(served: Inside, query: str) -> tuple[int, int]:
    """Return status and size of an answer; a broken connection is status 0."""
    try:
        status, _, body = ask(served.url, get(query))
    except (IncompleteRead, ConnectionError):
        return 0, 0
    return status, len(body)


def test_readers_killed_at_any_moment_take_nothing_else_down(served: Inside) -> None:
    chance = random.Random(7)
    sizes = {query: complete(served, query)[1] for query in (COUNT, MIDDLING)}

    def work(number: int) -> tuple[int, int, int]:
        query = (COUNT, COUNT, MIDDLING)[number % 3]
        return *complete(served, query), sizes[query]

    def kill(_number: int) -> None:
        readers = served.twin.readers
        free = [reader.pid for reader in list(readers._free)]
        until(lambda: readers.results() or free)
        for pid in chance.sample([*pids(served), *free], 1):
            os.kill(pid, signal.SIGKILL)

    with ThreadPoolExecutor(6) as threads:
        killing = threads.submit(lambda: list(map(kill, range(40))))
        found = list(threads.map(work, range(240)))
        killing.result()
    assert all(size == expected for status, size, expected in found if status == 200)
    assert {status for status, _, _ in found} <= {200, 500, 0}
    assert sum(status == 200 for status, _, _ in found) > 120


def test_clients_that_leave_while_the_graph_changes_leave_nothing_behind(served: Inside) -> None:
    chance = random.Random(3)
    snapshots = served.twin.directory.snapshots

    def change(number: int) -> int:
        return ask(served.url, "POST /update", b"INSERT DATA { <urn:c> <urn:q> %d }" % number, **UPDATE)[0]

    def leave(query: str) -> None:
        with ExitStack() as clients:
            wire = asking(clients, served, query)
            wire.socket.settimeout(chance.random() / 20)
            with suppress(TimeoutError):
                wire.socket.recv(1)

    with ThreadPoolExecutor(6) as threads:
        changes = [threads.submit(change, number) for number in range(40)]
        for leaving in [threads.submit(leave, chance.choice((COUNT, FOR_EVER, ENDLESS))) for _ in range(120)]:
            leaving.result()
        assert {done.result() for done in changes} == {204}
    until(lambda: served.twin.readers.busy == 0)
    held = {reader.snapshot.generation for reader in served.twin.readers._free if reader.snapshot}
    until(lambda: len(list(snapshots.glob("*.*"))) <= len(held) + 2)  # the newest, and what the next is made from


def test_a_crash_is_500_before_the_first_byte_and_a_broken_connection_after_it(served: Inside) -> None:
    with ExitStack() as clients:
        early = asking(clients, served, FOR_EVER)
        until(lambda: states(served) == ["running"])
        os.kill(pids(served).pop(), signal.SIGKILL)
        assert early.answer().status == 500
        late = asking(clients, served, ENDLESS)
        answer: HTTPResponse = late.answer()
        os.kill(pids(served).pop(), signal.SIGKILL)
        with pytest.raises((IncompleteRead, ConnectionError)):
            answer.read()


def test_the_bytes_taken_ahead_are_bounded_for_one_and_for_all() -> None:
    ahead = Ahead(each=10, together=15)
    assert [ahead.full(held) for held in (0, 9, 10)] == [False, False, True]
    ahead.add(15)
    assert [ahead.full(held) for held in (0, 1)] == [False, True]
    ahead.add(-1)
    assert not ahead.full(1)


def test_a_client_whose_server_ends_gets_an_error(tmp_path: Path) -> None:
    with ExitStack() as clients:
        with inside(tmp_path / "data", readers=1) as server:
            data = " ".join(f"<urn:s{n}> <urn:p> {n} ." for n in range(ROWS))
            assert ask(server.url, "POST /update", f"INSERT DATA {{ {data} }}".encode(), **UPDATE)[0] == 204
            wires = [asking(clients, server, query) for query in (FOR_EVER, COUNT)]
            until(lambda: server.twin.readers.waiting == 1)
        for wire in wires:
            try:
                status = wire.answer().status
            except (ConnectionError, OSError, IncompleteRead):
                status = 0
            assert status in (0, 500, 503)
