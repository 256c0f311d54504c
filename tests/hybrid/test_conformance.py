# ruff: noqa: E501 - a table
"""Each feature of the language over readings, by queries whose answers are known beforehand.

Zone 1 reports 20 + n/10 and zone 2 reports 22 - n/10 in the nth half hour of 2026-01-05 (n from 0 to 47), the fan n
modulo 2, the mode `occupied` at first and `vacant` (with the status `test`) at last, and one point nothing.
"""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from tests.hybrid.building import PREFIXES
from tests.server.building import ALL, SITE, ZONE_1

_O = "?o sosa:madeBySensor ?p ; sosa:resultTime ?t ; sosa:hasSimpleResult ?v ."
_ZONES = f"?vav brick:hasPoint ?p . ?p a brick:Zone_Air_Temperature_Sensor . {_O}"
_CURRENT = "?p brick:lastKnownValue [ brick:value ?v ; brick:timestamp ?t ] ."


def _at(time: str) -> str:
    return f'"2026-01-05T{time}Z"^^xsd:dateTime'


Rows = list[tuple[object, ...]]
CASES: dict[str, tuple[str, Rows]] = {
    # Patterns
    "a history": (f"SELECT ?t ?v {{ {_O} VALUES ?p {{ :zone1 }} }} ORDER BY ?t LIMIT 2",
                  [("2026-01-05T00:00:00Z", 20), ("2026-01-05T00:30:00Z", 20.1)]),
    "a constant point": ("SELECT (COUNT(*) AS ?n) { ?o sosa:madeBySensor :zone1 }", [(48,)]),
    "any point": ("SELECT (COUNT(*) AS ?n) { ?o sosa:madeBySensor ?p }", [(146,)]),
    "no point": ("SELECT (COUNT(*) AS ?n) { ?o sosa:resultTime ?t }", [(146,)]),
    "a class": ("SELECT (COUNT(*) AS ?n) { ?o a sosa:Observation }", [(146,)]),
    "the inverse": ("SELECT (COUNT(*) AS ?n) { :fan sosa:madeObservation ?o }", [(48,)]),
    "an inverse path": ("SELECT (COUNT(*) AS ?n) { :fan ^sosa:madeBySensor ?o }", [(48,)]),
    "a sequence path": ("SELECT (MAX(?v) AS ?m) { :zone1 ^sosa:madeBySensor/sosa:hasSimpleResult ?v }", [(24.7,)]),
    "an alternative path": ("SELECT (COUNT(*) AS ?n) { :fan sosa:madeObservation|rdfs:label ?x }", [(49,)]),
    "a blank node": ("SELECT (MIN(?v) AS ?m) { [ sosa:madeBySensor :zone2 ; sosa:hasSimpleResult ?v ] }", [(17.3,)]),
    "statuses": ("SELECT ?p ?s { ?o sosa:madeBySensor ?p ; twh:status ?s }", [(SITE + "mode", "test")]),
    "texts": (f"SELECT ?v {{ {_O} VALUES ?p {{ :mode }} }} ORDER BY ?t", [("occupied",), ("vacant",)]),
    "a point without readings": (f"SELECT ?v {{ {_O} VALUES ?p {{ :silent }} }}", []),
    "what is no point": ("SELECT ?o { ?o sosa:madeBySensor :ahu }", []),
    "an IRI of a reading": (f"SELECT ?v {{ <urn:twinhouse:observation:{ZONE_1}:20260105T010000Z> sosa:hasSimpleResult ?v }}",
                            [(20.2,)]),
    "the IRI of a value": ("SELECT ?o { ?o sosa:madeBySensor :zone1 ; sosa:resultTime ?t } ORDER BY ?t LIMIT 1",
                           [(f"urn:twinhouse:observation:{ZONE_1}:20260105T000000Z",)]),
    "a constant time": (f"SELECT ?v {{ ?o sosa:madeBySensor :zone1 ; sosa:resultTime {_at('02:00:00')} ; sosa:hasSimpleResult ?v }}",
                        [(20.4,)]),
    "a constant value": ("SELECT ?t { ?o sosa:madeBySensor :zone1 ; sosa:resultTime ?t ; sosa:hasSimpleResult 21e0 }",
                         [("2026-01-05T05:00:00Z",)]),
    "a constant text": ("SELECT ?p { ?o sosa:madeBySensor ?p ; sosa:hasSimpleResult 'vacant' }", [(SITE + "mode",)]),
    # Current values
    "a current value": (f"SELECT ?v ?t {{ {_CURRENT} VALUES ?p {{ :zone1 }} }}", [(24.7, "2026-01-05T23:30:00Z")]),
    "current values": (f"SELECT (COUNT(*) AS ?n) {{ {_CURRENT} }}", [(4,)]),
    "a named current value": ("SELECT ?v { :zone2 brick:lastKnownValue ?o . ?o brick:value ?v }", [(17.3,)]),
    "a path to it": ("SELECT ?v { :zone2 brick:lastKnownValue/brick:value ?v }", [(17.3,)]),
    "current and history": ("SELECT ?v { :zone2 brick:lastKnownValue ?o . ?o sosa:hasSimpleResult ?v ; brick:value ?w }",
                            [(17.3,)]),
    "current above": (f"SELECT ?p {{ {_CURRENT} FILTER(?v > 20) }}", [(SITE + "zone1",)]),
    "only the latest has a brick:value": ("SELECT (COUNT(?v) AS ?n) { ?o sosa:madeBySensor :zone1 OPTIONAL { ?o brick:value ?v } }",
                                          [(1,)]),
    # Times
    "a window": (f"SELECT (COUNT(*) AS ?n) {{ {_ZONES} FILTER(?t >= {_at('06:00:00')} && ?t < {_at('07:00:00')}) }}", [(4,)]),
    "a closed window": (f"SELECT (COUNT(*) AS ?n) {{ {_ZONES} FILTER({_at('06:00:00')} <= ?t && {_at('07:00:00')} >= ?t) }}",
                        [(6,)]),
    "a time zone": ("SELECT ?v { ?o sosa:madeBySensor :zone1 ; sosa:resultTime ?t ; sosa:hasSimpleResult ?v"
                    ' FILTER(?t = "2026-01-05T03:00:00+02:00"^^xsd:dateTime) }', [(20.2,)]),
    "since a day ago": ('SELECT (COUNT(*) AS ?n) { ?o sosa:madeBySensor ?p ; sosa:resultTime ?t'
                        ' FILTER(?t > NOW() - "P1D"^^xsd:dayTimeDuration) }', [(0,)]),
    "parts of a time": ("SELECT ?y ?m ?d ?h ?i { ?o sosa:madeBySensor :zone1 ; sosa:resultTime ?t BIND(YEAR(?t) AS ?y)"
                        " BIND(MONTH(?t) AS ?m) BIND(DAY(?t) AS ?d) BIND(HOURS(?t) AS ?h) BIND(MINUTES(?t) AS ?i)"
                        f" FILTER(?t = {_at('07:30:00')}) }}", [(2026, 1, 5, 7, 30)]),
    "seconds": (f"SELECT (SECONDS(?t) AS ?s) {{ ?o sosa:madeBySensor :zone1 ; sosa:resultTime ?t FILTER(?t = {_at('07:30:00')}) }}",
                [(0,)]),
    "buckets": (f'SELECT ?b (COUNT(*) AS ?n) {{ {_ZONES} BIND(twh:bucket(?t, "PT12H") AS ?b) }} GROUP BY ?b ORDER BY ?b',
                [("2026-01-05T00:00:00Z", 48), ("2026-01-05T12:00:00Z", 48)]),
    "buckets of a zone": (f'SELECT ?b (COUNT(*) AS ?n) {{ {_ZONES} BIND(twh:bucket(?t, "P1D", "Europe/Berlin") AS ?b) }}'
                          " GROUP BY ?b ORDER BY ?b", [("2026-01-04T23:00:00Z", 92), ("2026-01-05T23:00:00Z", 4)]),
    "months": (f'SELECT ?b (COUNT(*) AS ?n) {{ {_ZONES} }} GROUP BY (twh:bucket(?t, "P1M") AS ?b)', [("2026-01-01T00:00:00Z", 96)]),
    "buckets from an origin": (f'SELECT ?b (COUNT(*) AS ?n) {{ {_ZONES} BIND(twh:bucket(?t, "P1D", "UTC", "2026-01-01T06:00:00") AS ?b)'
                               " } GROUP BY ?b ORDER BY ?b", [("2026-01-04T06:00:00Z", 24), ("2026-01-05T06:00:00Z", 72)]),
    "no bucket": ('SELECT ?b { ?o sosa:madeBySensor :mode ; sosa:resultTime ?t BIND(twh:bucket(?t, "often") AS ?b) }',
                  [(None,), (None,)]),
    "local parts": ('SELECT (twh:localHour(?t, "Asia/Kolkata") AS ?h) (twh:localMinute(?t, "Asia/Kolkata") AS ?m)'
                    ' (twh:localWeekday(?t, "Asia/Kolkata") AS ?w) (twh:localDay(?t, "Asia/Kolkata") AS ?d)'
                    f" {{ ?o sosa:madeBySensor :fan ; sosa:resultTime ?t FILTER(?t = {_at('19:00:00')}) }}", [(0, 30, 2, 6)]),
    "local dates": ('SELECT (twh:localDate(?t, "Asia/Kolkata") AS ?d) (twh:localYear(?t, "Asia/Kolkata") AS ?y)'
                    f" {{ ?o sosa:madeBySensor :fan ; sosa:resultTime ?t FILTER(?t = {_at('19:00:00')}) }}", [("2026-01-06", 2026)]),
    # Expressions
    "comparisons": (f"SELECT (COUNT(*) AS ?n) {{ {_ZONES} FILTER(?v > 21.95) }}", [(29,)]),
    "or": (f"SELECT (COUNT(*) AS ?n) {{ {_ZONES} FILTER(?v > 24.65 || ?v < 17.35) }}", [(2,)]),
    "not": (f"SELECT (COUNT(*) AS ?n) {{ {_ZONES} FILTER(!(?v > 21.95)) }}", [(67,)]),
    "in": ("SELECT (COUNT(*) AS ?n) { ?o sosa:hasSimpleResult ?v FILTER(?v IN (0, 'vacant')) }", [(25,)]),
    "not in": ("SELECT (COUNT(*) AS ?n) { ?o sosa:madeBySensor :fan ; sosa:hasSimpleResult ?v FILTER(?v NOT IN (0, 2)) }", [(24,)]),
    "a text is above no number": ("SELECT (COUNT(*) AS ?n) { ?o sosa:madeBySensor :mode ; sosa:hasSimpleResult ?v FILTER(?v > 0) }",
                                  [(0,)]),
    "a text is no number": ("SELECT (COUNT(*) AS ?n) { ?o sosa:madeBySensor :mode ; sosa:hasSimpleResult ?v FILTER(?v != 0) }", [(2,)]),
    "arithmetic": (f"SELECT (?v * 1.8 + 32 AS ?f) {{ {_O} VALUES ?p {{ :zone1 }} }} ORDER BY ?t LIMIT 1", [(68,)]),
    "division": ("SELECT (?v / 0 AS ?x) { ?o sosa:madeBySensor :fan ; sosa:hasSimpleResult ?v } ORDER BY DESC(?v) LIMIT 1",
                 [(float("inf"),)]),
    "rounding": (f"SELECT (ROUND(?v) AS ?r) (FLOOR(?v) AS ?f) (CEIL(?v) AS ?c) (ABS(-?v) AS ?a) {{ {_O} VALUES ?p {{ :zone1 }}"
                 f" FILTER(?t = {_at('02:30:00')}) }}", [(21, 20, 21, 20.5)]),
    "if": ("SELECT ?x (COUNT(*) AS ?n) { ?o sosa:madeBySensor :fan ; sosa:hasSimpleResult ?v BIND(IF(?v > 0, 'on', 'off') AS ?x) }"
           " GROUP BY ?x ORDER BY ?x", [("off", 24), ("on", 24)]),
    "coalesce": ("SELECT (COALESCE(?v + 0, -1) AS ?x) { ?o sosa:madeBySensor :mode ; sosa:hasSimpleResult ?v }", [(-1,), (-1,)]),
    "functions of texts": ("SELECT (UCASE(?v) AS ?x) { ?o sosa:madeBySensor :mode ; sosa:hasSimpleResult ?v FILTER(STRLEN(?v) = 6) }",
                           [("VACANT",)]),
    "datatypes": ("SELECT DISTINCT (DATATYPE(?v) AS ?d) { ?o sosa:madeBySensor :zone1 ; sosa:hasSimpleResult ?v }",
                  [("http://www.w3.org/2001/XMLSchema#double",)]),
    "bound": ("SELECT (COUNT(*) AS ?n) { ?o sosa:madeBySensor ?p OPTIONAL { ?o twh:status ?s } FILTER(BOUND(?s)) }", [(1,)]),
    # Aggregates
    "all aggregates": ("SELECT (COUNT(?v) AS ?n) (SUM(?v) AS ?s) (AVG(?v) AS ?a) (MIN(?v) AS ?i) (MAX(?v) AS ?x)"
                       " { ?o sosa:madeBySensor :zone1 ; sosa:hasSimpleResult ?v }", [(48, 1072.8, 22.35, 20, 24.7)]),
    "groups": (f"SELECT ?vav (AVG(?v) AS ?a) {{ {_ZONES} }} GROUP BY ?vav ORDER BY ?vav", [(SITE + "vav1", 22.35), (SITE + "vav2", 19.65)]),
    "aggregates of texts": ("SELECT (AVG(?v) AS ?a) (COUNT(?v) AS ?n) (MAX(?v) AS ?x) { ?o sosa:madeBySensor :mode ; sosa:hasSimpleResult ?v }",
                            [(None, 2, "vacant")]),
    "aggregates of nothing": ("SELECT (AVG(?v) AS ?a) (SUM(?v) AS ?s) (COUNT(?v) AS ?n) (MIN(?v) AS ?i)"
                              " { ?o sosa:madeBySensor :silent ; sosa:hasSimpleResult ?v }", [(0, 0, 0, None)]),
    "groups of nothing": ("SELECT ?p (SUM(?v) AS ?s) { ?o sosa:madeBySensor ?p ; sosa:hasSimpleResult ?v FILTER(?v > 99) } GROUP BY ?p", []),
    "distinct counts": (f"SELECT (COUNT(DISTINCT ?p) AS ?n) (COUNT(DISTINCT ?t) AS ?m) (COUNT(DISTINCT ?o) AS ?k) {{ {_O} }}",
                        [(4, 48, 146)]),
    "distinct values": ("SELECT (COUNT(DISTINCT ?v) AS ?n) { ?o sosa:madeBySensor :fan ; sosa:hasSimpleResult ?v }", [(2,)]),
    "having": (f"SELECT ?vav {{ {_ZONES} }} GROUP BY ?vav HAVING(AVG(?v) > 20)", [(SITE + "vav1",)]),
    "sums of aggregates": (f"SELECT (MAX(?v) - MIN(?v) AS ?r) {{ {_O} VALUES ?p {{ :zone2 }} }}", [(4.7,)]),
    "group_concat": ("SELECT (GROUP_CONCAT(?v ; separator='/') AS ?g) { { SELECT ?v { ?o sosa:madeBySensor :mode ; sosa:resultTime ?t ;"
                     " sosa:hasSimpleResult ?v } ORDER BY ?t } }", [("occupied/vacant",)]),
    "sample": (f"SELECT (SAMPLE(?vav) AS ?x) {{ {_ZONES} FILTER(?p = :zone1) }} GROUP BY ?p", [(SITE + "vav1",)]),
    "first and last": (f"SELECT (twh:first(?v, ?t) AS ?f) (twh:last(?v, ?t) AS ?l) {{ {_O} VALUES ?p {{ :mode }} }}", [("occupied", "vacant")]),
    "percentiles": ("SELECT (twh:percentile(?v, 50) AS ?p) (twh:median(?v) AS ?m) { ?o sosa:madeBySensor :zone1 ; sosa:hasSimpleResult ?v }",
                    [(22.35, 22.35)]),
    "deviation": ("SELECT (twh:stdev(?v) AS ?d) { ?o sosa:madeBySensor :fan ; sosa:hasSimpleResult ?v }", [(0.505291,)]),
    "weighed by time": (f"SELECT (twh:timeWeightedMean(?v, ?t) AS ?m) (twh:integral(?v, ?t) AS ?i) {{ {_O} VALUES ?p {{ :fan }} }}",
                        [(23 / 47, 11.5)]),
    "a wrong argument": (f"SELECT (twh:integral(?v, ?t) AS ?i) {{ {_O} VALUES ?p {{ :mode }} }}", [(None,)]),
    # Joins
    "equal times": ("SELECT (COUNT(*) AS ?n) { ?a sosa:madeBySensor :zone1 ; sosa:resultTime ?t ; sosa:hasSimpleResult ?v ."
                    " ?b sosa:madeBySensor :zone2 ; sosa:resultTime ?t ; sosa:hasSimpleResult ?w FILTER(?v > ?w + 2) }", [(27,)]),
    "equal values": ("SELECT ?t ?u { ?a sosa:madeBySensor :zone1 ; sosa:resultTime ?t ; sosa:hasSimpleResult ?v ."
                     " ?b sosa:madeBySensor :zone2 ; sosa:resultTime ?u ; sosa:hasSimpleResult ?v FILTER(?v = 21) }",
                     [("2026-01-05T05:00:00Z", "2026-01-05T05:00:00Z")]),
    "while the fan is on": ("SELECT (COUNT(*) AS ?n) { ?a sosa:madeBySensor :zone1 ; sosa:resultTime ?t ; sosa:hasSimpleResult ?v ."
                            " ?b sosa:madeBySensor :fan ; sosa:resultTime ?t ; sosa:hasSimpleResult 1e0 FILTER(?v < 21) }", [(5,)]),
    "multiplicities": (f"SELECT (COUNT(*) AS ?n) {{ VALUES (?p ?k) {{ (:zone1 1) (:zone1 1) (:zone2 2) }} {_O} }}", [(144,)]),
    "a limit of the graph": (f"SELECT (COUNT(*) AS ?n) {{ VALUES (?p ?most) {{ (:zone1 21) (:zone2 18.0) }} {_O} FILTER(?v < ?most) }}",
                             [(17,)]),
    # The rest of the language
    "optional": (f"SELECT ?l (COUNT(?v) AS ?n) {{ ?p rdfs:label ?l OPTIONAL {{ {_O} FILTER(?v > 23) }} }} GROUP BY ?l ORDER BY ?l",
                 [("Fan", 0), ("Mode", 0), ("Silent", 0), ("Zone 1", 17), ("Zone 2", 0)]),
    "optional at an equal time": ("SELECT (COUNT(?w) AS ?n) (COUNT(*) AS ?m) { ?a sosa:madeBySensor :zone1 ; sosa:resultTime ?t"
                                  " OPTIONAL { ?b sosa:madeBySensor :mode ; sosa:resultTime ?t ; sosa:hasSimpleResult ?w } }", [(2, 48)]),
    "union": (f"SELECT (COUNT(*) AS ?n) {{ {{ :zone1 sosa:madeObservation ?o }} UNION {{ {_CURRENT} }} }}", [(52,)]),
    "minus": (f"SELECT (COUNT(*) AS ?n) {{ {_ZONES} MINUS {{ :vav1 brick:hasPoint ?p }} }}", [(48,)]),
    "minus readings": ("SELECT ?l { ?p rdfs:label ?l MINUS { ?o sosa:madeBySensor ?p } }", [("Silent",)]),
    "not exists": ("SELECT ?l { ?p rdfs:label ?l FILTER NOT EXISTS { ?o sosa:madeBySensor ?p } }", [("Silent",)]),
    "exists": (f"SELECT ?l {{ ?p rdfs:label ?l FILTER EXISTS {{ {_O} FILTER(?v > 23) }} }}", [("Zone 1",)]),
    "exists in an expression": (f"SELECT ?l {{ ?p rdfs:label ?l FILTER(EXISTS {{ {_O} FILTER(?v > 23) }} || ?l = 'Fan') }} ORDER BY ?l",
                                [("Fan",), ("Zone 1",)]),
    "a sub-select": ("SELECT ?l ?m { { SELECT ?p (MAX(?v) AS ?m) { ?o sosa:madeBySensor ?p ; sosa:hasSimpleResult ?v } GROUP BY ?p }"
                     " ?p rdfs:label ?l ; a brick:Zone_Air_Temperature_Sensor } ORDER BY ?l", [("Zone 1", 24.7), ("Zone 2", 22)]),
    "a sub-select of the graph": (f"SELECT (COUNT(*) AS ?n) {{ {{ SELECT ?p {{ ?vav brick:hasPoint ?p }} ORDER BY ?p LIMIT 1 }} {_O} }}", [(48,)]),
    "graph": ("SELECT (COUNT(*) AS ?n) { GRAPH twh:readings { ?o sosa:madeBySensor ?p } }", [(146,)]),
    "any graph": ("SELECT DISTINCT ?g { GRAPH ?g { ?o sosa:madeBySensor ?p } }", [("urn:twinhouse:readings",)]),
    "from": ("SELECT (COUNT(*) AS ?n) FROM twh:readings { ?o sosa:madeBySensor ?p . OPTIONAL { ?p rdfs:label ?l } FILTER(!BOUND(?l)) }", [(146,)]),
    "from another graph": ("SELECT (COUNT(*) AS ?n) FROM <urn:other> { ?o sosa:madeBySensor ?p }", [(0,)]),
    "from named": ("SELECT (COUNT(*) AS ?n) FROM NAMED twh:readings { GRAPH ?g { ?o sosa:madeBySensor ?p } }", [(146,)]),
    "a variable predicate": (f"SELECT (COUNT(*) AS ?n) {{ <urn:twinhouse:observation:{ZONE_1}:20260105T000000Z> ?x ?y . ?z sosa:resultTime ?y }}",
                             [(4,)]),
    "values": (f"SELECT ?p (COUNT(*) AS ?n) {{ {_O} }} GROUP BY ?p VALUES ?p {{ :fan }}", [(SITE + "fan", 48)]),
    "distinct": (f"SELECT DISTINCT ?p {{ {_O} }} ORDER BY ?p", [(SITE + name,) for name in ("fan", "mode", "zone1", "zone2")]),
    "distinct hours": (f"SELECT (COUNT(*) AS ?n) {{ {{ SELECT DISTINCT (HOURS(?t) AS ?h) {{ {_O} }} }} }}", [(24,)]),
    "reduced": ("SELECT REDUCED ?p { ?o sosa:madeBySensor ?p VALUES ?p { :mode } } LIMIT 1", [(SITE + "mode",)]),
    "order": (f"SELECT ?v {{ {_ZONES} }} ORDER BY DESC(?v) LIMIT 2", [(24.7,), (24.6,)]),
    "order by terms": (f"SELECT ?p ?t {{ {_ZONES} }} ORDER BY DESC(?p) ?t LIMIT 1", [(SITE + "zone2", "2026-01-05T00:00:00Z")]),
    "unbound first": ("SELECT ?v { ?p rdfs:label ?l OPTIONAL { ?p brick:lastKnownValue ?o . ?o brick:value ?v FILTER(?v > 1) } } ORDER BY ?v LIMIT 4",
                      [(None,), (None,), (None,), (17.3,)]),
    "offset": (f"SELECT ?v {{ {_ZONES} }} ORDER BY ?v OFFSET 94", [(24.6,), (24.7,)]),
    "limit 0": (f"SELECT ?v {{ {_ZONES} }} LIMIT 0", []),
    "all variables": ("SELECT * { ?o sosa:madeBySensor :mode ; twh:status ?s }",
                      [("urn:twinhouse:observation:00000000-0000-4000-8000-000000000004:20260105T233000Z", "test")]),
}  # fmt: skip


def _value(term: dict[str, str] | None) -> object:
    if term is None:
        return None
    kind = term.get("datatype", "").rpartition("#")[2]
    if kind in ("double", "decimal"):
        return round(float(term["value"]), 6)
    return int(term["value"]) if kind == "integer" else term["value"]


def _asked(client: TestClient, text: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON
    answer = client.get("/query", params={"query": PREFIXES + text, **parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("name", list(CASES))
def test_feature(site: TestClient, name: str) -> None:
    text, expected = CASES[name]
    document = _asked(site, text)
    names = document["head"]["vars"]
    found = [tuple(_value(row.get(name)) for name in names) for row in document["results"]["bindings"]]
    rounded = [tuple(round(v, 6) if isinstance(v, float) else v for v in row) for row in expected]
    assert found == rounded


def test_most_of_them_are_pushed_down(site: TestClient) -> None:
    paths = [_asked(site, text, explain="plan")["path"] for text, _ in CASES.values()]
    assert paths.count("pushed") >= 45
    assert set(paths) == {"pushed", "mixed", "materialised"}


@pytest.mark.parametrize("part", ["Date", "Year", "Month", "Day", "Hour", "Minute", "Weekday"])
def test_readings_by_parts_of_local_time_are_pushed_down(site: TestClient, part: str) -> None:
    by = f'twh:local{part}(?t, "Europe/Berlin")'
    text = f"SELECT ?by (AVG(?v) AS ?mean) {{ {_ZONES} BIND({by} AS ?by) }} GROUP BY ?by ORDER BY ?by"
    assert _asked(site, text, explain="plan")["path"] == "pushed"


def test_ask(site: TestClient) -> None:
    assert _asked(site, f"ASK {{ {_O} FILTER(?v > 24.65) }}")["boolean"] is True
    assert _asked(site, f"ASK {{ {_O} FILTER(?v > 24.75) }}")["boolean"] is False


def test_construct(site: TestClient) -> None:
    text = f"CONSTRUCT {{ ?p :warm ?v }} WHERE {{ {_O} FILTER(?v > 24.45) }}"
    answer = site.get("/query", params={"query": PREFIXES + text}, headers={"accept": "application/n-triples"})
    assert sorted(line.split()[2][1:5] for line in answer.text.splitlines()) == ["24.5", "24.6", "24.7"]


def _rows(form: str, body: bytes) -> int:
    match form:
        case "json":
            return len(json.loads(body)["results"]["bindings"])
        case "xml":
            return body.count(b"<result>")
        case "csv" | "tsv":
            return len(body.splitlines()) - 1
        case "arrow":
            return pa.ipc.open_stream(body).read_all().num_rows
        case _:
            return pq.read_table(io.BytesIO(body)).num_rows


@pytest.mark.parametrize("form", ["json", "xml", "csv", "tsv", "arrow", "parquet"])
def test_every_format(site: TestClient, form: str) -> None:
    text = PREFIXES + f"SELECT ?p ?t ?v ?s {{ {_O} OPTIONAL {{ ?o twh:status ?s }} }}"
    pushed = PREFIXES + f"SELECT ?p ?t ?v {{ {_O} }}"
    for query in (text, pushed):
        answer = site.get("/query", params={"query": query, "format": form})
        assert answer.status_code == 200
        assert _rows(form, answer.content) == ALL


def test_too_many_readings(site: TestClient) -> None:
    hybrid = site.app.state.twin.hybrid  # type: ignore[attr-defined]
    settings = hybrid._settings
    try:
        object.__setattr__(settings, "hybrid_readings", 10)
        answer = site.get("/query", params={"query": PREFIXES + f"SELECT (SUM(STRLEN(STR(?v))) AS ?g) {{ {_O} }}"})
    finally:
        object.__setattr__(settings, "hybrid_readings", 2_000_000)
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:twinhouse:problem:too-many-readings")
    assert "FILTER" in answer.json()["hint"]


def test_a_syntax_error_is_told(site: TestClient) -> None:
    answer = site.get("/query", params={"query": PREFIXES + f"SELECT ?v {{ {_O} FILTER(?v >) }}"})
    assert (answer.status_code, answer.json()["title"]) == (400, "Query syntax")
