"""How partials (storage.series.rollups) are written: what repeats takes little room, and it comes back exactly.

- `sum` is rounded to six decimals where that changes no more than its last digits, as adding up does.
- `area` is null where it is what EVEN says: where all numbers are equally far apart.
- `last` is written as its difference to `first`, `min` as that to the lower of both, `max` as that to the higher; but
  as they are in rows that are `plain`, of values with more than six decimals and the like. What adds up the
  differences has the same operations in SQL and in numpy, so that it gives the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from storage.series.sql import parquet
from storage.series.writing import published

Column = npt.NDArray[Any]
COLUMNS = "id, time, rows, count, sum, min, max, first, last, first_time, last_time, area"
ROW_GROUP, PAGE = 131_072, 4_096  # rows: a question about few series reads few pages
_SCALE = 1e6
_DOUBLES = ("sum", "first", "area")
_REPEATED = ["id", "min", "max", "last"]  # ids and differences: of few values in a row group
_MOST_REPEATED = 1 << 18  # bytes of these; what has more does not repeat after all
_LEVEL = 9  # of zstd
_WHOLE = ("time", "rows", "count", "first_time", "last_time")
_QUICK = ("plain", "area", *_WHOLE)  # hardly anything is left of them, so that unpacking zstd would take longest


def _near(sql: str) -> str:
    return f"(floor(({sql}) * {_SCALE} + 0.5) / {_SCALE})"


def _same(one: str, other: str) -> str:
    return f"({one} IS NOT DISTINCT FROM {other} AND signbit({one}) = signbit({other}))"


_EVEN = "(sum - last) * (epoch_us(last_time) - epoch_us(first_time)) / greatest(count - 1, 1)"
_BASES = {"last": "first", "min": "least(first, last)", "max": "greatest(first, last)"}  # of the differences
_ROUNDED = f"CASE WHEN abs({_near('sum')} - sum) <= 1e-14 * abs(sum) THEN {_near('sum')} ELSE sum END"
_DIFFERENCES = ", ".join(f"{_near(f'{name} - {base}')} AS {name}_difference" for name, base in _BASES.items())
_EXACT = " AND ".join(_same(_near(f"{base} + {name}_difference"), name) for name, base in _BASES.items())
_CHOSEN = ", ".join(f"CASE WHEN plain THEN {name} ELSE {name}_difference END AS {name}" for name in _BASES)
_STORED = f"""
SELECT * REPLACE ({_CHOSEN}, CASE WHEN count > 0 AND abs(area - {_EVEN}) > 1e-14 * abs(area) THEN area END AS area)
FROM (
    SELECT *, count > 0 AND NOT ({_EXACT}) AS plain
    FROM (SELECT * REPLACE ({_ROUNDED} AS sum), {_DIFFERENCES} FROM ({{rows}}))
)"""


def _added(name: str) -> str:
    return f"CASE WHEN plain THEN {name} ELSE {_near(f'{_BASES[name]} + {name}')} END AS {name}"


_RESTORED = f"""(
SELECT * REPLACE (coalesce(area, {_EVEN}) AS area)
FROM (SELECT * REPLACE ({_added("min")}, {_added("max")}) FROM (SELECT * REPLACE ({_added("last")}) FROM {{stored}}))
)"""


def written(cursor: duckdb.DuckDBPyConnection, partials: str, target: Path) -> int:
    """Write a relation of partials, sorted by `id` and `time`; returns the rows. Durable when it returns."""
    return copied(cursor, _STORED.format(rows=partials), target)


def copied(cursor: duckdb.DuckDBPyConnection, stored: str, target: Path) -> int:
    """Write what is as it is stored already."""
    ordered = cursor.sql(f"SELECT {COLUMNS}, plain FROM ({stored}) ORDER BY id, time")
    with ordered.to_arrow_reader(ROW_GROUP) as batches:  # a cursor takes nothing else while a reader is open
        return _packed(batches, target)


def _packed(batches: pa.RecordBatchReader, target: Path) -> int:
    rows = 0
    encodings = dict.fromkeys(_DOUBLES, "BYTE_STREAM_SPLIT") | dict.fromkeys(_WHOLE, "DELTA_BINARY_PACKED")
    packed = dict.fromkeys(batches.schema.names, "zstd") | dict.fromkeys(_QUICK, "lz4")
    with (
        published(target) as temporary,
        pq.ParquetWriter(
            temporary,
            batches.schema,
            compression=packed,  # type: ignore[arg-type] # a dictionary of texts
            compression_level={name: _LEVEL for name, codec in packed.items() if codec == "zstd"},
            use_dictionary=_REPEATED,  # type: ignore[arg-type] # the stubs know of no names here
            dictionary_pagesize_limit=_MOST_REPEATED,
            column_encoding=encodings,
            write_statistics=["id", "time"],
            max_rows_per_page=PAGE,
        ) as file,
    ):
        for batch in batches:
            file.write_batch(batch, ROW_GROUP)
            rows += batch.num_rows
    return rows


def restored(files: Sequence[Path]) -> str:
    """Return the relation of the partials in files."""
    return _RESTORED.format(stored=parquet(files))


_STORED_WITH: dict[str, tuple[str, ...]] = {
    "last": ("first", "last", "plain"),
    "min": ("first", "last", "min", "plain"),
    "max": ("first", "last", "max", "plain"),
}


def stored_with(names: Sequence[str]) -> list[str]:
    """Return the columns of a file that these columns of partials are made of."""
    return list(dict.fromkeys(each for name in names for each in _STORED_WITH.get(name, (name,))))


def restored_columns(rows: pa.RecordBatch, names: Sequence[str]) -> dict[str, Column]:
    """Return columns of partials, of the columns of a file that `stored_with` names. None of them is `area`."""
    stored = {name: rows.column(name).to_numpy(zero_copy_only=False) for name in rows.schema.names}
    with np.errstate(all="ignore"):  # infinities have differences that are no numbers
        return {name: _RESTORED_BY[name](stored) if name in _RESTORED_BY else stored[name] for name in names}


def _restored(stored: Mapping[str, Column], name: str, base: Column) -> Column:
    return np.where(stored["plain"], stored[name], np.floor((base + stored[name]) * _SCALE + 0.5) / _SCALE)


def _last(stored: Mapping[str, Column]) -> Column:
    return _restored(stored, "last", stored["first"])


# As for the engine, NaN is above all numbers.
_RESTORED_BY: dict[str, Callable[[Mapping[str, Column]], Column]] = {
    "last": _last,
    "min": lambda stored: _restored(stored, "min", np.fmin(stored["first"], _last(stored))),
    "max": lambda stored: _restored(stored, "max", np.maximum(stored["first"], _last(stored))),
}
