"""What people ask a Brick model, of a real building and of the campus. Both servers must give the same rows."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pyoxigraph as ox

from ontologies import catalog
from ontologies.formats import read_quads
from tests.benchmarks.report import Part, milliseconds, ratio
from tests.benchmarks.servers import Server, twinhouse
from tests.benchmarks.sparql import exchange
from tests.benchmarks.sparql.bench import QUADS, Bench, forget, say
from tests.benchmarks.sparql.servers import oxigraph
from tests.support.data import SHARED

MORTAR = SHARED / "brick/mortar-bldg1/model.ttl"
_TSV = "text/tab-separated-values"
_RUNS, _ENOUGH = 5, 5.0  # runs, unless they take so many seconds together
_PREFIXES = """PREFIX brick: <https://brickschema.org/schema/Brick#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
"""
QUESTIONS = {
    "instances of a class or below, many": "SELECT ?x WHERE { ?x a/rdfs:subClassOf* brick:Temperature_Sensor }",
    "the same, few": "SELECT ?x WHERE { ?x a/rdfs:subClassOf* brick:Static_Pressure_Sensor }",
    "points of one air handler": "SELECT ?point ?class WHERE { <AHU> brick:hasPoint ?point . ?point a ?class }",
    "setpoints of what one air handler feeds": """SELECT ?box ?point WHERE {
  <AHU> brick:feeds ?box . ?box brick:hasPoint ?point . ?point a/rdfs:subClassOf* brick:Setpoint }""",
    "air handler, box, zone: all paths": """SELECT ?ahu ?box ?zone WHERE {
  ?ahu brick:feeds ?box . ?box brick:feeds ?zone . ?zone a brick:HVAC_Zone }""",
    "all that one air handler feeds, at any distance": "SELECT ?x WHERE { <AHU> brick:feeds+ ?x }",
    "counts by class": "SELECT ?class (COUNT(?x) AS ?n) WHERE { ?x a ?class } GROUP BY ?class",
    "rooms of a floor with their points": """SELECT ?room ?point ?class WHERE {
  <FLOOR> brick:hasPart ?room . ?room a ?kind . ?zone brick:hasPart ?room ; a brick:HVAC_Zone .
  ?box brick:feeds ?zone ; brick:hasPoint ?point . ?point a ?class }""",
}


@dataclass(frozen=True, slots=True)
class Site:
    """A model that is asked about, and two of its things."""

    title: str
    ahu: str
    floor: str

    def query(self, text: str) -> str:
        """Return a question about this site."""
        return _PREFIXES + text.replace("<AHU>", f"<{self.ahu}>").replace("<FLOOR>", f"<{self.floor}>")


REAL = "http://buildsys.org/ontologies/BLDG1#"


def questions(bench: Bench) -> Part:
    """Ask the usual questions of both."""
    part = Part(
        "Brick questions",
        ("question", "rows", "Twinhouse", "Oxigraph", "ratio of times", "Twinhouse, again"),
        f"""Each run has another text (a comment), so that nothing is remembered; medians of {_RUNS} runs after one to
warm up, fewer where they take long. "Again" is the same text once more. Rows are compared: both gave the same.""",
    )
    if MORTAR.exists():
        with _mortar(bench) as (ours, theirs):
            _ask_all(part, Site("a real building (mortar)", f"{REAL}AHU01A", f"{REAL}floor1"), ours, theirs)
    else:
        say(f"no {MORTAR}: the real building is left out")
    with bench.both() as (ours, theirs):
        first = bench.campus().graph(0)
        site = Site(f"the campus, {bench.campus().triples:,} triples", f"{first}/1/ahu", f"{first}/1")
        _ask_all(part, site, ours, theirs)
        bench.peaks.note("questions", ours, theirs)
    return part


@contextmanager
def _mortar(bench: Bench) -> Iterator[tuple[Server, Server]]:
    """Serve the real building with Brick by both."""
    file = bench.folder / "mortar.nq"
    _write_mortar(file)
    with twinhouse(bench.folder / "mortar-a") as ours, oxigraph(bench.native, bench.folder / "mortar-b") as theirs:
        for server in (ours, theirs):
            exchange.send(server.port, "POST", "/store", file, QUADS)
        yield ours, theirs
    forget(bench.folder / "mortar-a")
    forget(bench.folder / "mortar-b")


def _write_mortar(file: Path) -> None:
    graph = ox.NamedNode("urn:mortar")
    with MORTAR.open("rb") as model:
        quads = list(read_quads(model, ox.RdfFormat.TURTLE, base_iri="urn:mortar:", graph=graph, lenient=True))
    own = {quad.triple for quad in quads}  # Oxigraph counts a triple once for each graph that has it
    ontology = (quad for quad in catalog.find("brick").quads() if quad.triple not in own)
    with file.open("wb") as written:
        ox.serialize([*quads, *ontology], written, ox.RdfFormat.N_QUADS)


def _ask_all(part: Part, site: Site, ours: Server, theirs: Server) -> None:
    part.add(f"**{site.title}**", "", "", "", "", "")
    for title, text in QUESTIONS.items():
        say(f"{site.title}: {title}")
        found = [_measured(server, site.query(text)) for server in (ours, theirs)]
        part.add(title, *_cells(title, *found))


@dataclass(frozen=True, slots=True)
class Found:
    """What one server said to one question, or why not."""

    answer: exchange.Answer | None
    seconds: float = 0.0
    again: float = 0.0
    failure: str = ""

    def __str__(self) -> str:
        return milliseconds(self.seconds) if self.answer else f"refused: {self.failure[:80]}"


def _measured(server: Server, query: str) -> Found:
    numbers, seconds = count(), list[float]()
    try:
        answer = exchange.ask(server.port, f"{query} # {next(numbers)}", _TSV)
        seconds.append(answer.seconds)
        if answer.seconds < _ENOUGH:
            seconds.clear()
            while len(seconds) < _RUNS and sum(seconds) < _ENOUGH:
                seconds.append(exchange.ask(server.port, f"{query} # {next(numbers)}", _TSV).seconds)
        again = min(exchange.ask(server.port, f"{query} # 0", _TSV).seconds for _ in range(2))
    except exchange.Refused as failure:
        return Found(None, failure=str(failure))
    return Found(answer, statistics.median(seconds), again)


def _cells(title: str, ours: Found, theirs: Found) -> tuple[str, ...]:
    if ours.answer and theirs.answer:
        assert len(ours.answer.rows) == len(theirs.answer.rows), f"{title}: another number of rows"
        assert ours.answer.digest == theirs.answer.digest, f"{title}: other rows"
        compared = ratio(ours.seconds, theirs.seconds)
    else:
        compared = ""
    answer = ours.answer or theirs.answer
    rows = f"{len(answer.rows):,}" if answer else ""
    return rows, str(ours), str(theirs), compared, milliseconds(ours.again) if ours.answer else ""
