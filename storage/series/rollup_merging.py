"""Which files of rollups become one: they are as small as their segments, and a question opens each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storage.series.catalog import Segment
from storage.series.rolled_up import RolledUp, RollupFile
from storage.series.spans import Spans

MOST_APART = 4  # files that are not full: so few that each row is written again once or twice
FEW_ROWS = 500_000  # which are merged at once
FULL_ROWS = 1_000_000  # so few that a day of all series is found quickly as well
_MOST_ROWS = 2 * FULL_ROWS


@dataclass(frozen=True, slots=True)
class Part:
    """A file with the segments that are left of those that it was made of, and how many rows these have in it."""

    file: RollupFile
    segments: Sequence[Segment]
    rows: int

    @property
    def days(self) -> Spans:
        """The days of these segments."""
        return Spans.of(segment.days for segment in self.segments)


def parts_of(tier: str, segments: Sequence[Segment], known: RolledUp, rows: Mapping[int, int]) -> list[Part]:
    """Return the files of a tier in the order of their first days; of `segments`, in that order."""
    found: dict[RollupFile, list[Segment]] = {}
    for segment in segments:
        if (file := known.get(segment.number, {}).get(tier)) is not None:
            found.setdefault(file, []).append(segment)
    return [Part(file, of, sum(rows[segment.number] for segment in of)) for file, of in found.items()]


def to_merge(parts: Sequence[Part]) -> list[Part]:
    """Choose the first files to make one of, if it is time for that."""
    small = [part for part in parts if part.rows < FULL_ROWS]
    if len(small) < MOST_APART and sum(part.rows for part in small) > FEW_ROWS:
        return []
    chosen: list[Part] = []
    for part in small:
        if sum(each.rows for each in chosen) + part.rows > _MOST_ROWS:
            break
        chosen.append(part)
    return chosen if len(chosen) > 1 else []
