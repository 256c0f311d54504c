"""What reading a table can raise.

ValueError
└── BadReadings      the file is not a table of readings; names the row, line and column where they are known

`BadCell` never leaves this package: a converter sees one piece of the file and knows the offset in it;
`read.py`, which knows where the piece begins, makes it a `BadReadings`.
"""

from __future__ import annotations


class BadReadings(ValueError):
    """A table that cannot be read as readings.

    `row` counts data rows from 1 (the header is no row); `line` counts the lines of a text file from 1;
    both are None when unknown. `hint` says what would mend it, or is empty.
    """

    def __init__(
        self,
        reason: str,
        *,
        row: int | None = None,
        line: int | None = None,
        column: str | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(reason if row is None else f"row {row}: {reason}")
        self.reason = reason
        self.row = row
        self.line = line
        self.column = column
        self.hint = hint


class BadCell(Exception):
    """A cell that cannot be read, `offset` rows (from 0) into the piece at hand."""

    def __init__(self, offset: int, reason: str, *, column: str | None = None, hint: str = "") -> None:
        super().__init__(reason)
        self.offset = offset
        self.reason = reason
        self.column = column
        self.hint = hint

    def at(self, first_row: int, line: int | None) -> BadReadings:
        """The public error, given the rows (from 0) before this piece and the line of the file."""
        row = first_row + self.offset + 1
        return BadReadings(self.reason, row=row, line=line, column=self.column, hint=self.hint)


def shown(cell: object, longest: int = 60) -> str:
    """A cell as an error message quotes it: in quotes, cut, on one line."""
    text = str(cell).replace("\r", " ").replace("\n", " ")
    return f'"{text[:longest]}…"' if len(text) > longest else f'"{text}"'
