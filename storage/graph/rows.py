"""Counts the rows of a SELECT result while its serialised bytes pass by.

The engine serialises a whole result in native code, which is what makes it fast, and tells no row count. Each
counter reads one results format as Oxigraph writes it, chunk by chunk, wherever the chunks are cut.
"""

from __future__ import annotations

from collections.abc import Callable

Counter = Callable[[bytes], int]  # takes the next chunk, gives the rows seen so far


def counter(media_type: str) -> Counter:
    """Return a fresh counter for a results media type; one that always says 0 where rows do not exist."""
    make = _COUNTERS.get(media_type)
    return make() if make else lambda _chunk: 0


def _count_xml() -> Counter:
    """Every `<result>`: inside a literal it would be written `&lt;result>`."""
    return _Marks(b"<result>")


def _count_tsv() -> Counter:
    r"""Every line but the header: a newline inside a literal is written `\n`."""
    return _Marks(b"\n", less=1)


class _Marks:
    """Counts a byte string, also where it lies across two chunks."""

    def __init__(self, mark: bytes, less: int = 0) -> None:
        self._mark = mark
        self._seen = -less
        self._tail = b""

    def __call__(self, chunk: bytes) -> int:
        data = self._tail + chunk
        self._seen += data.count(self._mark)
        self._tail = data[1 - len(self._mark) :] if len(self._mark) > 1 else b""
        return max(self._seen, 0)


class _CountCsv:
    """Every line end outside quotes but the header's (RFC 4180)."""

    def __init__(self) -> None:
        self._seen = -1
        self._quoted = False

    def __call__(self, chunk: bytes) -> int:
        parts = chunk.split(b'"')
        self._seen += sum(part.count(b"\n") for part in parts[self._quoted :: 2])
        self._quoted ^= len(parts) % 2 == 0
        return max(self._seen, 0)


class _CountJson:
    """Every binding set that binds something: `[{"` or `},{"`, and then the name of a variable.

    The same bytes at the end of a literal are followed by `}` or `,`; elsewhere in a literal its quote would be
    escaped. Nothing here is a step per row, of which a large answer has a million.
    """

    _FIRST, _NEXT, _IN_LITERAL = b'"bindings":[{"', b'},{"', (b'},{"}', b'},{",')

    def __init__(self) -> None:
        self._seen = 0
        self._tail = b""

    def __call__(self, chunk: bytes) -> int:
        data = self._tail + chunk
        self._seen += self._count(data) - (self._count(self._tail) if self._tail else 0)
        self._tail = data[1 - len(self._FIRST) :]
        return self._seen

    def _count(self, data: bytes) -> int:
        """Count the marks of which the next byte is there as well."""
        marks = data.count(self._FIRST) + data.count(self._NEXT, 0, -1)
        return marks - sum(map(data.count, self._IN_LITERAL))


_COUNTERS: dict[str, Callable[[], Counter]] = {
    "application/sparql-results+json": _CountJson,
    "application/sparql-results+xml": _count_xml,
    "text/csv": _CountCsv,
    "text/tab-separated-values": _count_tsv,
}
