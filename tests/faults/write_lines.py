"""Writes line protocol for ever, each time with new series, and prints the number of each write that has returned."""

from __future__ import annotations

import io
import sys
from itertools import count
from pathlib import Path

from server.settings import Settings
from server.tables.line_protocol.read import Precision, read_lines
from server.twin.service import Twin

SERIES = 20
STORE = "faults"


def keys(request: int) -> list[str]:
    """Return the keys of the series that a request has: none of them is in another."""
    return [f"m,request={request},t={series} f" for series in range(SERIES)]


def main(directory: Path, first: int) -> None:
    twin = Twin(Settings(data=directory, readers=1))
    for request in count(first):
        lines = "".join(f"{key}={request} 1700000000\n" for key in keys(request)).encode()
        twin.lines.write(read_lines(io.BytesIO(lines), Precision("s")), STORE)
        print(request, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
