"""Content codings (RFC 9110, section 8.4.1) in bounded pieces: gzip, deflate, br (RFC 7932), zstd (RFC 8878)."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import brotli

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE = 64 << 10
"""Bytes that are packed or unpacked at a time: less than 1 ms of the event loop, whatever the coding."""
_GZIP_LEVEL, _BROTLI_QUALITY, _ZSTD_LEVEL = 4, 4, 3
_WINDOW = 18  # 256 KiB, as a power of two: no more memory than a stream of answers is worth
_ZSTD_MOST_WINDOW = 23  # 8 MiB: what RFC 9659 allows in HTTP
_GZIP, _ZLIB = 31, 15
_PARTS, _PART_BYTES = 10_000, 256  # of members or frames beyond so many, the least that they hold on average


class Broken(ValueError):
    """Bytes that are not of their coding, or not all of it."""


class Packer(Protocol):
    """Packs a stream."""

    def pack(self, data: bytes) -> bytes:
        """Take bytes, and return what is ready of the coded ones."""

    def flush(self) -> bytes:
        """Return what lets a client read all that was taken so far."""

    def finish(self) -> bytes:
        """Return the end of the stream. Without it no client takes the stream for whole."""


class Unpacker(Protocol):
    """Unpacks a stream."""

    def unpack(self, data: bytes) -> Iterator[bytes]:
        """Take coded bytes, and yield what they are, in pieces of at most about PIECE, also none. Raises Broken."""

    @property
    def complete(self) -> bool:
        """Whether the stream has come to its end."""


class _GzipPacker:
    def __init__(self) -> None:
        self._state = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP)

    def pack(self, data: bytes) -> bytes:
        return self._state.compress(data)

    def flush(self) -> bytes:
        return self._state.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._state.flush()


class _BrotliPacker:
    def __init__(self) -> None:
        self._state = brotli.Compressor(quality=_BROTLI_QUALITY, lgwin=_WINDOW)

    def pack(self, data: bytes) -> bytes:
        return bytes(self._state.process(data))

    def flush(self) -> bytes:
        return bytes(self._state.flush())

    def finish(self) -> bytes:
        return bytes(self._state.finish())


class _ZstdPacker:
    def __init__(self) -> None:
        parameters = zstd.CompressionParameter
        options = {int(parameters.compression_level): _ZSTD_LEVEL, int(parameters.window_log): _WINDOW}
        self._state = zstd.ZstdCompressor(options=options)

    def pack(self, data: bytes) -> bytes:
        return self._state.compress(data)

    def flush(self) -> bytes:
        return self._state.flush(zstd.ZstdCompressor.FLUSH_BLOCK)

    def finish(self) -> bytes:
        return self._state.flush()


class _Parts:
    """Counts the parts that a stream consists of: to begin one costs more than to unpack it where it is small."""

    def __init__(self) -> None:
        self._count = self.unpacked = 0

    def begin(self) -> None:
        """Count one more. Raises Broken where they are many, and hold next to nothing."""
        self._count += 1
        if self._count > _PARTS + self.unpacked // _PART_BYTES:
            raise Broken(f"it consists of more than {_PARTS:,} parts that hold less than {_PART_BYTES} bytes each")


class _ZlibUnpacker:
    """gzip of any number of members (RFC 1952, section 2.2), or zlib."""

    def __init__(self, kind: int) -> None:
        self._kind = kind
        self._state = zlib.decompressobj(kind)
        self._parts = _Parts()

    def unpack(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._state.eof:
                self._begin_another()
            try:
                piece = self._state.decompress(data, PIECE)
            except zlib.error as error:
                raise Broken(str(error)) from None
            data = self._state.unconsumed_tail or self._state.unused_data
            self._parts.unpacked += len(piece)
            yield piece

    def _begin_another(self) -> None:
        if self._kind != _GZIP:
            raise Broken("something follows its end")
        self._parts.begin()
        self._state = zlib.decompressobj(self._kind)

    @property
    def complete(self) -> bool:
        return self._state.eof


class _BrotliUnpacker:
    def __init__(self) -> None:
        self._state = brotli.Decompressor()

    def unpack(self, data: bytes) -> Iterator[bytes]:
        piece = self._next(data)
        while piece or not self._state.can_accept_more_data():
            yield piece
            piece = self._next(b"")

    def _next(self, data: bytes) -> bytes:
        try:
            return bytes(self._state.process(data, output_buffer_limit=PIECE))
        except brotli.error:
            raise Broken("the decoder cannot go on") from None

    @property
    def complete(self) -> bool:
        return bool(self._state.is_finished())


class _ZstdUnpacker:
    """Any number of frames (RFC 8878, section 3)."""

    def __init__(self) -> None:
        self._state = self._new()
        self._parts = _Parts()

    @staticmethod
    def _new() -> zstd.ZstdDecompressor:
        return zstd.ZstdDecompressor(options={int(zstd.DecompressionParameter.window_log_max): _ZSTD_MOST_WINDOW})

    def unpack(self, data: bytes) -> Iterator[bytes]:
        while data or not self._state.needs_input:
            if self._state.eof:
                if not data:
                    return
                self._parts.begin()
                self._state = self._new()
            try:
                piece = self._state.decompress(data, PIECE)
            except zstd.ZstdError as error:
                raise Broken(str(error)) from None
            data = self._state.unused_data if self._state.eof else b""
            self._parts.unpacked += len(piece)
            yield piece

    @property
    def complete(self) -> bool:
        return self._state.eof


PACKERS: dict[str, Callable[[], Packer]] = {"zstd": _ZstdPacker, "br": _BrotliPacker, "gzip": _GzipPacker}
"""By name, in the order of our preference: the first costs the least."""

UNPACKERS: dict[str, Callable[[], Unpacker]] = {
    "zstd": _ZstdUnpacker,
    "br": _BrotliUnpacker,
    "gzip": lambda: _ZlibUnpacker(_GZIP),
    "x-gzip": lambda: _ZlibUnpacker(_GZIP),
    "deflate": lambda: _ZlibUnpacker(_ZLIB),
}
"""By name; x-gzip is the same as gzip (RFC 9110, section 8.4.1.3)."""
