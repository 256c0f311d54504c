"""Many small queries at a time: what is this point?"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import quote

from tests.benchmarks.report import Part, milliseconds, ratio
from tests.benchmarks.servers import Server
from tests.benchmarks.sparql import exchange
from tests.benchmarks.sparql.bench import Bench, say
from tests.benchmarks.sparql.traffic import Rate, Traffic, drive, generator

CONNECTIONS = (1, 8, 32)
LOOKUP = """PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> PREFIX brick: <https://brickschema.org/schema/Brick#>
SELECT ?label ?class ?unit WHERE { <ITEM> rdfs:label ?label ; a ?class ; brick:hasUnit ?unit } LIMIT ROUND"""
_JSON = "application/sparql-results+json"
_PAUSE = 0.1  # seconds between updates: ten a second


def lookups(bench: Bench) -> Part:
    """Ask for a point's label, class and unit by its IRI."""
    part = Part(
        "Lookups: label, class and unit of one point",
        ("queries", "connections", "Twinhouse", "p50", "p99", "Oxigraph", "p50", "p99", "ratio of rates"),
        f"""Requests a second. "Distinct" asks for another of {len(bench.points):,} points each time, with another
text; "equal" asks the same again and again. "While updates go on" is distinct queries, and beside them
{1 / _PAUSE:.0f} small updates a second on a connection of their own: after each, readers move on to a newer snapshot.
"None" asks Twinhouse's `/livez`, which does nothing, and Oxigraph distinct queries: what uvicorn, Starlette and our
layers above the query cost by themselves, and so the most that could be.
Requests come from {generator()}, on the same cores; {bench.seconds:.0f} s each.""",
    )
    with bench.both() as (ours, theirs):
        _same_answers(bench, ours, theirs)
        for title, traffic, updates, beside in _kinds(bench):
            for connections in CONNECTIONS:
                if updates and connections != 8:
                    continue
                found = []
                for server, asked in ((ours, traffic), (theirs, beside or traffic)):
                    say(f"lookups, {title}, {connections} connections: {server.name}")
                    found.append(_measured(server, asked, connections, bench.seconds, updates))
                part.add(title, str(connections), *_cells(found[0]), *_cells(found[1]), _ratio(found))
                traffic = replace(traffic, first_round=traffic.first_round + 1_000_000)
        bench.peaks.note("lookups", ours, theirs)
    return part


def _kinds(bench: Bench) -> Iterator[tuple[str, Traffic, bool, Traffic | None]]:
    """Yield what is asked, whether updates go on, and what the other server is asked if not the same."""
    items = [quote(iri, safe="") for iri in bench.points]
    target = "/query?query=" + quote(LOOKUP, safe="").replace("ITEM", "{item}").replace("ROUND", "{round}")
    distinct = Traffic("GET", target, {"Accept": _JSON}, items=items)
    yield "distinct", distinct, False, None
    one = target.replace("{round}", "1").replace("{item}", items[0])
    yield "equal", replace(distinct, target=one, items=("",)), False, None
    yield "none", Traffic("GET", "/livez", {}), False, replace(distinct, first_round=200_000_000)
    yield "while updates go on", replace(distinct, first_round=500_000_000), True, None


def _same_answers(bench: Bench, ours: Server, theirs: Server) -> None:
    for iri in bench.points[:20]:
        text = LOOKUP.replace("ITEM", iri).replace("ROUND", "9")
        mine, other = (exchange.ask(server.port, text, "text/tab-separated-values") for server in (ours, theirs))
        assert mine.digest == other.digest, f"the answers about {iri} differ"
        assert len(mine.rows) == 1, f"there is no point {iri}"


def _measured(server: Server, traffic: Traffic, connections: int, seconds: float, updates: bool) -> Rate:
    drive(server.port, replace(traffic, first_round=traffic.first_round + 500_000), connections, 1)  # to warm up
    if not updates:
        return drive(server.port, traffic, connections, seconds)
    with _updating(server):
        return drive(server.port, traffic, connections, seconds)


@contextmanager
def _updating(server: Server) -> Iterator[None]:
    """Send small updates until the block ends. Raises Refused if one failed."""
    end, failures = threading.Event(), list[exchange.Refused]()

    def run() -> None:
        number = 0
        try:
            while not end.wait(_PAUSE):
                exchange.update(server.port, f"INSERT DATA {{ GRAPH <urn:beside> {{ <urn:s> <urn:p> {number} }} }}")
                number += 1
        except exchange.Refused as failure:
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
    if failures:
        raise failures[0]


def _cells(rate: Rate) -> tuple[str, str, str]:
    return f"{rate.per_second:,.0f}", milliseconds(rate.median), milliseconds(rate.p99)


def _ratio(found: list[Rate]) -> str:
    return ratio(found[0].per_second, found[1].per_second)
