"""Durations as people write them: ISO 8601 (`PT1H`), and the short forms (`1h`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from storage.series.steps import Step

_COUNT = r"\d{1,18}"
_ISO_DURATION = re.compile(
    rf"P(?:(?P<years>{_COUNT})Y)?(?:(?P<months>{_COUNT})M)?(?:(?P<weeks>{_COUNT})W)?(?:(?P<days>{_COUNT})D)?"
    rf"(?:T(?:(?P<hours>{_COUNT})H)?(?:(?P<minutes>{_COUNT})M)?(?:(?P<seconds>{_COUNT}(?:\.\d{{1,6}})?)S)?)?"
)
_SHORT_DURATION = re.compile(rf"({_COUNT})\s*(ms|s|min|m|h|d|w|mo|y)")
_SHORT_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_SHORT_MONTHS = {"mo": 1, "y": 12}
MOST_MONTHS, MOST_TIME = 12_000, timedelta(days=366_000)


def read_step(text: str) -> Step | None:
    """Return the step that a text is; None where it is none, is nothing, or has months beside other time."""
    step = _short(text) or _iso(text)
    return None if step is None or step == Step() or (step.months and step.time) else step


def is_too_long(step: Step) -> bool:
    """Tell whether a step is longer than a thousand years."""
    return step.months > MOST_MONTHS or step.time > MOST_TIME


def _short(text: str) -> Step | None:
    if not (match := _SHORT_DURATION.fullmatch(text.strip())):
        return None
    count, unit = int(match[1]), match[2]
    if unit in _SHORT_MONTHS:
        return Step(months=count * _SHORT_MONTHS[unit])
    return _fixed(lambda: count * _SHORT_UNITS[unit])


def _iso(text: str) -> Step | None:
    match = _ISO_DURATION.fullmatch(text.strip())
    if not match or text.strip().endswith(("P", "T")):
        return None
    part = {name: float(value) for name, value in match.groupdict(default="0").items()}
    months = int(part.pop("years") * 12 + part.pop("months"))
    step = _fixed(lambda: timedelta(**part))
    return step and Step(months, step.time)


def _fixed(duration: Callable[[], timedelta]) -> Step | None:
    try:
        return Step(time=duration())
    except OverflowError:
        return None
