from __future__ import annotations

import pytest

from server.errors import Problem
from server.negotiation import GRAPHS, RESULTS, choose, choose_coding, excludes_identity, negotiate

CODINGS = ["zstd", "br", "gzip"]
OFFERS = ["a/x", "a/y", "b/z"]


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "a/x"),
        (" ", "a/x"),
        ("nonsense", "a/x"),
        ("/, a/, ;q=1", "a/x"),
        ("b/z", "b/z"),
        ("B/Z", "b/z"),
        ("a/*;q=0.5, b/*;q=0.6", "b/z"),
        ("a/x;q=0.1, a/*;q=0.9", "a/y"),
        ("*/*;q=0.1, a/x;q=0", "a/y"),
        ("b/z;q=x, a/y;q=0.1", "a/y"),
        ("b/z;q=7, a/y", "a/y"),
        ("b/z ; charset=utf-8 ; Q=0.9, a/x;q=0.8", "b/z"),
    ],
)
def test_the_best_liked_offer_is_chosen(accept: str | None, chosen: str) -> None:
    assert choose(OFFERS, accept) == chosen


@pytest.mark.parametrize(
    ("accept", "chosen"), [("text/xml", "xml"), ("application/xml;q=0.9, text/*;q=0.1", "xml"), ("text/*", "csv")]
)
def test_an_alias_is_matched_by_its_name_alone(accept: str, chosen: str) -> None:
    assert choose(list(RESULTS.values()), accept) == RESULTS[chosen]


def test_of_a_long_list_the_beginning_counts() -> None:
    assert choose(OFFERS, "c/c," * 99 + "b/z") == "b/z"
    assert choose_coding(CODINGS, "a," * 99 + "gzip") == "gzip"
    assert choose_coding(CODINGS, "a," * 100 + "gzip") == "identity"


@pytest.mark.parametrize("accept", ["c/c", "a/x;q=0", "*/*;q=0", "c/c," * 100 + "b/z"])
def test_nothing_liked_is_406_and_says_what_there_is(accept: str) -> None:
    with pytest.raises(Problem) as error:
        choose(OFFERS, accept)
    assert (error.value.status, "b/z" in error.value.hint) == (406, True)


@pytest.mark.parametrize(
    ("offers", "name", "chosen"),
    [
        (RESULTS, "csv", "text/csv"),
        (RESULTS, "application/sparql-results+json", RESULTS["json"]),
        (RESULTS, "application/sparql-results json", RESULTS["json"]),
        (RESULTS, "XML", RESULTS["xml"]),
        (GRAPHS, "xml", GRAPHS["rdfxml"]),
        (GRAPHS, "json-ld", GRAPHS["jsonld"]),
        (GRAPHS, "n3", GRAPHS["turtle"]),
    ],
)
def test_a_name_outranks_accept(offers: dict[str, str], name: str, chosen: str) -> None:
    assert negotiate(offers, "text/html", name) == chosen


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip", "gzip"),
        ("GZIP;Q=0.5", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, br;q=0.9, zstd;q=0.8", "gzip"),
        ("gzip;q=0.8, br;q=0.9", "br"),
        ("gzip;q=0", "identity"),
        ("gzip;q=0.0, br;q=0.1", "br"),
        ("*", "zstd"),
        ("*;q=0.5, zstd;q=0", "br"),
        ("*;q=0.5, gzip", "gzip"),
        ("deflate", "identity"),
        ("identity, gzip;q=0.5", "identity"),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("identity;q=0, gzip;q=0.001", "gzip"),
        ("*;q=0, identity;q=0.1", "identity"),
        ("gzip;q=nonsense", "identity"),
    ],
)
def test_the_best_liked_coding_is_chosen(accept: str | None, chosen: str) -> None:
    assert choose_coding(CODINGS, accept) == chosen


@pytest.mark.parametrize(
    "accept", ["identity;q=0", "*;q=0", "identity;q=0, gzip;q=0, br;q=0, zstd;q=0", "compress, *;q=0"]
)
def test_no_coding_liked_is_406_and_says_what_there_is(accept: str) -> None:
    with pytest.raises(Problem) as error:
        choose_coding(CODINGS, accept)
    assert (error.value.status, "gzip" in error.value.hint) == (406, True)


@pytest.mark.parametrize(
    ("accept", "excluded"),
    [(None, False), ("", False), ("gzip", False), ("gzip, identity;q=0", True), ("gzip, *;q=0", True), ("*", False)],
)
def test_identity_will_do_unless_it_is_excluded(accept: str | None, excluded: bool) -> None:
    assert excludes_identity(accept) is excluded
