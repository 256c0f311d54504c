from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pytest

from server.tables.canonical import READINGS
from server.tables.read import BadReadings, ReadOptions, open_readings
from server.tables.rebatch import rebatched

_CSV = b"id,time,value\na,2024-01-01T02:30:00,1\n"


def test_a_path_tells_its_format_and_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "readings.CSV"
    path.write_bytes(_CSV)
    with open_readings(path) as source:
        assert sum(batch.num_rows for batch in source.batches()) == 1
    source.close()


def test_a_file_that_does_not_open_as_a_table_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "readings.parquet"
    path.write_bytes(b"no")
    with pytest.raises(BadReadings):  # a file left open would be a ResourceWarning, which is an error here
        open_readings(path)


def test_unknown_formats_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    body = io.BytesIO(_CSV)
    attempts: list[tuple[Path | io.BytesIO, str | None]] = [(path, None), (body, "text/html"), (body, None)]
    for source, media_type in attempts:
        with pytest.raises(BadReadings) as caught:
            open_readings(source, media_type)
        assert "text/csv" in caught.value.hint


def test_ambiguous_times_are_counted() -> None:
    data = b"id,time,value\na,2024-10-27T02:30:00,1\na,2024-10-27T03:30:00,1\n"
    source = open_readings(io.BytesIO(data), "text/csv", ReadOptions(timezone="Europe/Berlin"))
    assert sum(batch.num_rows for batch in source.batches()) == 2
    assert source.ambiguous_times == 1


def _batch(rows: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [{"id": str(i), "time": i, "value": 1.0, "text": None, "status": None} for i in range(rows)], READINGS
    )


@pytest.mark.parametrize("sizes", [[], [0, 0], [1] * 25, [100], [3, 9, 2, 40, 1], [6, 6]])
def test_rebatched_rows_stay_in_order_and_bounded(sizes: list[int]) -> None:
    batches = [_batch(size) for size in sizes]
    out = list(rebatched(iter(batches), 10))
    assert all(0 < batch.num_rows <= 10 for batch in out)
    before = [cell for batch in batches for cell in batch["id"].to_pylist()]
    assert [cell for batch in out for cell in batch["id"].to_pylist()] == before
