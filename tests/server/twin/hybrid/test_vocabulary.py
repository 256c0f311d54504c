"""Which texts see readings: however a term is written, none is missed."""

from __future__ import annotations

import re

import pytest

from server.twin.hybrid.vocabulary import CURRENT, HISTORY, OBSERVATION, READINGS, VALUE, mentions

URL = "https://twin.example"
TERMS = sorted({*HISTORY, *CURRENT, OBSERVATION, READINGS} - {VALUE})
READING = f"{URL}/observations/2f0e7f0a-7c1c-4c6b-9d5e-0a1b2c3d4e5f/20260131T080000Z"


def cuts(iri: str) -> range:
    """Return where a prefix can end: not within the scheme."""
    return range(iri.index(":") + 1, len(iri) + 1)


@pytest.mark.parametrize("iri", [*TERMS, READING])
def test_a_term_is_seen_wherever_its_prefix_ends(iri: str) -> None:
    for at in cuts(iri):
        local = re.sub(r"([/#.~-])", r"\\\1", iri[at:])
        assert mentions(f"PREFIX p: <{iri[:at]}> SELECT * {{ ?s p:{local} ?o }}", URL), at


@pytest.mark.parametrize("iri", [iri for iri in TERMS if iri.startswith("http")])
def test_a_term_is_seen_behind_a_base_and_a_relative_prefix(iri: str) -> None:
    folder, _, name = iri.rpartition("/")
    above, _, last = folder.rpartition("/")
    for at in range(len(name)):
        for base, start in ((folder, ""), (above, f"{last}/"), (f"{folder}/x", "../")):
            local = name[at:].replace("#", "\\#")
            text = f"BASE <{base}/> PREFIX p: <{start}{name[:at]}> SELECT * {{ ?s p:{local} ?o }}"
            assert mentions(text), text
    assert mentions(f"BASE <{folder}/> SELECT * {{ ?s <{name}> ?o }}")
    assert mentions(f"BASE <http://else.example/> SELECT * {{ ?s <{iri}> ?o }}")


def test_a_reading_is_seen_relative_to_the_endpoint() -> None:
    assert mentions(f"DESCRIBE <{READING.removeprefix(URL)}>", URL)
    assert mentions(f"DESCRIBE <{READING.removeprefix(URL + '/')}>", URL)
    assert not mentions(f"DESCRIBE <{READING}>", "https://other.example")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * { ?s brick:hasPoint ?p }",
        "PREFIX brick: <https://brickschema.org/schema/Brick#> SELECT * { ?s a brick:Damper ; brick:value ?v }",
        "PREFIX p: <http://www.w3.org/ns/sosa/> SELECT * { ?s p:madeBy ?o }  # sosa:madeBySensor",
        "PREFIX p: <http://www.w3.org/ns/sosa/> SELECT * { ?s ?p 'http://www.w3.org/ns/sosa/madeBySensor' }",
    ],
)
def test_other_texts_are_not(text: str) -> None:
    assert not mentions(text, URL)
