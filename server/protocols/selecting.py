"""The parameters that say which readings, and in what shape."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from server.errors import bad_request
from server.protocols.http import Parameters
from server.twin.join import ReadingsRequest
from server.twin.paging import Cursor
from server.twin.times import parse_step, parse_time
from storage.series.aggregates import NAMES, is_aggregate, is_held
from storage.series.selection import Selection, Shape
from storage.series.shapes import Fill
from storage.series.sql import Window
from storage.series.steps import Step

POINTS = ("query", "point")
SELECT = (
    *POINTS,
    *("start", "end", "timezone", "every", "origin", "offset", "aggregate", "hold", "fill", "fill_limit"),
    *("downsample", "shape", "tolerance", "limit", "cursor", "timeout", "format"),
)
_DAYS_OF_ALL = 28  # months
_FEWEST, _MOST = 3, 1_000_000  # readings of a series, downsampled
_NEEDS = {  # a parameter that means something only beside another one
    "origin": "every",
    "offset": "every",
    "fill": "every",
    "fill_limit": "fill",
    "cursor": "limit",
}


def readings_request(parameters: Parameters) -> ReadingsRequest:
    """Read the parameters of the join. Raises a 400 problem that names the wrong one."""
    query, points = parameters.text("query"), parameters.all("point")
    if query is not None and points:
        raise bad_request("both query and point are given", hint="give one of them")
    for name, other in _NEEDS.items():
        if parameters.one(name) not in (None, "none") and parameters.one(other) is None:
            raise bad_request(f"{name} needs {other}", hint=f"give both, or leave {name} out")
    cursor = parameters.one("cursor")
    return ReadingsRequest(query, points, _selection(parameters), Cursor.parse(cursor) if cursor else None)


def _selection(parameters: Parameters) -> Selection:
    zone = _zone(parameters)
    selection = Selection(
        window=_window(parameters, zone),
        aggregate=_aggregate(parameters),
        step=_step(parameters, zone),
        hold=_duration(parameters, "hold"),
        fill=choice(parameters, "fill", get_args(Fill)) or "none",
        fill_limit=_duration(parameters, "fill_limit"),
        downsample=_downsample(parameters),
        shape=choice(parameters, "shape", get_args(Shape)) or "long",
        tolerance=_duration(parameters, "tolerance"),
        limit=parameters.number("limit"),
    )
    if selection.hold and not (selection.aggregate and is_held(selection.aggregate)):
        raise bad_request("hold is for aggregates that are weighed by time", hint="twmean, integral or duration")
    if selection.tolerance and selection.shape != "asof":
        raise bad_request("tolerance needs shape=asof", hint="give both, or leave tolerance out")
    if selection.downsample and (selection.aggregate or selection.shape != "long"):
        raise bad_request("downsample is for raw readings", hint="leave out every, aggregate and shape")
    return selection


def _zone(parameters: Parameters) -> ZoneInfo:
    name = parameters.one("timezone") or "UTC"
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise bad_request(f'there is no time zone "{name[:100]}"', hint="such as UTC or Europe/Berlin") from None


def _window(parameters: Parameters, zone: ZoneInfo) -> Window:
    start, end = (
        parse_time(text, name, zone) if (text := parameters.one(name)) is not None else None
        for name in ("start", "end")
    )
    if start and end and start >= end:
        raise bad_request("start is not before end", hint="the time asked for is from start until just before end")
    return Window(start, end)


def _aggregate(parameters: Parameters) -> str | None:
    name = parameters.one("aggregate")
    if name is None:
        return "mean" if parameters.one("every") is not None else None
    if not is_aggregate(name):
        raise bad_request(f'there is no aggregate "{name[:100]}"', hint=f"aggregates: {', '.join(NAMES)}")
    return name


def _step(parameters: Parameters, zone: ZoneInfo) -> Step | None:
    every, origin = parameters.one("every"), parameters.one("origin")
    if every is None:
        return None
    step = replace(parse_step(every), zone=zone.key)
    if origin is not None and parameters.one("offset") is not None:
        raise bad_request("both origin and offset are given", hint="give one of them")
    if origin is not None:
        step = replace(step, origin=parse_time(origin, "origin", ZoneInfo("UTC")))  # what a clock of the zone shows
    elif offset := _duration(parameters, "offset"):
        step = replace(step, origin=_later(step.start, offset))
    if step.months and step.start.day > _DAYS_OF_ALL:
        hint = f"give one on the days 1 to {_DAYS_OF_ALL}"
        raise bad_request(f"not every month has a day {step.start.day} to start buckets on", hint=hint)
    return step


def _later(time: datetime, offset: timedelta) -> datetime:
    try:
        return time + offset
    except OverflowError:
        raise bad_request("offset leads beyond the year 9999", hint="give one that is shorter than every") from None


def _duration(parameters: Parameters, name: str) -> timedelta | None:
    text = parameters.one(name)
    if text is None:
        return None
    step = parse_step(text, name)
    if step.months:
        raise bad_request(f"{name} is a fixed time, and months are not", hint="write P30D, PT1H or 1h")
    return step.time


def _downsample(parameters: Parameters) -> int | None:
    number = parameters.number("downsample")
    if number is not None and not _FEWEST <= number <= _MOST:
        raise bad_request(f"downsample is a number from {_FEWEST} to {_MOST:,}", hint="about the width of the plot")
    return number


def choice(parameters: Parameters, name: str, choices: tuple[Any, ...]) -> Any:  # noqa: ANN401 - one of the choices
    """Return a parameter that is one of some words, or None. Raises a 400 problem."""
    value = parameters.one(name)
    if value is not None and value not in choices:
        raise bad_request(f'{name} is one of {", ".join(choices)}, not "{value[:100]}"')
    return value
