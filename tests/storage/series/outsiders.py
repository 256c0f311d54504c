"""Reads a data set over and over with something that knows nothing of us; prints what it saw, a line each time.

    python -m tests.storage.series.outsiders duckdb|pandas|polars|spark FOLDER SECONDS

A line is the number of rows and that of different (id, time), in one look: files may change meanwhile. It ends when
the seconds are over, it has looked three times, and has seen the data grow; or after a minute and a half.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

Look = Callable[[str], tuple[int, int]]


def duckdb() -> Look:
    """Return a look by DuckDB."""
    import duckdb

    def look(folder: str) -> tuple[int, int]:
        source = f"read_parquet('{folder}/*/*/*.parquet', hive_partitioning = true)"
        statement = f"SELECT count(*), count(DISTINCT (id, time)) FROM {source}"
        [(rows, different)] = duckdb.execute(statement).fetchall()
        return rows, different

    return look


def pandas() -> Look:
    """Return a look by pandas."""
    import pandas as pd

    def look(folder: str) -> tuple[int, int]:
        frame = pd.read_parquet(folder)
        return len(frame), len(frame[["id", "time"]].drop_duplicates())

    return look


def polars() -> Look:
    """Return a look by Polars."""
    import polars as pl

    def look(folder: str) -> tuple[int, int]:
        frame = pl.read_parquet(folder, hive_partitioning=True)
        return len(frame), frame.select("id", "time").n_unique()

    return look


def spark() -> Look:
    """Return a look by Spark in local mode."""
    from pyspark.sql import SparkSession, functions

    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    session = builder.config("spark.sql.shuffle.partitions", "1").getOrCreate()

    def look(folder: str) -> tuple[int, int]:
        counts = functions.count("*"), functions.count_distinct("id", "time")
        frame = session.read.schema("id STRING, time TIMESTAMP_NTZ, value DOUBLE, text STRING").parquet(folder)
        [(rows, different)] = frame.agg(*counts).collect()
        return rows, different

    return look


ENOUGH = 90.0  # seconds
LOOKS = {"duckdb": duckdb, "pandas": pandas, "polars": polars, "spark": spark}

if __name__ == "__main__":
    look = LOOKS[sys.argv[1]]()
    began, looks, sizes = time.monotonic(), 0, set[int]()
    while (past := time.monotonic() - began) < float(sys.argv[3]) or (
        past < ENOUGH and (looks < 3 or len(sizes) < 2)
    ):
        try:
            rows, different = look(sys.argv[2])
            print(rows, different, flush=True)
            looks += 1
            sizes.add(rows)
        except Exception as error:
            if not any(
                sign in str(error) for sign in ("No such file", "FileNotFound", "NoSuchFile", "does not exist")
            ):
                raise
            print("a file has gone since it was listed", file=sys.stderr)
