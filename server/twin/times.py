"""Times and steps as clients write them: ISO 8601, and the short forms people type."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

from server.errors import bad_request
from storage.series.durations import is_too_long, read_step
from storage.series.steps import Step

_HINT = "write PT15M, PT1H, P1D, P1M or 15m, 1h, 1d, 1mo"


def parse_step(text: str, what: str = "every") -> Step:
    """Read a duration: ISO 8601 (`PT1H`) or short (`1h`). Raises a 400 problem."""
    step = read_step(text)
    if step is None:
        raise bad_request(f'{what} is not a duration: "{text[:100]}"', hint=_HINT)
    if is_too_long(step):
        raise bad_request(f'{what} is longer than a thousand years: "{text[:100]}"', hint=_HINT)
    return step


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
