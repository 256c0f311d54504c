from __future__ import annotations

from uuid import UUID, uuid4

import duckdb
import pyarrow as pa
import pytest

from storage.errors import InvalidReadings
from storage.series.uuids import as_texts, as_uuids


def test_the_engine_reads_the_same_uuids_as_from_text() -> None:
    ids = [str(uuid4()) for _ in range(300)] + [str(UUID(int=0)), str(UUID(int=(1 << 128) - 1)).upper(), None]
    texts = pa.chunked_array([[], ids[:100], ids[90:], ids[299:]], pa.string())
    rows = pa.Table.from_arrays([as_uuids(texts), texts], names=["uuid", "text"])
    cursor = duckdb.connect()
    cursor.register("rows", rows)
    found = cursor.execute("SELECT count(*), count(uuid), bool_and(uuid = text::UUID) FROM rows").fetchall()
    assert found == [(317, 315, True)]


def test_bytes_of_the_engine_become_the_same_texts() -> None:
    ids = [str(uuid4()) for _ in range(300)] + [str(UUID(int=0)), str(UUID(int=(1 << 128) - 1))]
    rows = duckdb.connect().execute("SELECT unnest(?::UUID[])::BLOB AS id", [ids]).fetchall()
    assert as_texts([packed for (packed,) in rows]).to_pylist() == ids
    assert as_texts([]).to_pylist() == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "room-7",
        "é" * 18,
        "zfffffff-ffff-ffff-ffff-ffffffffffff",
        "ffffffff-ffff-ffff-ffff-fffffffffff-",
        "ffffffffaffffaffffaffffaffffffffffff",
        "urn:uuid:ffffffff-ffff-ffff-ffff-ffffffffffff",
    ],
)
def test_what_is_no_uuid_is_named(text: str) -> None:
    with pytest.raises(InvalidReadings, match=f'"{text}" is no UUID'):
        as_uuids(pa.chunked_array([[str(uuid4()), text, str(uuid4())]]))
