"""The benchmark's own parts: what they count must be so."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from ontologies.namespaces import BRICK
from tests.benchmarks.processes import PeakMemory, disk_bytes
from tests.benchmarks.report import Part, write_section
from tests.benchmarks.servers import Server, twinhouse
from tests.benchmarks.sparql import exchange, traffic
from tests.benchmarks.sparql.__main__ import TITLE, main
from tests.benchmarks.sparql.bench import point
from tests.benchmarks.sparql.traffic import Traffic, drive
from tests.support.campus import Campus

TSV = "text/tab-separated-values"
ASK = Traffic(
    "GET", "/query?query=ASK%7B%3C{item}%3E%20%3Cp{round}%3E%201%7D", {"Accept": "text/csv"}, items=("a", "b")
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with twinhouse(tmp_path_factory.mktemp("benchmark") / "data") as server:
        yield server


def test_requests_walk_through_the_items() -> None:
    lines = [request.split(b"\r\n")[0] for request in islice(ASK.requests(), 3)]
    asked = [line.removeprefix(b"GET /query?query=ASK%7B%3C").removesuffix(b"%3E%201%7D HTTP/1.1") for line in lines]
    assert asked == [b"a%3E%20%3Cp1", b"b%3E%20%3Cp1", b"a%3E%20%3Cp2"]


@pytest.fixture(params=["wrk", "threads of Python"])
def generator(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "wrk" and shutil.which("wrk") is None:
        pytest.skip("there is no wrk")
    if request.param != "wrk":
        monkeypatch.setenv("PATH", "")
    return str(request.param)


def test_traffic_counts_answers(server: Server, generator: str) -> None:
    assert traffic.generator() == generator
    rate = drive(server.port, ASK, 4, 1)
    assert rate.requests > 4
    assert 0 < rate.median <= rate.p99 < rate.seconds


def test_traffic_counts_no_errors(server: Server, generator: str) -> None:
    assert traffic.generator() == generator
    with pytest.raises(exchange.Refused):
        drive(server.port, Traffic("GET", "/query?query=ASK", {}), 2, 1)


def test_traffic_updates(server: Server, generator: str) -> None:
    graph = f"urn:{generator[:3]}"
    body = f"INSERT DATA {{ GRAPH <{graph}> {{ <urn:{{item}}> <urn:p> {{round}} }} }}"
    headers = {"Content-Type": "application/sparql-update"}
    rate = drive(server.port, Traffic("POST", "/update", headers, body, ("s", "t"), first_round=5), 2, 1)
    found = exchange.ask(server.port, f"SELECT ?s ?o {{ GRAPH <{graph}> {{ ?s ?p ?o }} }}", TSV)
    assert rate.requests <= len(found.rows) <= rate.requests + 2  # one a connection may be on its way in the end
    assert {b"<urn:t>\t5", b"<urn:s>\t6"} <= set(found.rows)


def test_answers_are_compared_whatever_their_order(server: Server) -> None:
    def values(text: str) -> exchange.Answer:
        return exchange.ask(server.port, f"SELECT ?x {{ VALUES ?x {{ {text} }} }}", TSV)

    assert values("1 2 2").digest == values("2 1 2").digest
    assert values("1 2 2").digest != values("1 1 2").digest
    assert len(values("1 2 2").rows) == 3


def test_errors_are_refusals(server: Server) -> None:
    with pytest.raises(exchange.Refused, match=r"400 .*query-syntax"):
        exchange.ask(server.port, "SELECT", TSV)


def test_every_point_of_a_campus_is_found_by_its_number() -> None:
    whole = Campus(buildings=2, floors=2, zones=3)
    lines = (
        line for number in range(whole.buildings) for text in whole.building(number) for line in text.splitlines()
    )
    points = {line.split()[2] for line in lines if f" {BRICK['hasPoint']} " in line}
    assert {f"<{point(whole, number)}>" for number in range(whole.points)} == points


def test_memory_is_that_of_all_processes_and_bounded() -> None:
    child = "x = bytearray(64 << 20); input()"
    text = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{child}'])"
    with subprocess.Popen([sys.executable, "-c", text], stdin=subprocess.PIPE) as process:
        memory = PeakMemory(process)
        while memory.take() < 64 << 20:
            pass  # the test's own time limit ends a wait in vain
        assert not memory.exceeded
        memory.allowed = 1 << 20
        process.wait()
        memory.close()
        assert memory.exceeded


def test_a_file_with_two_names_takes_its_place_once(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x" * 100_000)
    once = disk_bytes(tmp_path)
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    assert disk_bytes(tmp_path) == once >= 100_000


def test_a_section_replaces_itself_alone(tmp_path: Path) -> None:
    (docs := tmp_path / "docs.md").write_text("# Benchmarks\n\n## The join\n\nText.\n")
    for number in (1, 2):
        part = Part("Part", ("what", "figure"), "Text.")
        part.add("rate", str(number))
        write_section(f"{TITLE}\n\n{part.markdown()}", docs)
        docs.write_text(docs.read_text().rstrip() + "\n" + "\n## After\n" * (number == 1))
    table = "| what | figure |\n|---|--:|\n| rate | 2 |\n"
    assert (
        docs.read_text()
        == f"# Benchmarks\n\n## The join\n\nText.\n\n{TITLE}\n\n### Part\n\nText.\n\n{table}\n## After\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"), [(["--help"], 0, "--write-docs"), (["--only", "x"], 2, "no x")]
)
def test_the_command(
    arguments: list[str], code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["sparql", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    assert said in "".join(capsys.readouterr())
