"""Times and steps as clients write them: ISO 8601, and the short forms people type."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

from server.errors import bad_request
from storage.series.steps import Step

_ISO_DURATION = re.compile(
    r"P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d{1,6})?)S)?)?"
)
_SHORT_DURATION = re.compile(r"(\d+)\s*(ms|s|min|m|h|d|w|mo|y)")
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
_MOST_MONTHS, _MOST_TIME = 12_000, timedelta(days=366_000)
_HINT = "write PT15M, PT1H, P1D, P1M or 15m, 1h, 1d, 1mo"


def parse_step(text: str, what: str = "every") -> Step:
    """Read a duration: ISO 8601 (`PT1H`) or short (`1h`). Raises a 400 problem."""
    step = _short(text) or _iso(text)
    if step is None or step == Step() or (step.months and step.time):
        raise bad_request(f'{what} is not a duration: "{text[:100]}"', hint=_HINT)
    if step.months > _MOST_MONTHS or step.time > _MOST_TIME:
        raise bad_request(f'{what} is longer than a thousand years: "{text[:100]}"', hint=_HINT)
    return step


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


def parse_time(text: str, what: str, zone: tzinfo = UTC) -> datetime:
    """Read a time and return it in naive UTC: ISO 8601 (without an offset: in `zone`), `now`, or `-7d` before now.

    Raises a 400 problem.
    """
    try:
        return _relative(text.strip(), what) or _absolute(text.strip(), zone)
    except (ValueError, OverflowError):
        raise bad_request(
            f'{what} is not a time: "{text}"',
            hint="write 2026-01-31T08:00:00Z, 2026-01-31, now, or -7d for seven days ago",
        ) from None


def _absolute(text: str, zone: tzinfo) -> datetime:
    # A "+" of an offset arrives as a space when a client forgets to escape it in a URL.
    time = datetime.fromisoformat(re.sub(r"(T[\d:.]+) (\d\d:?\d\d)$", r"\1+\2", text))
    return (time if time.tzinfo else time.replace(tzinfo=zone)).astimezone(UTC).replace(tzinfo=None)


def _relative(text: str, what: str) -> datetime | None:
    now = datetime.now(UTC).replace(tzinfo=None)
    if text == "now":
        return now
    if not text.startswith("-"):
        return None
    step = parse_step(text[1:], what)
    return now - step.time - step.months * timedelta(days=365.25 / 12)
