"""How a table is to be read, and which of its columns plays which part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

import pyarrow as pa

from server.tables.compute import assume_timezone
from server.tables.errors import BadReadings, shown

TimeUnit = Literal["s", "ms", "us", "ns"]

DEFAULT_NA = (*("", "-", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "NONE"),)
"""The cells of a value column that mean "no reading" (compared after trimming spaces)."""

_SOME_TIME = pa.array([0], pa.timestamp("us"))
_GUESSES = {
    "id": ("id", "uuid", "point", "point_id", "series", "series_id", "timeseries_id", "name"),
    "time": (
        *("time", "timestamp", "datetime", "ts", "datetime_utc", "timestamp_utc", "time_utc", "date_time"),
        "date",
    ),
    "value": ("value", "val", "v", "reading", "present_value"),
    "text": ("text", "value_text", "text_value"),
    "status": ("status", "quality", "flags"),
}


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the table itself does not say. A column left None is guessed from common names.

    `wide`: a column per series instead of a row per reading; None guesses wide when there is a time column
    but no id column. `ignore`: columns of a wide table to leave out. `timezone`: the IANA name that times
    without an offset are in (None: UTC). `time_unit`: what times given as numbers since 1970 count. `na`:
    cells that mean "no reading" beyond DEFAULT_NA. `delimiter`: of CSV (None: guessed; with ";" numbers may
    have a decimal comma). `max_rows`: refuse a table that yields more readings (None: no limit). Raises
    BadReadings for a time zone or time unit that is not known.
    """

    id_column: str | None = None
    time_column: str | None = None
    value_column: str | None = None
    text_column: str | None = None
    status_column: str | None = None
    wide: bool | None = None
    ignore: tuple[str, ...] = ()
    timezone: str | None = None
    time_unit: TimeUnit | None = None
    na: tuple[str, ...] = ()
    delimiter: str | None = None
    max_rows: int | None = None

    def __post_init__(self) -> None:
        if self.timezone is not None and not _is_zone(self.timezone):
            name = self.timezone.removeprefix("posix/").removeprefix("right/")
            like = name if name != self.timezone and _is_zone(name) else "Europe/Berlin"
            raise BadReadings(f"time zone {shown(self.timezone)} is not known", hint=f"use an IANA name: {like}")
        if self.time_unit not in (None, "s", "ms", "us", "ns"):
            raise BadReadings(f'time unit "{self.time_unit}" is not known', hint="use s, ms, us or ns")

    @property
    def missing(self) -> tuple[str, ...]:
        """Every cell that means "no reading"."""
        return DEFAULT_NA + self.na


def _is_zone(name: str) -> bool:
    """Tell whether times can be read by a zone: Arrow, which does, does not know all that Python finds on disk."""
    try:
        ZoneInfo(name)
        assume_timezone(_SOME_TIME, name, "earliest")
    except (ValueError, OSError, LookupError):  # a name no zone has is a KeyError, a path a ValueError or OSError
        return False
    return True


@dataclass(frozen=True, slots=True)
class Roles:
    """The name of the column that plays each part. No `id`: the table is wide."""

    time: str
    id: str | None = None
    value: str | None = None
    text: str | None = None
    status: str | None = None

    @property
    def wide(self) -> bool:
        return self.id is None

    @property
    def named(self) -> list[str]:
        """The columns a long table is read from."""
        return [name for name in (self.id, self.time, self.value, self.text, self.status) if name is not None]


def roles_of(columns: Sequence[str], options: ReadOptions) -> Roles:
    """The parts of the columns, as the options name them or else guessed.

    Raises BadReadings when a named column is not there, or the time, the id or both value and text are
    missing, or a column is named for two of these.
    """
    time = _required("time", options.time_column, columns)
    found_id = _find("id", options.id_column, columns)
    if options.wide or (options.wide is None and found_id is None):
        return Roles(time)
    roles = Roles(
        time,
        found_id or _required("id", options.id_column, columns),
        _find("value", options.value_column, columns),
        _find("text", options.text_column, columns),
        _find("status", options.status_column, columns),
    )
    if roles.value is None and roles.text is None:
        _required("value", options.value_column, columns)
    _require_different(roles.named)
    return roles


def _require_different(names: Sequence[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadReadings(f'"{twice}" is to be two things at once', hint="name another column", column=twice)


def _required(role: str, named: str | None, columns: Sequence[str]) -> str:
    name = _find(role, named, columns)
    if name is None:
        raise BadReadings(f"no column is the {role} ({_listed(columns)})", hint=f"name it with {role}_column")
    return name


def _find(role: str, named: str | None, columns: Sequence[str]) -> str | None:
    if named is not None:
        if named not in columns:
            raise BadReadings(f'there is no column "{named}" ({_listed(columns)})', column=named)
        return named
    by_lower = {column.strip().lower(): column for column in reversed(columns)}
    return next((by_lower[guess] for guess in _GUESSES[role] if guess in by_lower), None)


def _listed(columns: Iterable[str], most: int = 20) -> str:
    names = list(columns)
    shown = ", ".join(name[:40] for name in names[:most])
    return f"columns: {shown}, … {len(names)} in all" if len(names) > most else f"columns: {shown}"
