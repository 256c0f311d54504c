"""What each format offers to `read.py`: the source's columns, and its rows in pieces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from server.tables.options import Roles


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of the source; `line_of` gives a row (from 0) its line (from 1) in a text file."""

    rows: pa.RecordBatch
    line_of: Callable[[int], int | None] | None = None


class Source(Protocol):
    """A table in some format. `typed` and `decimal_comma` are as in `canonical.Cells`."""

    columns: tuple[str, ...]
    typed: bool
    decimal_comma: bool

    @property
    def bytes_read(self) -> int:
        """Bytes of the source consumed so far."""

    def pieces(self, roles: Roles) -> Iterator[Piece]:
        """The rows, with at least the columns that the roles need.

        Raises BadReadings for what is not in the format.
        """
