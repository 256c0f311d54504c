"""How the time of each question grows with the readings: of several sizes, what was measured of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.hybrid.campus import Campus
from tests.benchmarks.report import Part, milliseconds

_TEXT = """Medians of the same runs as above, Twinhouse over HTTP and, in brackets, by hand. What a question touches
grows with the campus or with its days; the raw readings of one point are always those of a day."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The seconds of one question, ours and by hand; `title` is the same in all sizes."""

    title: str
    ours: float
    by_hand: float

    def cell(self) -> str:
        """Return what stands in the table."""
        return f"{milliseconds(self.ours)} ({milliseconds(self.by_hand)})"


def keep(folder: Path, found: Sequence[Measured]) -> None:
    """Keep what was measured beside the data."""
    (folder / "times.json").write_text(json.dumps([[m.title, m.ours, m.by_hand] for m in found]))


def kept(folder: Path) -> list[Measured]:
    """Return what was kept."""
    return [Measured(*row) for row in json.loads((folder / "times.json").read_text())]


def growth(sizes: Sequence[tuple[Campus, Sequence[Measured]]]) -> Part:
    """Return the table over sizes, each with what was measured of it."""
    head = ("question", *(f"{campus.readings:,} readings" for campus, _ in sizes))
    part = Part("How each grows with the readings", head, _TEXT)
    for place, question in enumerate(sizes[0][1]):
        part.add(question.title, *(found[place].cell() for _, found in sizes))
    return part
