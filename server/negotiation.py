"""Chooses a media type from Accept (RFC 9110, section 12.5.1) or from `?format=`, a coding from Accept-Encoding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from server.errors import Problem, bad_request

RESULTS = {
    "json": "application/sparql-results+json",
    "xml": "application/sparql-results+xml",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
}
"""SPARQL results by name, in the order of our preference."""

GRAPHS = {
    "turtle": "text/turtle",
    "ntriples": "application/n-triples",
    "rdfxml": "application/rdf+xml",
    "jsonld": "application/ld+json",
    "trig": "application/trig",
    "nquads": "application/n-quads",
}
"""RDF formats by name, in the order of our preference."""

OTHER_NAMES = {
    **dict.fromkeys(("xml", "rdf", "rdf+xml"), "rdfxml"),
    **dict.fromkeys(("json", "json-ld"), "jsonld"),
    **dict.fromkeys(("ttl", "n3"), "turtle"),
    "nt": "ntriples",
    "nq": "nquads",
}
"""What clients such as SPARQLWrapper call RDF formats."""

ALIASES = {"application/json": RESULTS["json"], "text/xml": RESULTS["xml"], "application/xml": RESULTS["xml"]}


_EXACT = 3
_MOST = 100  # media ranges or codings


@dataclass(frozen=True, slots=True)
class _Range:
    """One media range of Accept and its quality."""

    kind: str
    subtype: str
    quality: float

    def rank(self, media_type: str) -> int:
        """Return how exactly it matches: 0 not at all, 3 to the letter."""
        kind, _, subtype = media_type.partition("/")
        if (self.kind, self.subtype) == (kind, subtype):
            return _EXACT
        if self.kind == kind and self.subtype == "*":
            return 2
        return 1 if (self.kind, self.subtype) == ("*", "*") else 0


def _ranges(accept: str) -> list[_Range]:
    found = []
    for part in _listed(accept):
        media_type, *parameters = (piece.strip() for piece in part.split(";"))
        kind, _, subtype = media_type.lower().partition("/")
        if kind and subtype:
            found.append(_Range(kind, subtype, _quality(parameters)))
    return found


def _listed(header: str) -> list[str]:
    """Return the parts of a list, those that count: one of thousands would keep everyone waiting."""
    return header.split(",", _MOST)[:_MOST]


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0


def choose(offers: Sequence[str], accept: str | None) -> str:
    """Return the offer that the client likes best; among equals the first. Raises a 406 problem for none."""
    ranges = _ranges(accept) if accept and accept.strip() else []
    if not ranges:
        return offers[0]
    best = max(offers, key=lambda offer: _liking(ranges, offer))
    if _liking(ranges, best) <= 0:
        raise Problem(406, "not-acceptable", f"no answer in {accept}", hint="offered: " + ", ".join(offers))
    return best


def _liking(ranges: Sequence[_Range], offer: str) -> float:
    """Return the quality of the range that matches an offer best; only its whole name stands for what it aliases."""
    aliases = [alias for alias, meant in ALIASES.items() if meant == offer]
    matches = [(r.rank(offer), r.quality) for r in ranges if r.rank(offer)]
    matches += [(_EXACT, r.quality) for r in ranges for alias in aliases if r.rank(alias) == _EXACT]
    return max(matches, default=(0, 0.0))[1]


def negotiate(offers: Mapping[str, str], accept: str | None, name: str | None) -> str:
    """Return a media type of `offers` (by name): the one named, or else by Accept.

    Raises a 400 problem for an unknown name, a 406 one where nothing fits.
    """
    if name is None:
        return choose(list(offers.values()), accept)
    meant = name.lower().replace(" ", "+")  # a "+" that a client forgot to escape in a URL
    for known in (meant, OTHER_NAMES.get(meant, meant)):
        if known in offers:
            return offers[known]
    if meant in offers.values():
        return meant
    raise bad_request(f'there is no format "{name}" here', hint="formats: " + ", ".join(offers))


IDENTITY = "identity"
_LAST = 0.0001  # identity is acceptable unless it is excluded, and liked less than what is named


def choose_coding(offers: Iterable[str], accept_encoding: str | None) -> str:
    """Return the coding that the client likes best (RFC 9110, section 12.5.3); among equals the first.

    Without the header that is `identity`, which is what clients mean that do not send it. Raises a 406 problem where
    the client excludes `identity` and likes none of the offers.
    """
    if accept_encoding is None:
        return IDENTITY
    likings = _codings(accept_encoding)
    best = max((*offers, IDENTITY), key=lambda coding: _coding_liking(likings, coding))
    if _coding_liking(likings, best) <= 0:
        hint = "offered: " + ", ".join((*offers, IDENTITY))
        headers = {"Vary": "Accept-Encoding"}
        raise Problem(406, "not-acceptable", f"no coding in {accept_encoding}", hint=hint, headers=headers)
    return best


def excludes_identity(accept_encoding: str | None) -> bool:
    """Tell whether a client wants a coded answer, or none."""
    return accept_encoding is not None and _coding_liking(_codings(accept_encoding), IDENTITY) <= 0


def _codings(accept_encoding: str) -> dict[str, float]:
    found = {}
    for part in _listed(accept_encoding):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        found[name.lower().removeprefix("x-")] = _quality(parameters)
    return found


def _coding_liking(likings: Mapping[str, float], coding: str) -> float:
    anything = likings.get("*")
    if coding == IDENTITY and anything != 0:
        return likings.get(coding, _LAST)
    return likings.get(coding, anything or 0.0)
