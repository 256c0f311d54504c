"""The BACnet objects that a model's points refer to: Brick 1.4's form of the reference, Brick 1.5's and the URI."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode, Quad

from ontologies.namespaces import BACNET, BACNET_2020, REF, S223

# 135, Q.8: bacnet://<device>/<object>[/<property>[/<index>]]
_URI = re.compile(r"bacnet://(\d+|\.this)/([a-z0-9-]+),(\d+)(?:/.*)?", re.IGNORECASE)
_IDENTIFIER = re.compile(r"([a-z0-9-]+)[,:](\d+)", re.IGNORECASE)
_LINKS = frozenset({REF["hasExternalReference"], S223["hasExternalReference"]})
_BOTH = (BACNET_2020, BACNET)

_Facts = defaultdict[object, defaultdict[NamedNode, set[object]]]


@dataclass(frozen=True, slots=True)
class BacnetReference:
    """A point and its object; the device's instance is None where the model does not tell it."""

    point: str
    device: int | None
    type: str
    instance: int


def bacnet_references(quads: Iterable[Quad]) -> list[BacnetReference]:
    """Return every reference that can be read, by point; what is malformed is passed over."""
    facts: _Facts = defaultdict(lambda: defaultdict(set))
    holders: dict[object, object] = {}
    for quad in quads:
        facts[quad.subject][quad.predicate].add(quad.object)
        if quad.predicate in (BACNET["contains"], BACNET_2020["contains"]):
            holders[quad.object] = quad.subject
    found = {
        reference
        for point, links in list(facts.items())
        if isinstance(point, NamedNode)
        for link in _LINKS
        for node in links.get(link, ())
        for reference in _read(point.value, node, facts, holders)
    }
    return sorted(found, key=lambda r: (r.point, r.device is None, r.device or 0, r.type, r.instance))


def _read(point: str, node: object, facts: _Facts, holders: dict[object, object]) -> Iterator[BacnetReference]:
    known = facts[node]
    devices = {value for base in _BOTH for value in known.get(base["objectOf"], ())}
    devices |= {holders[node]} if node in holders else set()
    for text in _texts(known.get(REF["BACnetURI"], ())):
        match = _URI.fullmatch(text)
        if match:
            device = int(match[1]) if match[1].isdigit() else _instance(devices, facts)
            yield BacnetReference(point, device, match[2].lower(), int(match[3]))
    for base in _BOTH:
        for text in _texts(known.get(base["object-identifier"], ())):
            match = _IDENTIFIER.fullmatch(text.strip())
            if match:
                yield BacnetReference(point, _instance(devices, facts), match[1].lower(), int(match[2]))


def _instance(devices: set[object], facts: _Facts) -> int | None:
    numbers = {
        int(text)
        for device in devices
        for base in _BOTH
        for text in _texts(facts[device].get(base["device-instance"], ()))
        if text.isdecimal()
    }
    return min(numbers, default=None)


def _texts(values: Iterable[object]) -> Iterator[str]:
    return (value.value for value in values if isinstance(value, Literal))
