"""Partials come back from files as they were, by the engine and without it."""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.series.rollup_form import COLUMNS, restored, restored_columns, stored_with, written

VALUES = {
    "tenths": lambda chance: round(chance.gauss(20, 3), 1),
    "six decimals": lambda chance: round(chance.gauss(0, 30), 6),
    "seven decimals": lambda chance: chance.randrange(-40, 40) / 1e7,
    "doubles": lambda chance: chance.gauss(0, 1e3),
    "large": lambda chance: chance.choice([1e300, -1e16, 9007199254740993.0, 0.1]),
    "odd": lambda chance: chance.choice([math.inf, -math.inf, math.nan, 0.0, -0.0, 5e-324, 1.0]),
}
START = datetime(2026, 1, 1)


def partials(chance: random.Random, kind: str) -> pa.Table:
    """Return hours of twelve numbers, at even times or not, and some of none."""
    rows = []
    for hour in range(500):
        time = START + timedelta(hours=hour)
        if hour % 50 == 49:
            rows.append(("a", time, 3, 0, *[None] * 8))
            continue
        at = [time + timedelta(minutes=5 * n, seconds=chance.random() if hour % 3 == 0 else 30) for n in range(12)]
        values = [VALUES[kind](chance) for _ in at]
        sizes = [(later - each) / timedelta(microseconds=1) for each, later in pairwise(at)]
        area = sum(value * size for value, size in zip(values, sizes, strict=False))
        ends = min(values), max(values), values[0], values[-1], at[0], at[-1]
        rows.append(("a", time, 12, 12, sum(values), *ends, area))
    names = COLUMNS.split(", ")
    times, counts = ("time", "first_time", "last_time"), ("rows", "count")
    kinds = [
        pa.string()
        if name == "id"
        else pa.timestamp("us")
        if name in times
        else pa.int64()
        if name in counts
        else pa.float64()
        for name in names
    ]
    columns = [pa.array(column, type_) for column, type_ in zip(zip(*rows, strict=True), kinds, strict=True)]
    return pa.table(columns, names=names)


@pytest.mark.parametrize("kind", VALUES)
def test_what_is_written_comes_back(tmp_path: Path, kind: str) -> None:
    given, path = partials(random.Random(kind), kind), tmp_path / "hours.parquet"
    with duckdb.connect() as connection:
        connection.register("given", given)
        assert written(connection, "SELECT * FROM given", path) == given.num_rows
        found = connection.sql(f"SELECT {COLUMNS} FROM {restored([path])} ORDER BY time").to_arrow_reader().read_all()
    exact = ["id", "time", "rows", "count", "min", "max", "first", "last", "first_time", "last_time"]
    assert repr(found.select(exact).to_pylist()) == repr(given.select(exact).to_pylist())
    for name in ("sum", "area"):
        pairs = zip(found.column(name).to_pylist(), given.column(name).to_pylist(), strict=True)
        assert all(mine == theirs or close(mine, theirs) for mine, theirs in pairs)
    if kind == "tenths":
        stored = pq.read_table(path)
        assert stored.column("plain").to_pylist() == [False] * given.num_rows
        assert stored.column("area").null_count > given.num_rows / 2
    for name in ("min", "max", "first", "last"):
        (rows,) = pq.read_table(path, columns=stored_with([name])).to_batches()
        numbers = np.array(given.column("count").to_pylist()) > 0
        expected = given.column(name).to_numpy()[numbers]
        assert repr(restored_columns(rows, [name])[name][numbers].tolist()) == repr(expected.tolist())


def close(mine: float | None, theirs: float | None) -> bool:
    if mine is None or theirs is None:
        return mine is theirs
    return (math.isnan(mine) and math.isnan(theirs)) or math.isclose(mine, theirs, rel_tol=1e-13)


def test_what_cannot_be_written_is_said_and_ends_what_was_read(tmp_path: Path) -> None:
    """Where the disk has no place for the first byte, say: the cursor takes the next statement all the same."""
    with duckdb.connect() as connection:
        connection.register("partials", partials(random.Random(1), "tenths"))
        with pytest.raises(FileNotFoundError) as raised:  # it holds on to all that the writing had
            written(connection, "FROM partials", tmp_path / "missing" / "hours.parquet")
        assert connection.execute("SELECT 1").fetchall() == [(1,)], raised
