"""The check: each half by itself, and whether they agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ontologies.advice import Advice, advice
from ontologies.points import Finding, PointSeries, check_points, looks_damaged
from server.errors import Problem
from server.twin.resolve import PointIndex, derived_series
from storage.errors import Corrupt
from storage.series.store import SeriesStore

if TYPE_CHECKING:
    from server.twin.service import Twin

_SHOWN = 20
_DAMAGED = "damaged-id"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """`faults` are broken data; `notes` are things a person may want to know. Counts are of series and points."""

    ok: bool
    faults: tuple[str, ...]
    notes: tuple[str, ...]
    quads: int
    points: int
    points_without_readings: int
    series: int
    series_without_point: int
    readings: int
    examples: dict[str, list[str]] = field(default_factory=dict)


def check(twin: Twin, *, mend: bool = False, give_up: int | None = None) -> CheckReport:
    """Read every segment and every point.

    With `mend`, files of readings that are broken go to the quarantine, and what is whole again there comes back. The
    readings of the file `give_up` in quarantine are given up for good; raises a 404 problem where there is none.
    """
    if give_up is not None and not twin.series.give_up(give_up):
        hint = "`twinhouse check` names those that are"
        raise Problem(404, "not-in-quarantine", f"no file {give_up} is in quarantine", hint=hint)
    faults = twin.series.check(mend=mend)
    index, counts = twin.index, _counts(twin.series)
    orphans = _orphans(index, counts)
    silent = [point.point for point in index.points if str(point.uuid) not in counts]
    return CheckReport(
        ok=not faults,
        faults=tuple(faults),
        notes=tuple(finding.message for finding in _open(index)[:_SHOWN]),
        quads=len(twin.graph),
        points=len(index.points),
        points_without_readings=len(silent),
        series=len(counts),
        series_without_point=len(orphans),
        readings=sum(counts.values()),
        examples={"series_without_point": orphans[:_SHOWN], "points_without_readings": silent[:_SHOWN]},
    )


def unclaimed(twin: Twin) -> Iterator[Advice]:
    """Yield advice about series that no point has."""
    hint = "a model whose points have these ids, or their UUIDs, makes them known: `twinhouse load`"
    yield from advice("series have no point", hint, _orphans(twin.index, _counts(twin.series)))


def _orphans(index: PointIndex, counts: Mapping[str, int]) -> list[str]:
    return sorted(counts.keys() - {str(uuid) for uuid in index.by_uuid})


def _counts(series: SeriesStore) -> dict[str, int]:
    """Return how many readings each series has; nothing where that is in a file that cannot be read."""
    try:
        stats = series.stats()
    except Corrupt:
        return {}
    ids, rows = (stats.column(name).to_pylist() for name in ("id", "rows"))
    return {str(id_): count or 0 for id_, count in zip(ids, rows, strict=True)}


def _open(index: PointIndex) -> list[Finding]:
    """Return the findings about points but for damaged ids whose series has been set right."""
    found = check_points(index.points)
    return [f for f in found if f.kind != _DAMAGED or _stands_for_its_damage(index.by_iri[f.points[0]])]


def _stands_for_its_damage(point: PointSeries) -> bool:
    return any(
        looks_damaged(reference.id) and derived_series(reference.id, reference.stored_at) == point.uuid
        for reference in point.references
    )
