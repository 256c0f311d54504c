"""What kind of number a point reports, where the graph says so: a boolean, an integer; else doubles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import pyoxigraph as ox

from ontologies.namespaces import BACNET, BACNET_2020, BRICK, REF, S223, TWH, XSD

Kind = Literal["boolean", "integer", "double"]
_LINKS = (REF["hasExternalReference"], S223["hasExternalReference"], BRICK["timeseries"])
_DATATYPE = TWH["datatype"]
_OBJECTS = tuple(space[name] for space in (BACNET_2020, BACNET) for name in ("object-type", "object-identifier"))
_KINDS: Mapping[str, Kind] = {
    XSD["boolean"].value: "boolean",
    XSD["integer"].value: "integer",
    XSD["double"].value: "double",
}


@dataclass(frozen=True, slots=True)
class Kinds:
    """The kind of each point that has one of its own."""

    of: Mapping[str, Kind]


def kinds_query() -> str:
    """Return the query of what `read_kinds` reads, for a union default graph.

    What few references have is to be looked for first, not for each of them.
    """
    parts = [f"{{ ?point {_DATATYPE} ?kind }}"]
    parts += [
        f"{{ {{ SELECT ?r ?kind {{ ?r {said} ?kind }} }} ?point {link} ?r }}"
        for link in _LINKS
        for said in (_DATATYPE, *_OBJECTS)
    ]
    return f"SELECT DISTINCT ?point ?kind {{ {' UNION '.join(parts)} }}"


def read_kinds(rows: Iterable[tuple[object, ...]]) -> Kinds:
    """Return the kinds of points; of two that are said, the datatype in letters comes before a BACnet object's."""
    found: dict[str, Kind] = {}
    for point, said in sorted(rows, key=str):
        if not isinstance(point, ox.NamedNode) or not isinstance(said, ox.NamedNode | ox.Literal):
            continue
        text = said.value
        if kind := _KINDS.get(text):
            found[point.value] = kind
        elif kind := _kind_of_object(text):
            found.setdefault(point.value, kind)
    return Kinds(found)


def _kind_of_object(text: str) -> Kind | None:
    """Return the kind of a BACnet object: of its type, or of its identifier as `binary-input,3`."""
    name = text.replace("#", "/").rsplit("/", 1)[-1].lower().replace("_", "-")
    if name.startswith("binary-"):
        return "boolean"
    return "integer" if name.startswith("multi-state-") else None
