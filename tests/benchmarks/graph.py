"""Measures writes to the graph: large documents, many small updates, and queries in a stream of updates.

    python -m tests.benchmarks.graph --triples 1000000

Prints a Markdown table. All data lies in a temporary folder (`--folder`: where).
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

from ontologies.errors import FormatError
from server.errors import Problem
from server.settings import Settings
from server.twin.models import Model
from server.twin.service import Twin
from storage.graph.queries import Limits, Query
from tests.benchmarks.processes import resident_bytes

SITE = "https://bench.example/site#"
BRICK = "https://brickschema.org/schema/Brick#"
A = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
LABEL = "<http://www.w3.org/2000/01/rdf-schema#label>"


def write_document(path: Path, triples: int) -> None:
    """Write N-Triples of things with a label, a part and a value at a blank node: 125 bytes a triple."""
    with path.open("w") as file:
        for number in range(triples // 5):
            thing = f"<{SITE}thing{number}>"
            file.write(
                f"{thing} {A} <{BRICK}Equipment> .\n{thing} {LABEL} 'thing number {number}' .\n".replace("'", '"')
            )
            file.write(f"{thing} <{BRICK}isPartOf> <{SITE}system{number // 20}> .\n")
            file.write(f"{thing} <{BRICK}hasValue> _:value{number} .\n")
            file.write(f'_:value{number} <{BRICK}value> "{number}" .\n')


def row(what: str, figure: str) -> None:
    print(f"| {what} | {figure} |", flush=True)


def timed(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def own_peak() -> int:
    """Return the most memory, in MB, that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // 1_000_000


@contextmanager
def peak_memory() -> Iterator[Callable[[], int]]:
    """Lend what tells the most memory, in MB, that this process and all its children have had together."""
    ended, most = threading.Event(), [0]

    def sample() -> None:
        while not ended.wait(0.1):
            most[0] = max(most[0], resident_bytes(os.getpid()))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield lambda: most[0] // 1_000_000
    finally:
        ended.set()
        thread.join()


def measure_loads(twin: Twin, document: Path, triples: int) -> None:
    model = Model(document, "bench.nt", graph="urn:bench")
    for state in ("an empty graph", "the same graph again"):
        with peak_memory() as peak:
            seconds = timed(lambda: twin.load(model))
            row(f"load of {triples:,} triples into {state}", f"{seconds:.1f} s, {peak():,} MB")
    with document.open("a") as file:
        file.write("<urn:a:s> <urn:a:p> oops .\n")

    def refused() -> None:
        try:
            twin.load(model)
        except (FormatError, Problem):
            return
        raise AssertionError("the document is broken, and was loaded")

    row("the same with an error in the last line, refused", f"{timed(refused):.1f} s")
    row("most memory that the server's own process has had", f"{own_peak():,} MB")


def measure_updates(twin: Twin, seconds: float) -> None:
    for clients in (1, 8, 32):
        until = time.monotonic() + seconds

        def write(client: int, until: float = until) -> int:
            number = 0
            while time.monotonic() < until:
                twin.update(f"INSERT DATA {{ <urn:bench:{client}> <urn:bench:p> {number} }}")
                number += 1
            return number

        with ThreadPoolExecutor(clients) as threads:
            row(f"updates a second, {clients} at a time", f"{sum(threads.map(write, range(clients))) / seconds:,.0f}")


def measure_stream(twin: Twin, seconds: float, rate: float) -> None:
    """Let four clients update and ask for what they wrote, while others update `rate` times a second."""
    ended = threading.Event()

    def stream() -> int:
        began, number = time.monotonic(), 0
        while not ended.wait(max(0.0, began + number / rate - time.monotonic())):
            twin.update(f"INSERT DATA {{ <urn:bench:stream> <urn:bench:p> {number} }}")
            number += 1
        return number

    def ask(client: int) -> list[float]:
        until = time.monotonic() + seconds
        times: list[float] = []
        while time.monotonic() < until:
            mine = f"<urn:bench:{client}> <urn:bench:mine>"
            twin.update(f"DELETE WHERE {{ {mine} ?o }} ; INSERT DATA {{ {mine} {len(times)} }}")
            query = Query(f"SELECT ?o {{ {mine} ?o }}")
            times.append(timed(lambda query=query: twin.query(query, Limits()).read()))  # type: ignore[misc]
        return times

    with ThreadPoolExecutor() as threads:
        streaming = threads.submit(stream)
        times = sorted(each for found in threads.map(ask, range(4)) for each in found)
        ended.set()
        updates = (streaming.result() + len(times)) / seconds
    row(f"{updates:,.0f} updates a second: queries a second that see them", f"{len(times) / seconds:,.0f}")
    late = times[int(len(times) * 0.95)]
    row("such a query, median and 95 %", f"{statistics.median(times) * 1000:,.0f} ms, {late * 1000:,.0f} ms")
    row("snapshots on disk in the end", str(len(list(twin.directory.snapshots.glob("*.*")))))


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--triples", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=8.0, help="for each figure of updates")
    parser.add_argument("--rate", type=float, default=100.0, help="updates a second in the stream")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        document = Path(folder) / "bench.nt"
        write_document(document, given.triples)
        print("| | |\n|---|--:|")
        with closing(Twin(Settings(data=Path(folder) / "data"))) as twin:
            measure_loads(twin, document, given.triples)
            measure_updates(twin, given.seconds)
            measure_stream(twin, given.seconds, given.rate)


if __name__ == "__main__":
    main()
