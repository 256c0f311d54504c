"""Pages of readings: so many rows, and from where the next page goes on."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from server.errors import Problem, bad_request
from storage.graph.queries import Limits
from storage.series.engine import Stop
from storage.series.selection import Rows, Selection
from storage.series.store import SeriesStore

MOST_ROWS = 1_000_000  # of a page, which is in memory as a whole
_FIRST_SERIES = 16  # that are asked at once; then twice as many, until the page is full


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: the number of its point among those asked, that point's series, and its time."""

    number: int
    series: str
    time: datetime

    def text(self) -> str:
        """Return the form that clients get, and give back."""
        document = json.dumps([self.number, self.series, self.time.isoformat()])
        return base64.urlsafe_b64encode(document.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read what `text` wrote. Raises a 400 problem."""
        try:
            number, series, time = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            return cls(int(number), str(series), datetime.fromisoformat(time))
        except (ValueError, TypeError, OverflowError, RecursionError):
            raise bad_request("cursor is none that an answer gave", hint="start again without it") from None


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the cursor of the next page, None on the last one."""

    rows: Rows
    following: Cursor | None


def page(
    store: SeriesStore,
    selection: Selection,
    points: pa.Table,
    after: Cursor | None,
    limits: Limits,
    stop: Stop | None = None,
) -> Page:
    """Return the page of `selection.limit` rows that follows `after`; `points` are those of `SeriesStore.select`.

    Raises a 409 problem where the points are others than those of the page before, DeadlineExceeded after the time
    of limits that have begun, Cancelled.
    """
    if after is not None and _series(points, after.number) != after.series:
        raise Problem(409, "points-changed", "the points are not those of the page before", hint="start again")
    limit = selection.limit or 0
    found = pa.concat_tables(_parts(store, selection, points, after, limits, stop))
    shown = found.slice(0, limit).drop_columns([found.column_names[-1]])
    following = _cursor(found.slice(limit - 1, 1), points) if 0 < limit < found.num_rows else None
    return Page(Rows(shown.schema, iter(shown.to_batches())), following)


def _parts(
    store: SeriesStore,
    selection: Selection,
    points: pa.Table,
    after: Cursor | None,
    limits: Limits,
    stop: Stop | None,
) -> Iterator[pa.Table]:
    """Yield the rows of the page and one more, series by series: what no page shows yet is not read."""
    needed = (selection.limit or 0) + 1
    together = selection.shape != "long" or selection.fill != "none"  # then the series depend on one another
    at, size = (after.number if after and not together else 0), (points.num_rows if together else _FIRST_SERIES)
    wanted = replace(selection, numbered=True, after=(after.number - at, after.time) if after else None)
    while True:
        some, asked = points.slice(at, size), replace(wanted, limit=needed)
        rows = store.select(asked, some, seconds=limits.left, stop=stop).read_all()
        yield _from(rows, at)
        needed, at, size = needed - rows.num_rows, at + size, size * 2
        if needed <= 0 or at >= points.num_rows:
            return
        wanted = replace(wanted, after=None)


def _from(rows: pa.Table, first: int) -> pa.Table:
    numbers = pc.add(rows.column(rows.num_columns - 1), first)
    return rows.set_column(rows.num_columns - 1, rows.column_names[-1], numbers)


def _cursor(row: pa.Table, points: pa.Table) -> Cursor:
    number = row.column(-1)[0].as_py()
    return Cursor(number, _series(points, number) or "", row.column("time")[0].as_py())


def _series(points: pa.Table, number: int) -> str | None:
    if not 0 <= number < points.num_rows:
        return None
    return str(points.column("id")[number].as_py())
