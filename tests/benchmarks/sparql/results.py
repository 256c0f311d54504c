"""Large answers, in every format."""

from __future__ import annotations

from tests.benchmarks.report import Part, megabytes, milliseconds, ratio
from tests.benchmarks.servers import Server
from tests.benchmarks.sparql import exchange
from tests.benchmarks.sparql.bench import Bench, say

ROWS = 1_000_000
SOLUTIONS = {
    "JSON": "application/sparql-results+json",
    "XML": "application/sparql-results+xml",
    "CSV": "text/csv",
    "TSV": "text/tab-separated-values",
}
TRIPLES = {
    "N-Triples": "application/n-triples",
    "Turtle": "text/turtle",
    "RDF/XML": "application/rdf+xml",
    "JSON-LD": "application/ld+json",
}
OURS_ALONE = {"Arrow": "application/vnd.apache.arrow.stream", "Parquet": "application/vnd.apache.parquet"}


def results(bench: Bench) -> Part:
    """Ask for a million rows in every format that both have, and in those that are ours alone."""
    part = Part(
        "Large answers",
        ("answer", "size", "Twinhouse", "MB/s", "Oxigraph", "MB/s", "ratio of times"),
        f"""`{_query("SELECT ?s ?p ?o")}` and `{_query("CONSTRUCT { ?s ?p ?o }")}`, to the last byte.
The better of two runs.""",
    )
    with bench.both() as (ours, theirs):
        for head, formats in (("SELECT ?s ?p ?o", SOLUTIONS | OURS_ALONE), ("CONSTRUCT { ?s ?p ?o }", TRIPLES)):
            for name, media_type in formats.items():
                servers = (ours,) if name in OURS_ALONE else (ours, theirs)
                part.add(*_row(f"{head.split()[0]}, {name}", _query(head), media_type, servers))
        bench.peaks.note("large answers", ours, theirs)
    return part


def _query(head: str) -> str:
    return f"{head} WHERE {{ ?s ?p ?o }} LIMIT {ROWS}"


def _row(title: str, query: str, media_type: str, servers: tuple[Server, ...]) -> tuple[str, ...]:
    cells, times, size = list[str](), list[float](), 0
    for server in servers:
        say(f"{title}: {server.name}")
        try:
            found = _best(server, query, media_type)
        except exchange.Refused as failure:
            cells += [f"refused: {str(failure)[:80]}", ""]
            continue
        size = max(size, found.size)
        times.append(found.seconds)
        cells += [milliseconds(found.seconds), f"{found.size / found.seconds / 1e6:,.1f}"]
    cells += [""] * (4 - len(cells))
    return title, megabytes(size), *cells, ratio(*times) if len(times) == 2 else ""


def _best(server: Server, query: str, media_type: str) -> exchange.Answer:
    runs = [exchange.ask(server.port, f"{query} # {run}", media_type, keep=False) for run in range(2)]
    return min(runs, key=lambda answer: answer.seconds)
