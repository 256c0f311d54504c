"""The names of line protocol: how they are escaped, and what together names a series.

    measurement,tag=value,tag=value field=1,field=2 1700000000000000000

A backslash before a comma, a space or (not in a measurement) an equals sign takes its meaning away; before anything
else it is itself. Of several backslashes only the last one counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

LONGEST_KEY = 65_535
"""Bytes that measurement, tags and field together may have: what InfluxDB takes."""

_CONTROLS = r"\x00-\x08\n-\x1f\x7f"
MEASUREMENT = rf"(?:[^\\, {_CONTROLS}]|\\++[^\\{_CONTROLS}])++"
NAME = rf"(?:[^\\,= {_CONTROLS}]|\\++[^\\{_CONTROLS}])++"
_KEY = re.compile(rf"({MEASUREMENT})((?:,{NAME}={NAME})*)")
_TAG = re.compile(rf",({NAME})=({NAME})")
_SPECIAL = re.compile(r"([,= ])")
_SPECIAL_IN_MEASUREMENT = re.compile(r"([, ])")
_ESCAPED = re.compile(r"\\([,= ])")
_ESCAPED_IN_MEASUREMENT = re.compile(r"\\([, ])")


RawSeries: TypeAlias = tuple[str, str, bool]
"""What a line says of one series, as it was sent: measurement with tags; field; whether it is the line's only one."""


class BadKey(ValueError):
    """A measurement with its tags that names no series."""


@dataclass(frozen=True, slots=True)
class SeriesName:
    """What names a series: its tags are sorted by key."""

    measurement: str
    tags: tuple[tuple[str, str], ...]
    field: str

    def __str__(self) -> str:
        """Return the canonical form, in which equal names are equal texts: `cpu,host=a usage`."""
        tags = "".join(f",{_escaped(key)}={_escaped(value)}" for key, value in self.tags)
        return f"{_SPECIAL_IN_MEASUREMENT.sub(_ESCAPE, self.measurement)}{tags} {_escaped(self.field)}"

    def tag(self, key: str) -> str | None:
        """Return the value of a tag, or None."""
        return next((value for name, value in self.tags if name == key), None)


_ESCAPE = r"\\\1"


def series_name(key: str, field: str) -> SeriesName:
    """Read names as they were sent. Raises BadKey for a tag that is there twice, and for what is too long."""
    if len(key.encode()) + len(field.encode()) > LONGEST_KEY:
        raise BadKey(f"measurement, tags and field together are longer than {LONGEST_KEY:,} bytes")
    found = _KEY.fullmatch(key)
    if found is None:
        raise BadKey(f"{key[:100]!r} is no measurement with tags")
    tags = sorted((_unescaped(tag), _unescaped(value)) for tag, value in _TAG.findall(found[2]))
    for (tag, _), (following, _) in pairwise(tags):
        if tag == following:
            raise BadKey(f"the tag {tag[:100]} is there twice")
    measurement = _ESCAPED_IN_MEASUREMENT.sub(r"\1", found[1])
    return SeriesName(measurement, tuple(tags), _unescaped(field))


def _escaped(name: str) -> str:
    return _SPECIAL.sub(_ESCAPE, name)


def _unescaped(name: str) -> str:
    return _ESCAPED.sub(r"\1", name) if "\\" in name else name
