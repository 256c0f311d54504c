"""DTMIs and IRIs: RealEstateCore's and Brick's classes and properties have both, all others one of the other.

REC's DTDL mirrors the IRIs (``dtmi:org:w3id:rec:Room;1`` is ``rec:Room``). A class that only DTDL knows has its
DTMI as its IRI, and a property that only DTDL knows is in the namespace ``urn:twinhouse:adt:``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from pyoxigraph import NamedNode

from ontologies.data_tables import read_table
from ontologies.dtdl.dtmi import LONGEST_OF_INTERFACE, is_own
from ontologies.formats import repair_iri
from ontologies.namespaces import BRICK, PREFIXES, REC, Namespace

ADT = Namespace("urn:twinhouse:adt:")

_MIRRORED = (("dtmi:org:w3id:rec:", REC), ("dtmi:org:brickschema:schema:Brick:", BRICK))
# A segment of a DTMI has letters, digits and _ only; REC's DTDL drops the rest.
_BRICK_DOTTED = {
    name.replace(".", ""): name for name in ("PM2.5_Sensor", "PM2.5_Level_Sensor", "PM2.5_Concentration")
}
_NOT_IN_SEGMENT = re.compile(r"[^A-Za-z0-9_]")
_TERMS = Path(__file__).parent / "data" / "terms.csv"


@lru_cache(maxsize=4096)
def class_of(model: str) -> NamedNode:
    """Return the class that a model is in RDF."""
    for prefix, namespace in _MIRRORED:
        local = model.partition(";")[0].removeprefix(prefix)
        if model.startswith(prefix) and ":" not in local:
            return namespace[_BRICK_DOTTED.get(local, local) if namespace == BRICK else local]
    return NamedNode(repair_iri(model))


@lru_cache(maxsize=4096)
def is_mirrored(model: str) -> bool:
    """Tell whether a model is one of REC's or Brick's."""
    return not class_of(model).value.startswith("dtmi:")


def model_of(iri: str) -> str:
    """Return a DTMI for a class; what it means is told by ``class_of`` where that gives the class back."""
    if is_own(iri, 3) and len(iri) <= LONGEST_OF_INTERFACE:
        return iri
    for prefix, namespace in _MIRRORED:
        if iri.startswith(namespace.iri):
            return _checked(f"{prefix}{_NOT_IN_SEGMENT.sub('', iri[len(namespace.iri) :])};1", iri)
    parts = urlsplit(iri)
    segments = [*reversed(parts.hostname.split(".")), *parts.path.split("/")] if parts.hostname else iri.split(":")
    if parts.hostname and parts.fragment:
        segments.append(parts.fragment)
    named = [text for text in map(_segment, segments) if text]
    return _checked(f"dtmi:{':'.join(named)};1", iri)


def _segment(text: str) -> str:
    cleaned = _NOT_IN_SEGMENT.sub("_", unquote(text)).strip("_")
    return f"n{cleaned}" if cleaned[:1].isdigit() else cleaned


def _checked(dtmi: str, iri: str) -> str:
    if is_own(dtmi, 3) and len(dtmi) <= LONGEST_OF_INTERFACE:
        return dtmi
    return f"dtmi:twinhouse:class:c{hashlib.sha256(iri.encode()).hexdigest()[:16]};1"


@lru_cache(maxsize=1)
def known_names() -> Mapping[str, tuple[NamedNode, str | None]]:
    """Return what REC's DTDL names: the property in RDF, and the schema where JSON does not tell the datatype."""
    rows = read_table(_TERMS, ("name", "term", "schema"))
    return MappingProxyType({row["name"]: (_expanded(row["term"]), row["schema"] or None) for row in rows})


def _expanded(term: str) -> NamedNode:
    prefix, _, local = term.partition(":")
    return NamedNode(PREFIXES[prefix] + local)


@lru_cache(maxsize=4096)
def property_of(name: str, declared_by: str) -> NamedNode:
    """Return the property that a name is in RDF, where a model of REC or Brick declares it or another one."""
    if is_mirrored(declared_by) and name in known_names():
        return known_names()[name][0]
    return NamedNode(repair_iri(ADT.iri + name))


@lru_cache(maxsize=4096)
def name_of(iri: str) -> str:
    """Return a name for a property, as DTDL allows names: letters, digits and _, beginning with a letter."""
    local = re.split(r"[#/:]", iri.rstrip("#/:"))[-1]
    cleaned = _segment(local) or "property"
    return cleaned[:64].rstrip("_")
