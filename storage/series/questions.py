"""Questions to the readings that no Selection can say: SQL over relations of readings and tables of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa

from storage.series.engine import Deadline, Stop, engine_errors
from storage.series.layers import relation
from storage.series.moment import Moment
from storage.series.selection import BATCH_ROWS
from storage.series.sources import Sources, is_small
from storage.series.sql import Window, name

Extent = tuple[datetime, datetime]
NOTHING_YET = datetime(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Question:
    """A SELECT over relations (see storage.series.layers), each by its name, of the readings of `ids` in a window.

    `partials` are relations of partials (see storage.series.rollups) of the readings in a window, none of which has
    readings from both sides of a start of an hour, or of a day, of UTC: as is the width beside the window.

    `sql` is made of the first and last time of all readings, or of the windows. `tables` are further ones that it
    names; `latest` is the name of the relation of the newest reading of each of the ids, where it needs one. Names
    are plain identifiers.

    `otherwise` is what to ask where no rollups are there for the partials: then these are dearer than readings.
    """

    sql: Callable[[Extent], str]
    ids: pa.Table
    readings: Mapping[str, Window] = field(default_factory=dict)
    partials: Mapping[str, tuple[Window, timedelta]] = field(default_factory=dict)
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    latest: str | None = None
    otherwise: Question | None = None


def chosen(moment: Moment, sources: Sources, question: Question) -> Question:
    """Return the question, or what to ask otherwise."""
    if question.otherwise is None or all(
        sources.rolls_up(moment, window, width) for window, width in question.partials.values()
    ):
        return question
    return question.otherwise


def relations(moment: Moment, sources: Sources, question: Question) -> dict[str, str]:
    """Return the relations of a question, each by its name; the table `wanted` must be there. Raises InQuarantine."""
    only = "id IN (SELECT id FROM wanted)"
    parts = dict[str, str]()
    for key, window in question.readings.items():
        moment.refuse_lost(window)
        parts[key] = relation(sources.layers(moment, window), f"{window.condition()} AND {only}")
    for key, (window, width) in question.partials.items():
        moment.refuse_lost(window)
        parts[key] = sources.partials(moment, window, width)
    return parts


def statement(question: Question, relations: Mapping[str, str], extent: Extent | None) -> str:
    """Return the whole SQL over relations; `extent` is that of all readings, or of those that there can be."""
    parts = [f"{name(key)} AS ({rows})" for key, rows in relations.items()]
    head = f"WITH {', '.join(parts)} " if parts else ""
    return f"{head}{question.sql(extent or (NOTHING_YET, NOTHING_YET))}"


def narrow_window(question: Question) -> Window | None:
    """Return the one closed window of all readings of a question that has no partials; None where there is none."""
    windows = set(question.readings.values())
    window = windows.pop() if len(windows) == 1 else Window()
    if windows or question.partials or window.start is None or window.end is None:
        return None
    return window if is_small(question.ids.num_rows, window) else None


def batches(
    cursor: duckdb.DuckDBPyConnection, sql: str, deadline: Deadline | None, stop: Stop | None = None
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Run a statement; its rows come as they are wanted."""
    reader: pa.RecordBatchReader = cursor.sql(sql).to_arrow_reader(BATCH_ROWS)

    def rows() -> Iterator[pa.RecordBatch]:
        with engine_errors(stop):
            for batch in reader:
                if deadline is not None:
                    deadline.check()
                yield batch

    return reader.schema, rows()
