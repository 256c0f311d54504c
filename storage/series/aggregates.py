"""The SQL of aggregates: one row a series and bucket.

Plain ones look at the readings inside a bucket alone. The others know what came before: a *held* one takes a value to
hold until the next reading, in however many buckets that is; a *stepped* one adds up what changed from reading to
reading. Both so need, beside the readings of the window, the last one before it of each series (`before`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.series.sql import Window, quote, timestamp
from storage.series.steps import Buckets

Aggregate = str  # see NAMES

_PLAIN = {
    "mean": "avg(value)",
    "min": "min(value)",
    "max": "max(value)",
    "sum": "sum(value)",
    "count": "count(*)",
    "first": "arg_min(value, time)",
    "last": "arg_max(value, time)",
    "median": "median(value)",
    "stddev": "stddev_samp(value)",
}
MERGED = {
    "mean": "sum(sum) / sum(count)",
    "min": "min(min)",
    "max": "max(max)",
    "sum": "sum(sum)",
    "count": "sum(rows)",
    "first": "arg_min(first, first_time)",
    "last": "arg_max(last, last_time)",
}
"""Of partials (storage.series.rollups), not readings."""
_HELD = {
    "twmean": "coalesce(sum(value * span) / nullif(sum(span), 0), avg(value))",
    "integral": "sum(value * span) / 3.6e9",
    "duration": "coalesce(sum(span) FILTER ({state}), 0) / 1e6",
}
_GROWN = "CASE WHEN value < earlier THEN value ELSE value - earlier END"  # a counter that falls began again at 0
_STEPPED = {
    "difference": "sum(value - earlier)",
    "increase": f"sum({_GROWN})",
    "rate": f"sum({_GROWN}) / (sum(epoch_us(time) - epoch_us(preceding)) / 3.6e9)",
}
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,6})?|100)")
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")
NAMES = (*_PLAIN, "p0 … p100", *_HELD, "duration:STATE", *_STEPPED)
"""What an aggregate may be called."""


def is_aggregate(name: str) -> bool:
    """Tell whether there is an aggregate of this name."""
    if name.startswith("duration:"):
        return len(name) > len("duration:")
    return name in _PLAIN or name in _HELD or name in _STEPPED or _PERCENTILE.fullmatch(name) is not None


def looks_back(name: Aggregate) -> bool:
    """Tell whether an aggregate needs the last reading before the window."""
    return is_held(name) or name in _STEPPED


def is_held(name: Aggregate) -> bool:
    """Tell whether values hold until the next reading, so that buckets without readings have a value too."""
    return name.partition(":")[0] in _HELD


def is_of_text(name: Aggregate) -> bool:
    """Tell whether an aggregate is about a state that is a text, which the next reading ends, be it a number."""
    kind, _, state = name.partition(":")
    return kind == "duration" and bool(state) and not _NUMBER.fullmatch(state)


@dataclass(frozen=True, slots=True)
class Aggregation:
    """What to make of readings: `buckets` of a step, or None for one bucket, the whole window.

    Its time is the window's start or else the first reading's. `hold` is the longest that a value holds; without it,
    the last reading holds until the window's end or `now`, or where the window is open, its bucket's end.
    """

    aggregate: Aggregate
    buckets: Buckets | None
    window: Window
    now: datetime
    hold: timedelta | None = None

    def sql(self, rows: str, before: str | None) -> str:
        """Return a SELECT of `id`, `time` (the bucket's start) and `value`. `before` is as `rows`, or None.

        Text readings count for `count` and `duration:STATE` alone.
        """
        if is_held(self.aggregate):
            return self._held(_with(rows, before))
        if self.aggregate in _STEPPED:
            return self._stepped(_with(rows, before))
        return self._plain(rows)

    def _plain(self, rows: str) -> str:
        numbers = rows if self.aggregate == "count" else f"SELECT * FROM ({rows}) WHERE value IS NOT NULL"
        return self._grouped(f"SELECT *, {self._bucket('time')} AS bucket FROM ({numbers})", self._function())

    def merged(self, partials: str) -> str:
        """Return what `sql` does, for a plain aggregate in MERGED, of partials (storage.series.rollups)."""
        known = "rows > 0" if self.aggregate == "count" else "count > 0"
        bucketed = f"SELECT *, {self._bucket('time')} AS bucket FROM ({partials}) WHERE {known}"
        return self._grouped(bucketed, MERGED[self.aggregate])

    def _function(self) -> str:
        if match := _PERCENTILE.fullmatch(self.aggregate):
            return f"quantile_cont(value, {float(match[1]) / 100})"
        return _PLAIN[self.aggregate]

    def _bucket(self, time: str) -> str:
        """Return the start of a time's bucket; null for the whole of a window that starts open."""
        if self.buckets:
            return self.buckets.start(time)
        return timestamp(self.window.start) if self.window.start else "NULL::TIMESTAMP"

    def _grouped(self, rows: str, function: str) -> str:
        return (
            f"SELECT * FROM (SELECT id, coalesce(bucket, min(time)) AS time, ({function})::DOUBLE AS value"
            f" FROM ({rows}) GROUP BY id, bucket) WHERE value IS NOT NULL"
        )

    def _stepped(self, rows: str) -> str:
        inside = f"time >= {timestamp(self.window.start)}" if self.window.start else "true"
        steps = f"""
SELECT *, {self._bucket("time")} AS bucket FROM (
    SELECT id, time, value, lag(time) OVER series AS preceding, lag(value) OVER series AS earlier
    FROM ({rows}) WHERE value IS NOT NULL
    WINDOW series AS (PARTITION BY id ORDER BY time)
) WHERE preceding IS NOT NULL AND {inside}"""
        return self._grouped(steps, _STEPPED[self.aggregate])

    def _held(self, rows: str) -> str:
        """Cut the time that each value holds at the edges of buckets, and aggregate the pieces (`span` in µs)."""
        state = self._state()
        known = "true" if is_of_text(self.aggregate) else "value IS NOT NULL"
        function = _HELD[self.aggregate.partition(":")[0]].format(state=state)
        return f"""
WITH spans AS MATERIALIZED ({self._spans(rows, known)}){self._edges()}
{self._grouped(self._pieces(), function)}"""

    def _state(self) -> str:
        """Return the condition for the state whose duration is asked."""
        _, _, state = self.aggregate.partition(":")
        if not state:
            return "value <> 0"
        return f"value = {state}" if _NUMBER.fullmatch(state) else f"text = {quote(state)}"

    def _spans(self, rows: str, known: str) -> str:
        """Return for each value the bucket it begins in, that bucket's end, and from when until when it holds."""
        start, end = self.window.start, self.window.end
        since = f"greatest(time, {timestamp(start)})" if start else "time"
        last = timestamp(min(end, max(self.now, start or self.now))) if end else "NULL::TIMESTAMP"
        close = self.buckets.end("bucket") if self.buckets else "NULL::TIMESTAMP"
        ends = "true" if self.hold else f"{self._bucket('time')} = bucket"  # of a value from an earlier bucket
        held = f"time + to_microseconds({self.hold // timedelta(microseconds=1)})" if self.hold else "NULL::TIMESTAMP"
        return f"""
SELECT id, since AS time, value, text, bucket, close, until
FROM (SELECT *,
    greatest(least(coalesce(following, CASE WHEN {ends} THEN close END, since), held), since) AS until
FROM (SELECT *, {close} AS close FROM (SELECT *, {self._bucket("since")} AS bucket FROM (
    SELECT id, time, value, text, {since} AS since, {held} AS held, lead(time, 1, {last}) OVER series AS following
    FROM ({rows}) WHERE {known}
    WINDOW series AS (PARTITION BY id ORDER BY time)
)))) WHERE time = since OR until > since"""

    def _edges(self) -> str:
        if not self.buckets:
            return ""
        outer = (
            "(SELECT min(close) FROM spans WHERE until > close)",
            "(SELECT max(until) FROM spans WHERE until > close)",
        )
        starts = self.buckets.starts(*outer)
        return f", edges AS MATERIALIZED (SELECT start, {self.buckets.end('start')} AS close FROM ({starts}))"

    def _pieces(self) -> str:
        if not self.buckets:
            return "SELECT *, epoch_us(until) - epoch_us(time) AS span FROM spans"
        return """
SELECT id, time, value, text, bucket, epoch_us(least(until, close)) - epoch_us(time) AS span FROM spans
UNION ALL
SELECT id, start AS time, value, text, start AS bucket, epoch_us(least(until, edges.close)) - epoch_us(start) AS span
FROM (SELECT * FROM spans WHERE until > close) AS spans JOIN edges ON start >= spans.close AND start < until"""


def _with(rows: str, before: str | None) -> str:
    return f"{rows} UNION ALL {before}" if before else rows
