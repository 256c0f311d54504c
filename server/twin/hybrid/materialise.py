"""Writes readings as quads beside the graph, for what only the graph's own engine can answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import pyarrow as pa

from ontologies.points import PointSeries
from server.errors import Problem
from server.twin.hybrid import vocabulary as terms
from server.twin.hybrid.kinds import Kinds
from server.twin.hybrid.observations import quads
from server.twin.resolve import PointIndex
from storage.graph.queries import Limits
from storage.series.engine import Stop
from storage.series.questions import Question
from storage.series.schema import ids_of
from storage.series.sql import Window
from storage.series.store import SeriesStore

ALL = terms.HISTORY | terms.CURRENT | {terms.TYPE}
_ADVICE = "restrict the time with FILTER on sosa:resultTime, or name fewer points"


@dataclass(frozen=True, slots=True)
class Part:
    """Readings of some points (None: all) in a window."""

    points: frozenset[str] | None = None
    window: Window = field(default_factory=Window)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a query needs as quads: these parts of history, the latest values of some points, these predicates.

    Beside them single `readings`, by their series and times (naive UTC).
    """

    history: tuple[Part, ...] = (Part(),)
    current: tuple[Part, ...] = (Part(),)
    predicates: frozenset[str] = ALL
    readings: frozenset[tuple[UUID, datetime]] = frozenset()

    @classmethod
    def single(cls, readings: Iterable[tuple[UUID, datetime]]) -> Wanted:
        """Return what is said of single readings alone."""
        return cls((), (), readings=frozenset(readings))


@dataclass(slots=True)
class Materialiser:
    """Writes the quads that are wanted, of up to `most` readings."""

    series: SeriesStore
    index: PointIndex
    kinds: Kinds
    most: int
    public_url: str = ""
    stop: Stop | None = None

    def write(self, wanted: Wanted, target: Path, limits: Limits) -> int:
        """Write a file of N-Quads; return of how many readings. Raises DeadlineExceeded or a 413 problem."""
        left = self.most
        with target.open("wb") as file:
            for part in wanted.history:
                left -= self._write(file, self._question(part, wanted, current=False), left, limits)
            for part in wanted.current if wanted.predicates & terms.CURRENT else ():
                self._write(file, self._question(part, wanted, current=True), self.most, limits)
            if wanted.readings and wanted.predicates - terms.CURRENT:
                left -= self._write(file, self._single(wanted, current=False), left, limits)
            if wanted.readings and wanted.predicates & terms.CURRENT:
                self._write(file, self._single(wanted, current=True), self.most, limits)
        return self.most - left

    def _write(self, file: BinaryIO, question: Question, most: int, limits: Limits) -> int:
        rows = 0
        for batch in self.series.ask(question, seconds=limits.left, stop=self.stop):
            rows += batch.num_rows
            if rows > most:
                raise too_many(self.most)
            file.write("".join(map(str, batch.column(0).to_pylist())).encode())
        return rows

    def _question(self, part: Part, wanted: Wanted, *, current: bool) -> Question:
        return self._asked(chosen(self.index, part.points), part.window, wanted, {}, current=current)

    def _single(self, wanted: Wanted, *, current: bool) -> Question:
        """Return the question for single readings."""
        series, times = zip(*sorted(wanted.readings), strict=True)
        asked = pa.table({"id": pa.array(map(str, series), pa.string()), "time": pa.array(times, pa.timestamp("us"))})
        named = set(series)
        points = [point for point in self.index.points if point.uuid in named]
        window = Window(min(times), max(times) + timedelta(microseconds=1))
        return self._asked(points, window, wanted, {"asked": asked}, current=current)

    def _asked(
        self,
        wanted_points: Iterable[PointSeries],
        window: Window,
        wanted: Wanted,
        tables: dict[str, pa.Table],
        *,
        current: bool,
    ) -> Question:
        """Return the question for the readings of points in a window, of those that are in all of the tables."""
        points = bindings(wanted_points, self.kinds)
        relation = "latest" if current else "readings0"
        joined = f"SELECT r.*, b.point, b.kind FROM {relation} AS r JOIN points AS b USING (id)"
        joined += "".join(f" SEMI JOIN {name} AS t ON t.id = r.id AND t.time = r.time" for name in tables)
        if current:
            joined += f" WHERE {window.condition('r.time')}"
        sql = quads(joined, wanted.predicates, current, self.public_url)
        return Question(
            lambda _: sql,
            ids=ids_of(map(str, points.column("id").to_pylist())),
            readings={} if current else {relation: window},
            tables={"points": points, **tables},
            latest=relation if current else None,
        )


def chosen(index: PointIndex, points: frozenset[str] | None) -> list[PointSeries]:
    """Return the points of these IRIs that there are; with None all."""
    if points is None:
        return list(index.points)
    return [index.by_iri[iri] for iri in sorted(points) if iri in index.by_iri]


def bindings(points: Iterable[PointSeries], kinds: Kinds) -> pa.Table:
    """Return `id`, `point` and `kind` of points."""
    rows = [(str(point.uuid), point.point, kinds.of.get(point.point, "double")) for point in points]
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return pa.table([pa.array(column, pa.string()) for column in columns], names=["id", "point", "kind"])


def too_many(most: int) -> Problem:
    """Return the problem of a query that would need more readings as triples than the server makes."""
    return Problem(
        413,
        "too-many-readings",
        f"the part of the query that cannot be pushed down to the readings touches more than {most:,} of them",
        hint=_ADVICE,
    )
