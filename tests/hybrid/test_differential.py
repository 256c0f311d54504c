"""Queries made at random get the answer of a store where each reading is triples; and each bug that was found so.

`TWINHOUSE_HYBRID_QUERIES=100000` asks more of them, and `TWINHOUSE_HYBRID_SEED=1000000` others.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyoxigraph as ox
import pytest
from starlette.testclient import TestClient

from server.errors import Problem
from server.twin.hybrid.pushed import Pushed
from server.twin.hybrid.run import Hybrid
from storage.errors import DeadlineExceeded
from storage.graph.queries import SPARQL_JSON, Limits, Query
from tests.hybrid import oracle
from tests.hybrid.building import PREFIXES, model, readings, served
from tests.hybrid.generator import FIRST, STEPS, Generator
from tests.server.building import SITE

_QUERIES = int(os.environ.get("TWINHOUSE_HYBRID_QUERIES", "2000"))
_SEED = int(os.environ.get("TWINHOUSE_HYBRID_SEED", "0"))
_KINDS: dict[str, dict[str, str]] = {
    "doubles": {},
    "kinds": {"fan": "xsd:boolean", "b": "xsd:integer"},
    "twice": {},  # the model, under two names
}
_LIMITS = Limits(seconds=10.0)


@dataclass
class Compared:
    """A server, the store of what it has to say, that of its graphs alone, and how often it took which path."""

    client: TestClient
    store: ox.Store
    graphs: ox.Store
    seeds: range
    paths: Counter[str] = field(default_factory=Counter)

    def differences(self, text: str) -> list[str] | None:
        """Return how the answer to a query differs; None where it is no SPARQL, or takes too long in the store."""
        try:
            wanted = oracle.answer(self.store, text)
        except SyntaxError:
            return None
        with contextlib.suppress(DeadlineExceeded):
            return oracle.differences(oracle.Solutions.of(self._answer(text)), wanted, text)
        self.paths["late"] += 1
        return None

    def differs(self, text: str) -> bool:
        """Tell whether the answer to an ASK, a CONSTRUCT or a DESCRIBE does."""
        if text.startswith("DESCRIBE") and not self._hybrid.sees(PREFIXES + text):  # then it is of the graph alone
            return False
        media_type = "text/csv" if text.startswith("ASK") else "application/n-triples"
        with contextlib.suppress(SyntaxError, DeadlineExceeded):
            wanted, found = oracle.statement(self.store, text), oracle.lines(self._answer(text, media_type))
            return set(wanted) != set(found) if self.store is not self.graphs else wanted != found
        return False

    def writes(self, text: str) -> bool:
        """Tell whether an update writes what it does in the store; or is refused, for its blank nodes."""
        twin, out = self.client.app.state.twin, ox.NamedNode(f"{SITE}out")  # type: ignore[attr-defined]
        try:
            wanted = oracle.written(self.graphs, text)
            twin.update(PREFIXES + text)
        except (SyntaxError, Problem) as error:
            self.paths[type(error).__name__] += 1
            return True
        self.paths["updated"] += 1
        found = oracle.lines(twin.triples(out.value))
        twin.graph.remove(out)
        return found == wanted

    @property
    def _hybrid(self) -> Hybrid:
        hybrid: Hybrid = self.client.app.state.twin.hybrid  # type: ignore[attr-defined]
        return hybrid

    def _answer(self, text: str, media_type: str = SPARQL_JSON) -> bytes:
        twin = self.client.app.state.twin  # type: ignore[attr-defined]
        found = self._hybrid.answer(Query(PREFIXES + text, media_type), _LIMITS)
        self.paths["pushed" if isinstance(found, Pushed) else "mixed"] += 1
        body: bytes = found.read() if isinstance(found, Pushed) else twin.readers.run(*found).read()
        return body


@pytest.fixture(scope="module", params=list(_KINDS))
def compared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compared]:
    place, kinds = list(_KINDS).index(request.param), _KINDS[request.param]
    sent = readings(len(request.param), FIRST, STEPS)
    data: Path = tmp_path_factory.mktemp("hybrid") / "data"
    with served(data, kinds, sent) as client:
        if request.param == "doubles":  # the others stay hot
            assert client.post("/seal").status_code == 200
        graphs = store = oracle.store(kinds, sent)
        if request.param == "twice":
            turtle = {"content-type": "text/turtle"}
            assert client.post("/models?name=copy.ttl", content=model(kinds), headers=turtle).status_code == 200
            graphs = oracle.store(kinds, sent, ("site", "copy"))
            store = oracle.merged(graphs)
        yield Compared(client, store, graphs, range(_SEED + place, _SEED + _QUERIES, len(_KINDS)))


@pytest.mark.timeout(max(300, _QUERIES))
def test_random_queries(compared: Compared) -> None:
    wrong = {}
    for seed in compared.seeds:
        text = Generator(seed).query()
        if found := compared.differences(text):
            wrong[seed] = (text, found[:3])
    print(f"{sum(compared.paths.values()):,} queries: {dict(compared.paths)}, wrong: {len(wrong)}")
    assert not wrong
    assert compared.paths["pushed"] > _QUERIES // 40
    assert compared.paths["mixed"] > _QUERIES // 20


def test_random_queries_of_other_forms(compared: Compared) -> None:
    before = compared.paths.copy()
    texts = [Generator(seed).other() for seed in compared.seeds[: _QUERIES // 20]]
    assert [text for text in texts if compared.differs(text)] == []
    assert (compared.paths - before)["pushed"] > _QUERIES // 400


def test_random_queries_without_times_in_common(compared: Compared) -> None:
    before = compared.paths.copy()
    texts = [Generator(seed).crossed() for seed in compared.seeds[: _QUERIES // 40]]
    assert [text for text in texts if compared.differences(text)] == []
    assert (compared.paths - before)["pushed"] > _QUERIES // 400


def test_random_updates(compared: Compared) -> None:
    texts = [Generator(seed).update() for seed in compared.seeds[: _QUERIES // 80]]
    assert [text for text in texts if not compared.writes(text)] == []
    assert compared.paths["updated"] > len(texts) // 2


_FOUND = {
    "a row without any binding": """SELECT ?l { ?e brick:hasPoint ?p OPTIONAL { ?e rdfs:label ?l }
        ?o sosa:madeBySensor ?p }""",
    "a text is no number, which != says": """SELECT ?p ?v {
        ?o sosa:madeBySensor ?p ; sosa:hasSimpleResult ?v FILTER(?v != 20.5) }""",
    "texts in an order": """SELECT ?v ?w { ?o sosa:madeBySensor :mode ; sosa:resultTime ?t ; sosa:hasSimpleResult ?v .
        ?q sosa:madeBySensor :mode ; sosa:hasSimpleResult ?w FILTER(?v < ?w) }""",
    "a time that is a triple's has no arithmetic": """SELECT ?t { ?o sosa:madeBySensor :a ; sosa:resultTime ?t
        FILTER(?t + "PT1H"^^xsd:dayTimeDuration > "2026-01-05T17:00:00Z"^^xsd:dateTime) }""",
    "OPTIONAL before what binds its point": """SELECT ?v ?w { ?o sosa:madeBySensor :a ; sosa:hasSimpleResult ?v
        OPTIONAL { ?q sosa:madeBySensor ?p ; sosa:hasSimpleResult ?w FILTER(?w > 21) } ?e brick:hasPoint ?p }""",
    "OPTIONAL first": """SELECT ?p ?v { OPTIONAL { ?o sosa:madeBySensor ?p ; sosa:hasSimpleResult ?v }
        ?p a brick:Temperature_Sensor }""",
    "an OPTIONAL inside a group first": """SELECT ?p ?v { { OPTIONAL { ?o sosa:madeBySensor ?p ;
        sosa:hasSimpleResult ?v } } ?p a brick:Temperature_Sensor }""",
    "aggregates of nothing": """SELECT (AVG(?v) AS ?a) (SUM(?v) AS ?s) (MIN(?v) AS ?m) (COUNT(*) AS ?n) {
        ?o sosa:madeBySensor :none ; sosa:hasSimpleResult ?v }""",
    "no group of nothing": """SELECT ?p (SUM(?v) AS ?s) { ?o sosa:madeBySensor ?p ; sosa:hasSimpleResult ?v
        FILTER(?v > 1e9) } GROUP BY ?p""",
    "unbound in an average": """SELECT ?p (AVG(?v) AS ?a) (COUNT(?v) AS ?n) { ?p rdfs:label ?l
        OPTIONAL { ?o sosa:madeBySensor ?p ; sosa:hasSimpleResult ?v FILTER(?v > 21) } } GROUP BY ?p""",
    "UNDEF for a point": """SELECT ?p (COUNT(*) AS ?n) { VALUES ?p { UNDEF :fan }
        ?o sosa:madeBySensor ?p } GROUP BY ?p""",
    "NaN beside itself": """SELECT ?v ?w (?v <= ?w AS ?x) (?v < ?w AS ?y) (?v = ?w AS ?z) {
        ?o sosa:madeBySensor :a ; sosa:resultTime ?t ; sosa:hasSimpleResult ?v .
        ?q sosa:madeBySensor :c ; sosa:resultTime ?t ; sosa:hasSimpleResult ?w }""",
    "a sub-query beside an aggregate": """SELECT ?p (AVG(?v) - ?all AS ?beyond) {
        { SELECT (AVG(?w) AS ?all) { ?b sosa:madeBySensor :b ; sosa:hasSimpleResult ?w } }
        ?p a brick:Zone_Air_Temperature_Setpoint . ?o sosa:madeBySensor ?p ; sosa:hasSimpleResult ?v
        } GROUP BY ?p ?all""",
    "the newest by a sub-query": """SELECT ?p ?v {
        { SELECT ?p (MAX(?t) AS ?tm) { ?x sosa:madeBySensor ?p ; sosa:resultTime ?t } GROUP BY ?p }
        ?o sosa:madeBySensor ?p ; sosa:resultTime ?tm ; sosa:hasSimpleResult ?v }""",
    "a sub-query in OPTIONAL": """SELECT ?p ?n { ?p rdfs:label ?l OPTIONAL {
        { SELECT ?p (MAX(?v) AS ?n) { ?x sosa:madeBySensor ?p ; sosa:hasSimpleResult ?v . FILTER(?v > 21) }
          GROUP BY ?p } } }""",
    "times of the graph's": """SELECT ?p ?t ?v { VALUES ?t { "2026-01-04T22:00:00Z"^^xsd:dateTime 5 "2026"
        "2026-01-04T23:00:00+00:00"^^xsd:dateTime "2026-01-05T02:30:00+01:00"^^xsd:dateTime }
        ?o sosa:madeBySensor ?p ; sosa:resultTime ?t ; sosa:hasSimpleResult ?v .
        ?p a brick:Zone_Air_Temperature_Sensor }""",
    "a group by a number of the graph": """SELECT ?lim (AVG(?v) - ?lim AS ?av) {
        ?p :limit ?lim ; a brick:Zone_Air_Temperature_Setpoint . ?o sosa:madeBySensor ?p ; sosa:hasSimpleResult ?v
        } GROUP BY ?lim HAVING(?lim < 30)""",
    "values that hold": """SELECT ?p ?h (twh:timeWeightedMean(?v, ?t) AS ?m) (twh:integral(?v, ?t) AS ?i) {
        VALUES ?p { :a :b } ?o sosa:madeBySensor ?p ; sosa:resultTime ?t ; sosa:hasSimpleResult ?v
        BIND(twh:bucket(?t, "PT1H") AS ?h) } GROUP BY ?p ?h""",
    "FROM beside a sub-query": """SELECT ?p ?n FROM <urn:twinhouse:model:site> { ?p rdfs:label ?l
        { SELECT ?p (COUNT(*) AS ?n) { ?o sosa:madeBySensor ?p } GROUP BY ?p } }""",
    "numbers and IRIs are no strings": """SELECT (GROUP_CONCAT(?v) AS ?gv) (GROUP_CONCAT(?p) AS ?gp)
        (GROUP_CONCAT(STR(?t) ; separator='|') AS ?gt) {
        ?o sosa:madeBySensor ?p ; sosa:resultTime ?t ; sosa:hasSimpleResult ?v }""",
    "NaN of a sub-query in an order": """SELECT ?k ?t { { SELECT ?p (AVG(?w) AS ?k) {
        ?x sosa:madeBySensor ?p ; sosa:hasSimpleResult ?w } GROUP BY ?p }
        ?o sosa:madeBySensor ?p ; sosa:resultTime ?t } ORDER BY DESC(?k) ?t""",
    "EXISTS in HAVING": """SELECT ?p { ?x brick:hasPoint ?p } GROUP BY ?p
        HAVING(EXISTS { ?o sosa:madeBySensor ?p ; sosa:hasSimpleResult 'on' })""",
}


@pytest.mark.parametrize("dataset", ["", "FROM <urn:twinhouse:model:site>", "FROM <urn:twinhouse:readings>"])
@pytest.mark.parametrize("form", ["ASK {} {{ {} }}", "CONSTRUCT {{ ?o :by ?p }} {} WHERE {{ {} }}"])
def test_other_forms_of_a_dataset(compared: Compared, form: str, dataset: str) -> None:
    assert not compared.differs(form.format(dataset, "?o sosa:madeBySensor ?p"))


_FOUND_OTHER = {
    "a constant beside no solution": "DESCRIBE ?p :a { ?o sosa:madeBySensor ?p ; sosa:hasSimpleResult 'nothing' }",
    "a point and a reading": """DESCRIBE ?p ?o { ?p a brick:Zone_Air_Temperature_Sensor ; brick:lastKnownValue ?o .
        ?o brick:value ?v }""",
    "what a sub-query gives": """DESCRIBE ?p :a { { SELECT ?p { ?o sosa:madeBySensor ?p ; sosa:resultTime ?t
        FILTER(?t > "2026-01-05T04:30:00Z"^^xsd:dateTime) } } }""",
    "many readings": "DESCRIBE ?o { ?o sosa:madeBySensor :c ; sosa:hasSimpleResult ?v }",
}


@pytest.mark.parametrize("name", list(_FOUND_OTHER))
def test_found_of_other_forms(compared: Compared, name: str) -> None:
    assert not compared.differs(_FOUND_OTHER[name])


@pytest.mark.parametrize("name", list(_FOUND))
def test_found(compared: Compared, name: str) -> None:
    assert compared.differences(_FOUND[name]) == []
