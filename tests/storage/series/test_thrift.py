"""Structs in Thrift's compact protocol."""

from __future__ import annotations

import pytest

from storage.series.thrift import BINARY, FALSE, I32, I64, LIST, STRUCT, TRUE, read_struct, struct


def test_what_is_written_is_read() -> None:
    inner = struct((1, I32, -1), (2, I64, 1 << 62), (14, BINARY, b"text" * 50))
    written = struct((1, I32, 7), (3, TRUE, b""), (4, FALSE, b""), (5, STRUCT, inner), (9, I64, None))
    fields, end = read_struct(b"before" + written + b"after", 6)
    assert end == 6 + len(written)
    assert fields == {1: 7, 3: True, 4: False, 5: {1: -1, 2: 1 << 62, 14: b"text" * 50}}


def test_bytes_are_those_of_the_protocol() -> None:
    """As the specification has them: a field's step and type in one byte, zigzag, lists with their size."""
    assert struct((1, I32, 1), (2, I32, -1)) == bytes.fromhex("15 02 15 01 00")
    assert struct((3, I64, 150)) == bytes.fromhex("36 ac 02 00")
    assert struct((1, LIST, (I32, (1, 2)))) == bytes.fromhex("19 25 02 04 00")
    assert struct((1, LIST, (I32, [0] * 15))) == bytes.fromhex("19 f5 0f" + "00" * 15 + "00")
    assert read_struct(bytes.fromhex("05 28 02 00"), 0) == ({20: 1}, 4)  # a step of more than fifteen


@pytest.mark.parametrize("data", ["", "15", "15 80", "18 05 61", "19 25 02 04 00", "1c" * 20], ids=str)
def test_what_is_none_is_refused(data: str) -> None:
    with pytest.raises(ValueError, match="struct"):
        read_struct(bytes.fromhex(data), 0)
