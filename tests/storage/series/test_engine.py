from __future__ import annotations

import duckdb
import pytest

from storage.errors import Corrupt, DeadlineExceeded, DiskFailed, InvalidReadings, MemoryLimitExceeded, StorageError
from storage.series.engine import Deadline, engine_errors

KINDS: list[tuple[Exception, type[StorageError]]] = [
    (duckdb.InterruptException("INTERRUPT Error: Interrupted!"), DeadlineExceeded),
    (OSError("INTERRUPT Error: Interrupted!"), DeadlineExceeded),
    (duckdb.OutOfMemoryException("Out of Memory Error: 2 GiB used"), MemoryLimitExceeded),
    (OSError("Out of Memory Error: 2 GiB used"), MemoryLimitExceeded),
    (duckdb.ConversionException("Conversion Error: no uuid"), InvalidReadings),
    (duckdb.IOException("IO Error: No space left on device"), DiskFailed),
    (duckdb.TransactionException("TransactionContext Error: Failed to commit: No space left on device"), DiskFailed),
    (duckdb.IOException('IO Error: No files found that match the pattern "x.parquet"'), Corrupt),
    (duckdb.Error("TProtocolException: Invalid data"), Corrupt),
    (OSError("Invalid Error: Parquet file is likely corrupted"), Corrupt),
    (duckdb.InvalidInputException('Invalid Input Error: Failed to read file "x": ZSTD failure'), Corrupt),
    (OSError(28, "No space left on device"), DiskFailed),
    (duckdb.InvalidInputException("Invalid Input Error: No magic bytes found in x.parquet"), Corrupt),
]


@pytest.mark.parametrize(("raised", "expected"), KINDS)
def test_what_the_engine_raises_has_our_names(raised: Exception, expected: type[StorageError]) -> None:
    with pytest.raises(expected) as found, engine_errors():
        raise raised
    assert "INTERRUPT" not in str(found.value)


def test_our_own_mistakes_stay_visible() -> None:
    with duckdb.connect() as connection, pytest.raises(duckdb.CatalogException), engine_errors():
        connection.execute("SELECT * FROM missing")


def test_a_deadline_ends_a_query_that_began_before_and_one_that_begins_after() -> None:
    with duckdb.connect() as connection:
        deadline = Deadline(connection, 0.01)
        for _ in range(2):
            with pytest.raises(DeadlineExceeded), engine_errors():
                connection.execute("SELECT count(*) FROM range(10000000000) a, range(1000) b").fetchall()
        with pytest.raises(DeadlineExceeded):
            deadline.check()
        deadline.close()
        deadline.close()
        assert connection.execute("SELECT 1").fetchall() == [(1,)]
