"""Where the separators of a whole block are, and which of its lines are plain, found with NumPy.

A plain line can be cut at its separators: names with escapes and strings without any are plain too. Everything else,
right or wrong, is odd: for `exact` to read. What is wrong is never plain, but for numbers, which `columns` converts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Offsets: TypeAlias = "np.ndarray[Any, np.dtype[np.signedinteger[Any]]]"
Mask: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"
Kinds: TypeAlias = "np.ndarray[Any, np.dtype[np.uint8]]"

END, SPACE, COMMA, EQUALS, QUOTE, BACKSLASH, CONTROL = range(1, 8)
_KIND_OF = bytearray(256)
for _code in (*range(32), 127):
    _KIND_OF[_code] = CONTROL
for _code, _kind in zip(b'\n ,="\\', (END, SPACE, COMMA, EQUALS, QUOTE, BACKSLASH), strict=True):
    _KIND_OF[_code] = _kind
_KINDS = np.frombuffer(bytes(_KIND_OF), np.uint8)
_IS_TOKEN = bytes(kind > 0 for kind in _KIND_OF)


def _grammar() -> Mask:
    """Which kind may follow which in which section: 0 the names, 1 the fields (from their space on), 2 the time.

    What comes after a third space is in section 2 too: that space itself is wrong there.
    """
    rules: dict[int, dict[int, tuple[int, ...]]] = {
        0: {COMMA: (END, EQUALS), EQUALS: (COMMA,)},
        1: {SPACE: (END, EQUALS), EQUALS: (SPACE, COMMA), COMMA: (EQUALS,), END: (EQUALS,)},
        2: {SPACE: (EQUALS,), END: (SPACE,)},
    }
    allowed = np.zeros((3, 8, 8), bool)
    for section, kinds in rules.items():
        for kind, before in kinds.items():
            allowed[section, before, kind] = True
    return allowed.ravel()


_ALLOWED = _grammar()


@dataclass(slots=True)
class Tokens:
    """The separators that count, in order: offset, kind, and the line that they are in."""

    at: Offsets
    kind: Kinds
    line: Offsets

    def only(self, mask: Mask) -> Tokens:
        """Return some of them."""
        return Tokens(self.at[mask], self.kind[mask], self.line[mask])


@dataclass(slots=True)
class Lines:
    """The lines of a block, from `start` to `end`; each is plain, odd, or neither: empty or a comment."""

    data: Kinds
    start: Offsets
    end: Offsets
    odd: Mask
    plain: Mask
    tokens: Tokens
    section: Kinds

    @property
    def fields(self) -> Offsets:
        """The equals signs of the fields of plain lines, as indices into `tokens`."""
        found = np.flatnonzero((self.tokens.kind == EQUALS) & (self.section == 1))
        return found if self.plain.all() else found[self.plain[self.tokens.line[found]]]

    def spaces(self, section: int) -> Offsets:
        """The spaces before the fields (1) or the time (2) of plain lines, as indices into `tokens`."""
        found = np.flatnonzero((self.tokens.kind == SPACE) & (self.section == section))
        return found if self.plain.all() else found[self.plain[self.tokens.line[found]]]


def lines_of(block: bytes) -> Lines:
    """Find the lines of a block that ends in a line end."""
    data = np.frombuffer(block, np.uint8)
    at = np.flatnonzero(np.frombuffer(block.translate(_IS_TOKEN), bool)).astype(np.int32)  # half the memory to walk
    kind = _KINDS[data[at]]
    ends = np.flatnonzero(kind == END)
    tokens = Tokens(at, kind, np.repeat(np.arange(len(ends), dtype=np.int32), np.diff(ends, prepend=-1)))
    end = at[ends]
    start = np.concatenate((np.zeros(1, np.int32), end[:-1] + 1))
    odd = np.zeros(len(ends), bool)
    quotes = np.zeros(len(ends), np.int64)
    if (kind > EQUALS).any():
        quotes = np.bincount(tokens.line[kind == QUOTE], minlength=len(ends))
        tokens = _unquoted(data, tokens, odd)
    section = _per_line(tokens.kind == SPACE, tokens.kind)
    odd[tokens.line[~_is_right(tokens, section)]] = True
    lines = Lines(data, start, end, odd, ~odd, tokens, section)
    if quotes.any():
        _check_strings(lines, quotes)
    skipped = (start == end) | (data[start] == ord("#"))
    lines.odd = odd & ~skipped
    lines.plain = ~(odd | skipped)
    return lines


def _per_line(mask: Mask, kind: Kinds) -> Kinds:
    """Count the true ones from the beginning of the line up to each token, that one included.

    Modulo 256: for spaces that will do, as a line is odd from the third one on, and for quotes their parity counts.
    """
    running = np.cumsum(mask, dtype=np.uint8)
    ends = np.flatnonzero(kind == END)
    before = np.concatenate((np.zeros(1, np.uint8), running[ends[:-1]]))
    counts: Kinds = running - np.repeat(before, np.diff(ends, prepend=-1))
    return counts


def _unquoted(data: Kinds, tokens: Tokens, odd: Mask) -> Tokens:
    """Return the separators that are neither in strings nor escaped; marks the lines where that cannot be told."""
    kind, at, line = tokens.kind, tokens.at, tokens.line
    inside = (_per_line(kind == QUOTE, kind) & 1).astype(bool) & (kind != QUOTE)
    following = data[np.minimum(at + 1, len(data) - 1)]
    unclear = (kind == BACKSLASH) & (inside | (following == ord('"')) | (following == ord("\n")))
    unclear |= (kind == CONTROL) | (inside & (kind == END))
    odd[line[unclear]] = True
    escaped = data[at - 1] == ord("\\")
    return tokens.only((kind <= EQUALS) & ((kind == END) | ~(inside | escaped)))


def _is_right(tokens: Tokens, section: Kinds) -> Mask:
    """Tell of each separator whether it may follow the one before, with something between."""
    before = np.concatenate((np.array([END], np.uint8), tokens.kind[:-1]))
    apart = np.diff(tokens.at, prepend=-1) > 1
    right: Mask = apart & _ALLOWED[np.minimum(section, 2) << 6 | before << 3 | tokens.kind]
    return right


def _check_strings(lines: Lines, quotes: Offsets) -> None:
    """Mark the lines whose quotes are not just those around the values of fields."""
    tokens, fields = lines.tokens, lines.fields
    first, last = tokens.at[fields] + 1, tokens.at[fields + 1] - 1
    is_text = lines.data[first] == ord('"')
    texts = np.bincount(tokens.line[fields[is_text]], minlength=len(quotes))
    lines.odd[quotes != 2 * texts] = True
    unclosed = is_text & (lines.data[last] != ord('"'))
    lines.odd[tokens.line[fields[unclosed]]] = True
