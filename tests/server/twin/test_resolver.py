"""Identifiers become the same UUIDs, and are counted alike, the first time and once they are remembered."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from uuid import UUID

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ontologies.points import PointSeries, SeriesReference
from server.tables.read import READINGS
from server.twin.ingest import IngestReport, Resolver
from server.twin.resolve import PointIndex, derived_series

POINTS = [
    PointSeries(f"urn:p{number}", UUID(int=number), (SeriesReference(f"id{number}", "a.csv"),))
    for number in (1, 2, 3)
]
KNOWN = {
    **{name: str(UUID(int=number)) for number in (1, 2, 3) for name in (f"urn:p{number}", f"id{number}")},
    str(UUID(int=2)): str(UUID(int=2)),
}
UNKNOWN = {"new": str(derived_series("new", None)), str(UUID(int=9)): str(UUID(int=9))}
NAMES = st.lists(st.sampled_from([*KNOWN, *UNKNOWN]), min_size=1, max_size=12)


def batch(names: list[str]) -> pa.RecordBatch:
    absent, time = (
        pa.nulls(len(names), pa.string()),
        pa.array([datetime(2026, 1, 1)] * len(names), pa.timestamp("us")),
    )
    return pa.RecordBatch.from_arrays(
        [pa.array(names), time, pa.array([float(place) for place in range(len(names))]), absent, absent],
        schema=READINGS,
    )


@given(st.lists(st.lists(NAMES, min_size=1, max_size=3), min_size=1, max_size=4), st.booleans())
def test_what_is_remembered_changes_nothing(requests: list[list[list[str]]], known_only: bool) -> None:
    index = PointIndex.of(POINTS)
    for batches in requests:
        resolver, every = Resolver(index, known_only=known_only), Counter(name for names in batches for name in names)
        left_out = {"new"} if known_only else set[str]()
        for names in batches:
            found = resolver.resolve(batch(names))
            kept = [(place, name) for place, name in enumerate(names) if name not in left_out]
            assert found.column("id").to_pylist() == [{**KNOWN, **UNKNOWN}[name] for _, name in kept]
            assert found.column("value").to_pylist() == [float(place) for place, _ in kept]
        stored = {name: uuid for name, uuid in {**KNOWN, **UNKNOWN}.items() if name in every and name not in left_out}
        assert resolver.report() == IngestReport(
            readings=sum(every[name] for name in stored),
            points=len(set(stored.values())),
            unknown={name: every[name] for name in every if name in UNKNOWN and name in stored},
            ignored={name: every[name] for name in every if name in left_out},
        )
