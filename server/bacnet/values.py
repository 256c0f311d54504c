"""From a device's answers to readings, with quality flags."""

from __future__ import annotations

import math
from collections.abc import Iterable

from server.bacnet import names
from server.bacnet.buffer import Reading
from server.bacnet.objects import present
from server.bacnet.services import Answer
from server.bacnet.tags import Bits, ObjectId, Value

LOST = "communication-failure"  # the standard's word for it, of Reliability
UNREADABLE = "read-failed"


def reading_of(series: str, time: int, object_: ObjectId, value: Value, status: str | None) -> Reading | None:
    """Return a reading; None for a value that is neither a finite number nor a text."""
    found = present(object_, value)
    if isinstance(found, str):
        return Reading(series, time, None, found, status)
    if found is None or not math.isfinite(found):
        return None
    return Reading(series, time, float(found), None, status)


def status_of(flags: Value, reliability: Value = None) -> str | None:
    """Return the flags that are set, by commas, with the reliability of a fault; None where all is good."""
    found: Iterable[str] = names.flags(flags) if isinstance(flags, Bits) else ()
    if isinstance(reliability, int) and reliability != 0:
        found = (*found, names.reliability(reliability))
    return ",".join(found) or None


def has_fault(flags: Answer | None) -> bool:
    """Tell whether status flags say that the value is not to be relied on."""
    return flags is not None and isinstance(flags.value, Bits) and len(flags.value.bits) > 1 and flags.value.bits[1]
