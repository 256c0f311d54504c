"""Codings: what is packed is unpacked again, whatever the pieces, and what is broken is seen to be."""

from __future__ import annotations

import gzip
import os
import zlib

import pytest

from server.edge.codings import PACKERS, PIECE, UNPACKERS, Broken

TEXT = b"".join(b"urn:point:%d,2026-01-05T%02d:00:00Z,%d\n" % (n, n % 24, n * n % 977) for n in range(20_000))
NOISE = os.urandom(300_000)


def packed(coding: str, data: bytes) -> bytes:
    if coding == "deflate":
        return zlib.compress(data)
    packer = PACKERS[coding.removeprefix("x-")]()
    return packer.pack(data) + packer.finish()


def unpacked(coding: str, data: bytes, step: int = 1 << 20) -> bytes:
    unpacker = UNPACKERS[coding]()
    pieces = [piece for at in range(0, len(data), step) for piece in unpacker.unpack(data[at : at + step])]
    assert unpacker.complete
    assert all(len(piece) <= 2 * PIECE for piece in pieces)
    return b"".join(pieces)


@pytest.mark.parametrize(
    "data", [b"", b"x", TEXT, NOISE, bytes(30_000_000)], ids=["nothing", "x", "text", "noise", "0"]
)
@pytest.mark.parametrize("coding", UNPACKERS)
def test_what_was_packed_comes_back_in_small_pieces(coding: str, data: bytes) -> None:
    sent = packed(coding, data)
    for step in (len(sent), 1000):
        assert unpacked(coding, sent, step) == data


@pytest.mark.parametrize("coding", PACKERS)
def test_what_was_flushed_can_be_read_and_is_no_end(coding: str) -> None:
    packer, unpacker = PACKERS[coding](), UNPACKERS[coding]()
    for part in (b"one row\n", b"another\n"):
        assert b"".join(unpacker.unpack(packer.pack(part) + packer.flush())) == part
        assert not unpacker.complete
    assert b"".join(unpacker.unpack(packer.finish())) == b""
    assert unpacker.complete


@pytest.mark.parametrize("coding", UNPACKERS)
def test_a_part_is_not_complete(coding: str) -> None:
    sent = packed(coding, TEXT)
    for size in (0, 1, len(sent) // 2, len(sent) - 1):
        unpacker = UNPACKERS[coding]()
        assert TEXT.startswith(b"".join(unpacker.unpack(sent[:size])))
        assert not unpacker.complete


@pytest.mark.parametrize("data", [b"id,time,value\nnot packed at all", b"\x00" * 100, b"\xff" * 100])
@pytest.mark.parametrize("coding", UNPACKERS)
def test_what_is_something_else_is_broken_or_never_complete(coding: str, data: bytes) -> None:
    unpacker = UNPACKERS[coding]()
    try:
        list(unpacker.unpack(data))
    except Broken:
        return
    assert not unpacker.complete


@pytest.mark.parametrize("coding", UNPACKERS)
def test_what_follows_the_end_is_broken(coding: str) -> None:
    sent = packed(coding, TEXT)
    for parts in ((sent + b"more",), (sent, b"more")):
        unpacker = UNPACKERS[coding]()
        with pytest.raises(Broken):
            _ = [list(unpacker.unpack(part)) for part in parts]


def test_gzip_may_have_members_and_zstd_frames() -> None:
    assert unpacked("gzip", gzip.compress(b"one ") + gzip.compress(b"two")) == b"one two"
    assert unpacked("zstd", packed("zstd", b"one ") + packed("zstd", b"two"), 1) == b"one two"


def test_zstd_with_a_window_above_8_mib_is_broken() -> None:
    # The head of a frame (RFC 8878, section 3.1.1): magic, no content size, a window of 2^(10+17) bytes.
    with pytest.raises(Broken):
        list(UNPACKERS["zstd"]().unpack(bytes.fromhex("28b52ffd") + bytes([0x00, 17 << 3]) + b"\x01\x00\x00"))


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_the_event_loop_gets_its_turn_between_parts_that_hold_nothing(coding: str) -> None:
    pieces = UNPACKERS[coding]().unpack(packed(coding, b"") * 1000)
    assert sum(1 for _ in pieces) >= 1000


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_many_parts_that_hold_next_to_nothing_are_broken(coding: str) -> None:
    with pytest.raises(Broken, match="parts that hold less"):
        list(UNPACKERS[coding]().unpack(packed(coding, b"x") * 10_100))


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_many_parts_with_something_in_them_are_read(coding: str) -> None:
    line = TEXT[:300]
    assert unpacked(coding, packed(coding, line) * 12_000) == line * 12_000


def test_frames_to_be_skipped_are_counted() -> None:
    with pytest.raises(Broken, match="parts that hold less"):  # RFC 8878, section 3.1.2
        list(UNPACKERS["zstd"]().unpack(bytes.fromhex("502a4d1800000000") * 20_000))
