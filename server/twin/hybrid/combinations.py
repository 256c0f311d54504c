"""How many combinations of readings the join of a plan may have to go through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from server.twin.hybrid.bindings import Bindings
from server.twin.hybrid.patterns import Observation
from server.twin.hybrid.plan import Plan
from server.twin.hybrid.trees import Call, Expression, Var
from storage.graph.rewriting.tokens import NotUnderstood
from storage.series.sql import Window
from storage.series.store import SeriesStore

_MOST = 30_000_000_000  # with about as many an interrupt waited for 1.3 s


def refuse_many(plan: Plan, bound: Bindings, windows: Mapping[str, Window], series: SeriesStore) -> None:
    """Raise NotUnderstood for very many combinations of readings that have no time in common, and filters.

    DuckDB heeds no interrupt, and so no deadline, while none of them passes; a reader of the graph can be killed.
    """
    independent = apart(plan)
    if len(independent) < 2 or not (plan.parts.filters or plan.parts.sides):
        return
    stats = series.stats(list(map(str, bound.ids.to_pylist())))
    combinations = np.ones(bound.rows)
    for number in independent:
        places = pc.index_in(bound.table.column(f"i{number}").combine_chunks(), stats.column("id"))
        combinations *= pa.array(_rows(stats, windows[f"r{number}"])).take(places).fill_null(0).to_numpy()
    if combinations.max(initial=0) > _MOST:
        raise NotUnderstood("too many combinations of readings")


def apart(plan: Plan) -> list[int]:
    """Return the numbers of the observations of which a reading is joined to more than one of another's."""
    found, times = list[int](), set(plan.parts.timed)
    joined = len(plan.parts.observations)
    for number, observation in enumerate(plan.observations):
        side = plan.parts.sides[number - joined] if number >= joined else None
        filters = (*plan.parts.filters, *(side.filters if side is not None else ()))
        if not observation.current and not _has_one_of(times, observation, filters):
            found.append(number)
        if observation.time_name is not None and (side is None or side.kind == "OPTIONAL"):
            times.add(observation.time_name)
    return found


def _has_one_of(times: set[str], observation: Observation, filters: Iterable[Expression]) -> bool:
    """Tell whether an observation's time is one of these, by its name or as a filter has it."""
    name = observation.time_name
    for found in filters:
        match found:
            case Call("=", (Var(left), Var(right))) if name in (left, right) and times & {left, right} - {name}:
                return True
            case _:
                pass
    return name in times


def _rows(stats: pa.Table, window: Window) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return about how many readings each series has in a window, as if they were spread evenly."""
    rows, first, last = (stats.column(name).to_numpy() for name in ("rows", "first", "last"))
    start = first if window.start is None else np.maximum(first, np.datetime64(window.start))
    end = last if window.end is None else np.minimum(last, np.datetime64(window.end))
    second = np.timedelta64(1, "s")
    share = np.clip((end - start + second) / (last - first + second), 0, 1)
    return np.asarray(rows * share, np.float64)
