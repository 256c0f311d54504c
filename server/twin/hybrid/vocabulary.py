"""The terms by which readings are seen, and which of them a text names."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import urljoin
from uuid import UUID

from ontologies.identity import parse_uuid
from ontologies.namespaces import BRICK, RDF, SOSA, TWH
from storage.graph.guard import decode_escapes
from storage.graph.tokens import TOKEN

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
# A prefix or a base cuts the name of a term in two at most. So one of its halves here is there, wherever the cut is.
_HALVES = (
    *("made", "BySensor", "Obse", "rvation", "resu", "ltTime", "hasSim", "pleResult", "lastK", "nownValue"),
    *("times", "tamp", "twinh", "ouse", "obse", "\\u", "\\U"),
)
_MOMENT = re.compile(r"(\d{8}T\d{6})(?:\.(\d{0,5}[1-9]))?Z")
_LONG = 1 << 16  # characters: data for the most part, in which a term is looked for as it is mostly written
_PLAIN = re.compile(
    r"madeBySensor|madeObservation|resultTime|hasSimpleResult|Observation|lastKnownValue|Brick#timestamp|:timestamp"
    r"|twinhouse|:status|:readings|/observations/"
)
_ESCAPED = re.compile(r"\\(.)")


def mentions(text: str, public_url: str = "") -> bool:
    """Tell whether a query or an update names a term of readings, their graph, or one of them, as a constant.

    brick:value alone is none: models say areas and the like with it.
    """
    if not any(map(text.__contains__, _HALVES)) or (len(text) > _LONG and not _PLAIN.search(text)):
        return False
    return any(iri in _NAMED or is_observation(iri, public_url) for iri in _iris(decode_escapes(text), public_url))


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


def _iris(text: str, public_url: str) -> set[str]:
    """Return the IRIs that a text has; of a relative one, all that it could be. Of readings it misses none."""
    found, prefixes, before = set[str](), dict[str, set[str]](), list[str]()
    base = f"{public_url}/query" if public_url else ""
    for token in TOKEN.finditer(text):
        kind, written = token.lastgroup, token.group()
        if kind == "comment":
            continue
        if kind == "iri":
            iris = _resolved(written[1:-1], base)
            if before[-1:] == ["BASE"]:
                base = urljoin(base, written[1:-1])
            elif len(before) == 2 and before[0] == "PREFIX":
                prefixes[before[1][:-1]] = iris
            found |= iris
        elif kind == "name":
            prefix, _, local = written.rstrip(".").partition(":")
            found.update(iri + _ESCAPED.sub(r"\1", local) for iri in prefixes.get(prefix, ()))
        before = [*before[-1:], written.upper() if kind == "word" else written]
    return found


def _resolved(iri: str, base: str) -> set[str]:
    """Return what an IRI may stand for (RFC 3986, section 5.2; `urljoin` resolves nothing against a URN)."""
    if not base:
        return {iri}
    joined = urljoin(base, iri) + ("#" if iri.endswith("#") else "")  # which it leaves out
    return {iri, base + iri, base.rpartition("/")[0] + "/" + iri, base.rpartition("#")[0] + iri, joined}
