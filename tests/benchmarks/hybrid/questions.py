"""What an analyst asks: as one SPARQL query, and as the SPARQL and DuckDB statements that an expert writes by hand.

By hand, the solutions of `graph` are the table `points` (`id` is the series), and `r` is the Parquet file. For
chrontext the same question stands in its vocabulary; its last column is that of `hybrid`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.benchmarks.join import PREFIXES, START

_SOSA = "PREFIX sosa: <http://www.w3.org/ns/sosa/> PREFIX twh: <urn:twinhouse:>"
CT = "https://github.com/DataTreehouse/chrontext#"
_HISTORY = "?o sosa:madeBySensor ?p ; sosa:resultTime ?t ; sosa:hasSimpleResult ?v ."
_ID = "?p ref:hasExternalReference/ref:hasTimeseriesId ?id ."
_POINTS = "?p ct:hasTimeseries ?ts . ?ts ct:hasDataPoint ?o . ?o ct:hasTimestamp ?t . ?o ct:hasValue ?v ."
_SETPOINTS = "?s ct:hasTimeseries ?us . ?us ct:hasDataPoint ?q . ?q ct:hasTimestamp ?t . ?q ct:hasValue ?w ."
_NEWEST = "?p ct:hasTimeseries ?tx . ?tx ct:hasDataPoint ?x . ?x ct:hasTimestamp ?u ."
_DATE = "BIND(YEAR(?t) AS ?y) BIND(MONTH(?t) AS ?mo) BIND(DAY(?t) AS ?d)"
_ZONES = "?vav brick:hasPoint ?p . ?p a brick:Zone_Air_Temperature_Sensor ."


@dataclass(frozen=True, slots=True)
class Question:
    """One question, both ways; `series` is made with the same columns as `hybrid` has."""

    title: str
    hybrid: str
    graph: str
    series: str
    chrontext: str


def _day(number: float) -> str:
    return f"{datetime.fromtimestamp(START, UTC) + timedelta(days=number):%Y-%m-%dT%H:%M:%S}Z"


def _window(first: float, last: float) -> tuple[str, str]:
    """Return a filter of SPARQL, and a condition of SQL."""
    begin, end = _day(first), _day(last)
    sparql = f'FILTER(?t >= "{begin}"^^xsd:dateTime && ?t < "{end}"^^xsd:dateTime)'
    return sparql, f"r.time >= '{begin}' AND r.time < '{end}'"


def questions(days: int) -> list[Question]:
    """Return the questions to a campus with readings of so many days."""
    week, in_week = _window(days - 7.0, float(days))
    one, in_one = _window(days - 3.0, days - 2.0)
    last, in_last = _window(days - 1.0, float(days))
    ahu, floor = f":b0a0 brick:feeds ?vav . {_ZONES}", f"?vav brick:hasLocation :b0f1 . {_ZONES}"
    classes = "VALUES ?class { brick:VAV brick:AHU } ?e a ?class ; brick:hasPoint ?p . "
    classes += "VALUES ?kind { brick:Zone_Air_Temperature_Sensor brick:Supply_Air_Temperature_Sensor } ?p a ?kind ."
    pairs = "?ahu a brick:AHU ; brick:hasPoint ?p, ?s . ?p a brick:Supply_Air_Temperature_Sensor ."
    pairs += " ?s a brick:Supply_Air_Temperature_Setpoint ."
    inside = "?b a brick:Building . ?b brick:hasPart?/^brick:hasLocation?/brick:hasPoint ?p ."
    power = "?b a brick:Building ; brick:hasPoint ?p . ?p a brick:Electric_Power_Sensor ."
    setpoint = "?q sosa:madeBySensor ?s ; sosa:resultTime ?t ; sosa:hasSimpleResult ?w ."
    joined = "JOIN points AS p USING (id)"
    hour, daily = ("time_bucket(INTERVAL 1 " + step + ", r.time::TIMESTAMP)" for step in ("HOUR", "DAY"))
    return [
        Question(
            "latest of all zone temperatures of one AHU",
            f"SELECT ?vav ?t ?v {{ {ahu} ?p brick:lastKnownValue [ brick:timestamp ?t ; brick:value ?v ] }}",
            f"SELECT ?id ?vav {{ {ahu} {_ID} }}",
            f"SELECT any_value(p.vav), max(r.time), arg_max(r.value, r.time) FROM r {joined} GROUP BY id",
            f"SELECT ?vav ?t ?v {{ {{ SELECT ?p ?vav (MAX(?u) AS ?t) {{ {ahu} {_NEWEST} }} GROUP BY ?p ?vav }}"
            f" {_POINTS} }}",
        ),
        Question(
            "hourly mean per zone of a floor for a week",
            f"SELECT ?vav ?h (AVG(?v) AS ?m) {{ {floor} {_HISTORY} {week} BIND(twh:bucket(?t, 'PT1H') AS ?h) }}"
            " GROUP BY ?vav ?h",
            f"SELECT ?id ?vav {{ {floor} {_ID} }}",
            f"SELECT p.vav, {hour} AS h, avg(r.value) FROM r {joined} WHERE {in_week} GROUP BY ALL",
            f"SELECT ?vav ?y ?mo ?d ?h (AVG(?v) AS ?m) {{ {floor} {_POINTS} {_DATE} BIND(HOURS(?t) AS ?h) {week} }}"
            " GROUP BY ?vav ?y ?mo ?d ?h",
        ),
        Question(
            f"daily maximum per equipment class, {days} days",
            f"SELECT ?class ?d (MAX(?v) AS ?m) {{ {classes} {_HISTORY} BIND(twh:bucket(?t, 'P1D') AS ?d) }}"
            " GROUP BY ?class ?d",
            f"SELECT ?id ?class {{ {classes} {_ID} }}",
            f"SELECT p.class, {daily} AS d, max(r.value) FROM r {joined} GROUP BY ALL",
            f"SELECT ?class ?y ?mo ?d (MAX(?v) AS ?m) {{ {classes} {_POINTS} {_DATE} }} GROUP BY ?class ?y ?mo ?d",
        ),
        Question(
            "supply air above setpoint + 2 at the same time, all AHUs, a week",
            f"SELECT ?ahu ?t ?v ?w {{ {pairs} {_HISTORY} {setpoint} {week} FILTER(?v > ?w + 2) }}",
            f"SELECT ?id ?sid ?ahu {{ {pairs} {_ID} ?s ref:hasExternalReference/ref:hasTimeseriesId ?sid }}",
            f"WITH a AS (SELECT * FROM r WHERE id IN (SELECT id FROM points) AND {in_week}),"
            f" b AS (SELECT * FROM r WHERE id IN (SELECT sid FROM points) AND {in_week})"
            " SELECT p.ahu, a.time, a.value AS v, b.value AS w FROM a JOIN points AS p USING (id)"
            " JOIN b ON b.id = p.sid AND b.time = a.time WHERE a.value > b.value + 2",
            f"SELECT ?ahu ?t ?v ?w {{ {pairs} {_POINTS} {_SETPOINTS} {week} FILTER(?v > ?w + 2) }}",
        ),
        Question(
            "raw readings of one point for a day",
            f"SELECT ?t ?v {{ {_HISTORY.replace('?p', ':b0a0t')} {one} }} ORDER BY ?t",
            f"SELECT ?id {{ VALUES ?p {{ :b0a0t }} {_ID} }}",
            f"SELECT r.time, r.value FROM r {joined} WHERE {in_one} ORDER BY r.time",
            f"SELECT ?t ?v {{ VALUES ?p {{ :b0a0t }} {_POINTS} {one} }} ORDER BY ?t",
        ),
        Question(
            "count of all readings per building",
            f"SELECT ?b (COUNT(*) AS ?n) {{ {inside} ?o sosa:madeBySensor ?p }} GROUP BY ?b",
            f"SELECT ?id ?b {{ {inside} {_ID} }}",
            f"SELECT p.b, count(*) FROM r {joined} GROUP BY ALL",
            f"SELECT ?b (COUNT(?v) AS ?n) {{ {inside} {_POINTS} }} GROUP BY ?b",
        ),
        Question(
            f"daily mean power per building, {days} days",
            f"SELECT ?b ?d (AVG(?v) AS ?m) {{ {power} {_HISTORY} BIND(twh:bucket(?t, 'P1D') AS ?d) }} GROUP BY ?b ?d",
            f"SELECT ?id ?b {{ {power} {_ID} }}",
            f"SELECT p.b, {daily} AS d, avg(r.value) FROM r {joined} GROUP BY ALL",
            f"SELECT ?b ?y ?mo ?d (AVG(?v) AS ?m) {{ {power} {_POINTS} {_DATE} }} GROUP BY ?b ?y ?mo ?d",
        ),
        Question(
            "points without readings in the last day",
            f"SELECT ?p {{ ?p ref:hasExternalReference ?x FILTER NOT EXISTS {{ {_HISTORY} {last} }} }}",
            f"SELECT ?id ?p {{ {_ID} }}",
            f"SELECT p.p FROM points AS p ANTI JOIN (SELECT DISTINCT id FROM r WHERE {in_last}) USING (id)",
            f"SELECT ?p {{ ?p ct:hasTimeseries ?ts FILTER NOT EXISTS {{ {_POINTS} {last} }} }}",
        ),
    ]


def sparql(text: str) -> str:
    """Return a query with its prefixes."""
    return f"{PREFIXES}{_SOSA} PREFIX xsd: <http://www.w3.org/2001/XMLSchema#> PREFIX ct: <{CT}>\n{text}"
