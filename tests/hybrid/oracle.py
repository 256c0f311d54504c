"""What the answer has to be: the graph's engine over a store in which each reading is triples, made here anew."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import pyoxigraph as ox

from storage.graph.extensions import extensions
from storage.graph.rewriting import ask
from tests.hybrid.building import POINTS, PREFIXES, Reading, model, uuid
from tests.server.building import SITE

_XSD = "http://www.w3.org/2001/XMLSchema#"
_GRAPH = ox.NamedNode("urn:twinhouse:readings")
_ORDERED = re.compile(r"ORDER BY (?:DESC\(|ASC\()?\?(\w+)")
Row = tuple[tuple[str, str], ...]


def store(kinds: dict[str, str], sent: list[Reading], models: Iterable[str] = ("site",)) -> ox.Store:
    """Return the store of a building, as these models, and its readings."""
    found = ox.Store()
    for name in models:
        found.load(model(kinds).encode(), ox.RdfFormat.TURTLE, to_graph=ox.NamedNode(f"urn:twinhouse:model:{name}"))
    found.extend(quad for reading in sent for quad in _history(reading, kinds))
    newest = {reading.series: reading for reading in sorted(sent, key=lambda reading: reading.time)}
    found.extend(quad for reading in newest.values() for quad in _current(reading, kinds))
    return found


def merged(store: ox.Store) -> ox.Store:
    """Return a store whose default graph is the merge of all graphs: where it is not empty, that is what is asked."""
    found = ox.Store()
    found.extend(store)
    found.extend(ox.Quad(*quad.triple) for quad in store)
    return found


def _points(series: int) -> list[str]:
    return [name for name, (_, number) in POINTS.items() if number == series]


def _history(reading: Reading, kinds: dict[str, str]) -> Iterable[ox.Quad]:
    iri = _iri(reading)
    yield _quad(iri, "http://www.w3.org/1999/02/22-rdf-syntax-ns#type", _sosa("Observation"))
    yield _quad(iri, _sosa("resultTime").value, _time(reading.time))
    for name in _points(reading.series):
        yield _quad(iri, _sosa("madeBySensor").value, ox.NamedNode(SITE + name))
        yield ox.Quad(ox.NamedNode(SITE + name), _sosa("madeObservation"), iri, _GRAPH)
        if (result := _result(reading, kinds.get(name))) is not None:
            yield _quad(iri, _sosa("hasSimpleResult").value, result)
    if reading.status:
        yield _quad(iri, "urn:twinhouse:status", ox.Literal(reading.status))


def _current(reading: Reading, kinds: dict[str, str]) -> Iterable[ox.Quad]:
    brick, iri = "https://brickschema.org/schema/Brick#", _iri(reading)
    yield _quad(iri, f"{brick}timestamp", _time(reading.time))
    for name in _points(reading.series):
        yield ox.Quad(ox.NamedNode(SITE + name), ox.NamedNode(f"{brick}lastKnownValue"), iri, _GRAPH)
        if (result := _result(reading, kinds.get(name))) is not None:
            yield _quad(iri, f"{brick}value", result)


def _quad(subject: ox.NamedNode, predicate: str, value: ox.NamedNode | ox.Literal) -> ox.Quad:
    return ox.Quad(subject, ox.NamedNode(predicate), value, _GRAPH)


def _sosa(name: str) -> ox.NamedNode:
    return ox.NamedNode(f"http://www.w3.org/ns/sosa/{name}")


def _iri(reading: Reading) -> ox.NamedNode:
    moment = reading.time.strftime("%Y%m%dT%H%M%S") + _fraction(reading.time)
    return ox.NamedNode(f"urn:twinhouse:observation:{uuid(reading.series)}:{moment}Z")


def _fraction(time: datetime) -> str:
    return f".{time.microsecond:06d}".rstrip("0") if time.microsecond else ""


def _time(time: datetime) -> ox.Literal:
    text = f"{time:%Y-%m-%dT%H:%M:%S}{_fraction(time)}Z"
    return ox.Literal(text, datatype=ox.NamedNode(f"{_XSD}dateTime"))


def _result(reading: Reading, kind: str | None) -> ox.Literal | None:
    value = reading.value
    if value is None:
        return None if reading.text is None else ox.Literal(reading.text)
    if kind == "xsd:boolean" and value in (0, 1):
        return ox.Literal(bool(value))
    if kind == "xsd:integer" and math.isfinite(value) and value == int(value):
        return ox.Literal(int(value))
    return ox.Literal("NaN" if math.isnan(value) else repr(value), datatype=ox.NamedNode(f"{_XSD}double"))


@dataclass(frozen=True, slots=True)
class Solutions:
    """The rows of an answer in SPARQL's JSON, as they come."""

    rows: list[dict[str, dict[str, str]]]

    @classmethod
    def of(cls, body: bytes) -> Solutions:
        return cls(json.loads(body)["results"]["bindings"])

    def has_order(self, name: str) -> bool:
        """Tell whether the order of one variable is said: section 15.1 has none for literals of several kinds."""
        kinds = {(term["type"], term.get("datatype", "")) for row in self.rows if (term := row.get(name)) is not None}
        return not any(kind == "bnode" for kind, _ in kinds) and len({k for k in kinds if k[0] == "literal"}) < 2

    def key(self, name: str) -> list[str]:
        """Return what one variable is in each row."""
        return [_shown(row.get(name)) for row in self.rows]


def _asked(store: ox.Store, text: str) -> ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples:
    """Ask the store; the default graph is that of FROM, or that of the store, or else the union of all."""
    own = store.quads_for_pattern(None, None, None, ox.DefaultGraph())
    union = " FROM " not in text and next(own, None) is None

    def run(instead: str) -> ox.QuerySolutions | ox.QueryBoolean | ox.QueryTriples:
        return store.query(instead, use_default_graph_as_union=union, **extensions(instead))

    return ask(PREFIXES + text, run)


def answer(store: ox.Store, text: str) -> Solutions:
    """Return the right answer to a SELECT (without the prefixes). Raises SyntaxError."""
    found = _asked(store, text)
    return Solutions.of(found.serialize(format=ox.QueryResultsFormat.JSON))  # type: ignore[arg-type]


def statement(store: ox.Store, text: str) -> list[bytes]:
    """Return the right answer to an ASK, or the triples of that to a CONSTRUCT. Raises SyntaxError."""
    found = _asked(store, text)
    if isinstance(found, ox.QueryBoolean):
        return [b"true" if found else b"false"]
    assert isinstance(found, ox.QueryTriples)
    return lines(found.serialize(format=ox.RdfFormat.N_TRIPLES))  # type: ignore[arg-type]


def written(store: ox.Store, text: str) -> list[bytes]:
    """Return the lines of the graph `:out` once an update is made on a copy of a store. Raises SyntaxError."""
    copy = ox.Store()
    copy.bulk_extend(store)
    ask(PREFIXES + text, lambda instead: copy.update(instead, **extensions(instead)))
    out = copy.quads_for_pattern(None, None, None, ox.NamedNode(f"{SITE}out"))
    return lines(ox.serialize((quad.triple for quad in out), format=ox.RdfFormat.N_TRIPLES) or b"")


def lines(body: bytes) -> list[bytes]:
    """Return the lines of an answer in an order of their own; blank nodes are all alike."""
    return sorted(re.sub(rb"_:\w+", b"_:b", line) for line in body.splitlines())


def differences(got: Solutions, wanted: Solutions, text: str) -> list[str]:
    """Return how an answer differs, but for the last digits of doubles, and the order where none is asked for."""
    found, right = sorted(map(_canonical, got.rows)), sorted(map(_canonical, wanted.rows))
    if len(found) != len(right):
        return [f"{len(found)} rows instead of {len(right)}"]
    rows = [f"{one} instead of {other}" for one, other in zip(found, right, strict=True) if not _same(one, other)]
    ordered = _ORDERED.search(text)
    if ordered and wanted.has_order(ordered[1]) and got.key(ordered[1]) != wanted.key(ordered[1]):
        rows.append(f"another order: {got.key(ordered[1])[:9]} instead of {wanted.key(ordered[1])[:9]}")
    return rows


def _canonical(row: dict[str, dict[str, str]]) -> tuple[tuple[tuple[str, str], ...], tuple[float, ...]]:
    """Return what is no double, then the doubles: rows in the order of these are pairs that belong together."""
    terms = sorted(row.items())
    plain = tuple(
        (name, "number" if _is_number(name, term) else _shown(_in_order(name, term))) for name, term in terms
    )
    return plain, tuple(_number(term["value"]) for name, term in terms if _is_number(name, term))


def _in_order(name: str, term: dict[str, str]) -> dict[str, str]:
    """Return a term; what is concatenated has no order of its own."""
    if name not in ("gv", "gw", "gp", "gt", "gl"):
        return term
    return {**term, "value": "|".join(sorted(term["value"].split("|")))}


def _is_number(name: str, term: dict[str, str]) -> bool:
    """Tell whether it is a double; of the least, the most and how far they are apart, 21 and 21.0 are as good."""
    return _is_double(term) or (name in ("mi", "ma", "r") and term.get("datatype") == f"{_XSD}integer")


def _is_double(term: dict[str, str]) -> bool:
    return term.get("datatype") == f"{_XSD}double"


def _number(text: str) -> float:
    number = float(text.replace("INF", "inf"))
    return 1e308 if math.isnan(number) else round(number, 6)  # NaN has no place in an order


def _shown(term: dict[str, str] | None) -> str:
    if term is None:
        return ""
    if _is_double(term):
        return f"{_number(term['value']):.9g}"
    value = "" if term["type"] == "bnode" else term["value"]
    return f"{term['type']} {value} {term.get('datatype', '')} {term.get('xml:lang', '')}"


def _same(one: tuple[object, tuple[float, ...]], other: tuple[object, tuple[float, ...]]) -> bool:
    return one[0] == other[0] and all(
        math.isclose(a, b, rel_tol=1e-9, abs_tol=2e-6) for a, b in zip(one[1], other[1], strict=True)
    )
