"""Partials (see storage.series.rollups) of few series in memory, and what they add up to.

It is what Aggregation.merged says in SQL, for the aggregates of aggregates.MERGED.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from storage.series.rollup_form import Column, restored_columns, stored_with
from storage.series.schema import SCHEMA

Columns = Mapping[str, Column]
_NEEDED = {
    "mean": ("count", "sum"),
    "min": ("count", "min"),
    "max": ("count", "max"),
    "sum": ("count", "sum"),
    "count": ("rows",),
    "first": ("count", "first"),
    "last": ("count", "last"),
}
# Of columns in the order of time, and where each bucket begins. As for the engine, NaN is above all numbers.
_ADDED_UP: dict[str, Callable[[Columns, Column], Column]] = {
    "mean": lambda of, at: np.add.reduceat(of["sum"], at) / np.add.reduceat(of["count"], at),
    "min": lambda of, at: np.fmin.reduceat(of["min"], at),
    "max": lambda of, at: np.maximum.reduceat(of["max"], at),
    "sum": lambda of, at: np.add.reduceat(of["sum"], at),
    "count": lambda of, at: np.add.reduceat(of["rows"], at).astype(np.float64),
    "first": lambda of, at: of["first"][at],
    "last": lambda of, at: of["last"][np.append(at[1:], len(of["last"])) - 1],
}
BUCKETS = pa.schema([SCHEMA.field("time"), SCHEMA.field("value")])


def columns_for(aggregate: str) -> list[str]:
    """Return the columns of a file that an aggregate needs, `time` first."""
    return stored_with(("time", *_NEEDED[aggregate]))


@dataclass(frozen=True, slots=True)
class Partials:
    """Some of one series. None has readings from both sides of a bucket's start."""

    columns: Columns

    @classmethod
    def of_rollup(cls, rows: pa.RecordBatch, aggregate: str) -> Partials:
        """Return rows of a rollup of one series, with the columns that `columns_for` names."""
        return cls(restored_columns(rows, ("time", *_NEEDED[aggregate])))

    @classmethod
    def of_readings(cls, rows: pa.Table, aggregate: str) -> Partials:
        """Return a partial of each of some readings of one series."""
        value = rows.column("value")
        counts = {"rows": np.ones(len(value), np.int64), "count": value.is_valid().to_numpy().astype(np.int64)}
        numbers = value.to_numpy()
        needed = _NEEDED[aggregate]
        return cls({"time": rows.column("time").to_numpy(), **{name: counts.get(name, numbers) for name in needed}})


def added_up(
    aggregate: str, parts: Mapping[str, Sequence[Partials]], start: Callable[[Column], Column]
) -> dict[str, pa.Table]:
    """Return of each series `time` and `value` of each bucket that has a value (BUCKETS), in the order of time.

    `start` gives the starts of the buckets of some times.
    """
    found = [(key, part.columns) for key, of in enumerate(parts.values()) for part in of]
    if not found:
        return dict.fromkeys(parts, BUCKETS.empty_table())
    keys = np.repeat([key for key, _ in found], [len(columns["time"]) for _, columns in found])
    columns = {name: np.concatenate([of[name] for _, of in found]) for name in ("time", *_NEEDED[aggregate])}
    known = np.flatnonzero(columns["rows" if aggregate == "count" else "count"])
    order = known[np.lexsort((columns["time"][known], keys[known]))]
    if not len(order):
        return dict.fromkeys(parts, BUCKETS.empty_table())
    keys, columns = keys[order], {name: column[order] for name, column in columns.items()}
    starts = start(columns["time"])
    at = np.flatnonzero(np.append(True, (keys[1:] != keys[:-1]) | (starts[1:] != starts[:-1])))
    with np.errstate(all="ignore"):  # infinities add up to what is no number
        values = _ADDED_UP[aggregate](columns, at)
    table = pa.table([pa.array(starts[at]), pa.array(values)], schema=BUCKETS)
    ends = np.searchsorted(keys[at], np.arange(len(parts) + 1)).tolist()
    return {series: table.slice(ends[key], ends[key + 1] - ends[key]) for key, series in enumerate(parts)}
