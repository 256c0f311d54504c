"""The UUID (RFC 9562) of a series or a point, made from whatever its source calls it.

A text that is a UUID in any of its usual spellings stands for itself. Anything else gets a version 5 UUID,
derived from what identifies it at the source, so that importing twice changes nothing.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from uuid import UUID, uuid5

# Fixed for ever: every derived UUID depends on it.
TWINHOUSE = UUID("cabd51d7-9959-5ba6-a7d6-d8ec3bbeb7c8")

# The hyphens are all there, all underscores (BTS) or all missing (some historians).
_UUID = re.compile(r"(?:urn:uuid:)?([0-9a-f]{8})([-_]?)([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{12})")
_LONGEST = len(TWINHOUSE.urn)
_GROUPS = (8, 4, 4, 4, 12)
_ENOUGH_GROUPS = 3
_HEX = frozenset("0123456789abcdef")


def parse_uuid(text: str) -> UUID | None:
    """Return the UUID that a text spells, with or without hyphens, in any case; None if it spells none."""
    spelled = text.strip()
    return _parsed(spelled) if len(spelled) <= _LONGEST else None


@lru_cache(1 << 16)  # of each point it is asked several times, and again whenever the graph changes
def _parsed(spelled: str) -> UUID | None:
    found = _UUID.fullmatch(spelled.lower())
    return UUID("".join(found.group(1, 3, 4, 5, 6))) if found else None


def series_uuid(series_id: str, stored_at: str | None = None) -> UUID:
    """Return the UUID of a series: its id if that is one, else derived from where it is stored and its id."""
    return parse_uuid(series_id) or _derived("series", stored_at or None, series_id)


def point_uuid(iri: str) -> UUID:
    """Return the UUID of a point that names no series: derived from its IRI."""
    return _derived("point", iri)


def bacnet_uuid(network: str, device: str, *inside: str | int) -> UUID:
    """Return the UUID of a BACnet device, or of what is inside it: an object's type and instance, or a name."""
    return _derived("bacnet", network, device, *map(str, inside))


def reference_iri(point: str, uuid: UUID) -> str:
    """Return the IRI of the reference that we write for a point: its own, and the same each time."""
    return _derived("reference", point, str(uuid)).urn


def looks_damaged(series_id: str) -> bool:
    """Tell an id that was meant to be a UUID and is none: five groups, most of them right, not all."""
    if parse_uuid(series_id) is not None:
        return False
    groups = series_id.strip().lower().removeprefix("urn:uuid:").replace("_", "-").split("-")
    right = (len(group) == size and _HEX.issuperset(group) for group, size in zip(groups, _GROUPS, strict=False))
    return len(groups) == len(_GROUPS) and sum(right) >= _ENOUGH_GROUPS


def _derived(*parts: str | None) -> UUID:
    # JSON keeps the parts apart, whatever characters they hold.
    return uuid5(TWINHOUSE, json.dumps(parts))
