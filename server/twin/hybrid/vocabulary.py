"""The terms by which readings are seen, and which of them a text names."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import UUID

from ontologies.identity import parse_uuid
from ontologies.namespaces import BRICK, RDF, SOSA, TWH
from storage.graph.guard import TOKEN, decode_escapes

TYPE = RDF["type"].value
READINGS = TWH["readings"].value
OBSERVATION = SOSA["Observation"].value
MADE_BY_SENSOR = SOSA["madeBySensor"].value
MADE_OBSERVATION = SOSA["madeObservation"].value
RESULT_TIME = SOSA["resultTime"].value
SIMPLE_RESULT = SOSA["hasSimpleResult"].value
STATUS = TWH["status"].value
LAST_KNOWN_VALUE = BRICK["lastKnownValue"].value
TIMESTAMP = BRICK["timestamp"].value
VALUE = BRICK["value"].value
OBSERVATION_IRI = TWH.iri + "observation:"

HISTORY = frozenset({MADE_BY_SENSOR, MADE_OBSERVATION, RESULT_TIME, SIMPLE_RESULT, STATUS})
CURRENT = frozenset({LAST_KNOWN_VALUE, TIMESTAMP, VALUE})
PREDICATES = HISTORY | CURRENT
_NAMED = (PREDICATES | {OBSERVATION, READINGS}) - {VALUE}
_HINTS = ("sosa", "brickschema", "twinhouse", "/observations/", "\\u", "\\U")
_MOMENT = re.compile(r"(\d{8}T\d{6})(?:\.(\d{0,5}[1-9]))?Z")
_ESCAPED = re.compile(r"\\(.)")


def mentions(text: str, public_url: str = "") -> bool:
    """Tell whether a query or an update names a term of readings, their graph, or one of them, as a constant.

    brick:value alone is none: models say areas and the like with it.
    """
    return any(hint in text for hint in _HINTS) and any(
        iri in _NAMED or is_observation(iri, public_url) for iri in _iris(decode_escapes(text))
    )


def is_observation(iri: str, public_url: str = "") -> bool:
    """Tell whether an IRI has the form of those of readings."""
    return iri.startswith(OBSERVATION_IRI) or bool(public_url and iri.startswith(f"{public_url}/observations/"))


def parse_observation(iri: str, public_url: str = "") -> tuple[UUID, datetime] | None:
    """Return the series and the time (naive UTC) of a reading's IRI; None for what is none, to the letter."""
    for head in (OBSERVATION_IRI, f"{public_url}/observations/" if public_url else ""):
        if head and iri.startswith(head):
            series, _, moment = iri.removeprefix(head).partition("/" if head != OBSERVATION_IRI else ":")
            return parse_reading(series, moment)
    return None


def parse_reading(series: str, moment: str) -> tuple[UUID, datetime] | None:
    """Return the series and the time of the two parts that end the IRI of a reading."""
    uuid = parse_uuid(series)
    if uuid is None or series != str(uuid) or not (match := _MOMENT.fullmatch(moment)):
        return None
    try:
        time = datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
    return uuid, time.replace(microsecond=int((match[2] or "0").ljust(6, "0")), tzinfo=None)


def _iris(text: str) -> set[str]:
    """Return the IRIs that a text has, in full but for relative ones. Of readings it misses none."""
    found, prefixes, before, base = set[str](), dict[str, str](), list[str](), ""
    for token in TOKEN.finditer(text):
        kind, written = token.lastgroup, token.group()
        if kind == "comment":
            continue
        if kind == "iri":
            iri = written[1:-1]
            if before[-1:] == ["BASE"]:
                base = iri
            elif len(before) == 2 and before[0] == "PREFIX":
                prefixes[before[1][:-1]] = iri
            found |= {iri, base + iri, base.rpartition("/")[0] + "/" + iri, base.rpartition("#")[0] + iri}
        elif kind == "name":
            prefix, _, local = written.rstrip(".").partition(":")
            if prefix in prefixes:
                found.add(prefixes[prefix] + _ESCAPED.sub(r"\1", local))
        before = [*before[-1:], written.upper() if kind == "word" else written]
    return found
