"""What the triples of a reading are: SQL that writes them as N-Quads, and the kinds of points."""

from __future__ import annotations

from server.twin.hybrid import vocabulary as terms
from storage.series.sql import quote

XSD = "http://www.w3.org/2001/XMLSchema#"


def time_text(time: str) -> str:
    """Return the SQL for a time as xsd:dateTime writes it, canonically and in UTC."""
    return f"(strftime({time}, '%Y-%m-%dT%H:%M:%S') || {_fraction(time)} || 'Z')"


def _fraction(time: str) -> str:
    part = f"(epoch_us({time}) % 1000000 + 1000000) % 1000000"
    return f"CASE WHEN {part} = 0 THEN '' ELSE '.' || rtrim(lpad(({part})::VARCHAR, 6, '0'), '0') END"


def observation_iri(uuid: str, time: str, public_url: str = "") -> str:
    """Return the SQL for the IRI of the reading of a series (SQL of its UUID) at a time (SQL)."""
    if public_url:
        head, separator = f"{public_url}/observations/", "/"
    else:
        head, separator = terms.OBSERVATION_IRI, ":"
    moment = f"strftime({time}, '%Y%m%dT%H%M%S') || {_fraction(time)} || 'Z'"
    return f"({quote(head)} || {uuid} || {quote(separator)} || {moment})"


def double_text(value: str) -> str:
    """Return the SQL for a DOUBLE as xsd:double writes it."""
    shortest = f"regexp_replace({value}::VARCHAR, '\\.0$', '')"
    infinite = f"CASE WHEN {value} > 0 THEN 'INF' ELSE '-INF' END"
    return f"CASE WHEN isnan({value}) THEN 'NaN' WHEN isinf({value}) THEN {infinite} ELSE {shortest} END"


def number_literal(value: str, kind: str) -> str:
    """Return the SQL for the N-Triples literal of a number, by the kind (SQL) of its point."""
    whole = f"{value} = trunc({value}) AND abs({value}) < 9007199254740992"
    truth = f"({value} = 1)::VARCHAR"
    return (
        f"CASE WHEN {kind} = 'boolean' AND {value} IN (0, 1) THEN '\"' || {truth} || '\"^^<{XSD}boolean>'"
        f" WHEN {kind} = 'integer' AND isfinite({value}) AND {whole}"
        f" THEN '\"' || {value}::BIGINT::VARCHAR || '\"^^<{XSD}integer>'"
        f" ELSE '\"' || {double_text(value)} || '\"^^<{XSD}double>' END"
    )


def string_literal(text: str) -> str:
    """Return the SQL for the N-Triples literal of a string."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r")):
        text = f"replace({text}, {_char(plain)}, {quote(escaped)})"
    return f"('\"' || {text} || '\"')"


def _char(text: str) -> str:
    return f"chr({ord(text)})"


def result_literal(value: str, text: str, kind: str) -> str:
    """Return the SQL for the literal of a reading's result; null where it has none."""
    return (
        f"CASE WHEN {value} IS NOT NULL THEN {number_literal(value, kind)}"
        f" WHEN {text} IS NOT NULL THEN {string_literal(text)} END"
    )


def quads(rows: str, wanted: frozenset[str], current: bool, public_url: str = "") -> str:
    """Return a SELECT of `line`: the N-Quads of readings that have one of the `wanted` predicates.

    `rows` has the columns id, point (its IRI), kind, time, value, text and status. With `current` they are the latest
    of each series, whose triples are those of brick:lastKnownValue.
    """
    made = (
        f"SELECT '<' || {observation_iri('id', 'time', public_url)} || '>' AS o, '<' || point || '>' AS p,"
        f" '\"' || {time_text('time')} || '\"^^<{XSD}dateTime>' AS t, {result_literal('value', 'text', 'kind')} AS v,"
        f" {string_literal('status')} AS s FROM ({rows})"
    )
    patterns = _CURRENT if current else _HISTORY
    lines = [
        f"coalesce({subject} || ' <{predicate}> ' || {value} || ' <{terms.READINGS}> .' || chr(10), '')"
        for predicate, (subject, value) in patterns.items()
        if predicate in wanted
    ]
    return f"SELECT {' || '.join(lines)} AS line FROM ({made})"


_HISTORY = {
    terms.TYPE: ("o", f"'<{terms.OBSERVATION}>'"),
    terms.MADE_BY_SENSOR: ("o", "p"),
    terms.MADE_OBSERVATION: ("p", "o"),
    terms.RESULT_TIME: ("o", "t"),
    terms.SIMPLE_RESULT: ("o", "v"),
    terms.STATUS: ("o", "s"),
}
_CURRENT = {
    terms.LAST_KNOWN_VALUE: ("p", "o"),
    terms.TIMESTAMP: ("o", "t"),
    terms.VALUE: ("o", "v"),
}
