"""What of a twin is measured: what is stored, and what is under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.observe.metrics import Gauge

if TYPE_CHECKING:
    from server.twin.service import Twin


def gauges(twin: Twin) -> list[Gauge]:
    """Return all gauges, as of now."""
    series, readers = twin.series.status(), twin.readers
    return [
        Gauge("twinhouse_graph_generation", "A number that every commit to the graph raises", twin.graph.generation),
        Gauge("twinhouse_readers", "Reader processes", readers.size),
        Gauge("twinhouse_readers_busy", "Readers that have a query", readers.busy),
        Gauge("twinhouse_readers_killed", "Readers ended before their answer was", readers.killed),
        Gauge("twinhouse_queries_waiting", "Queries that wait for a reader", readers.waiting),
        Gauge("twinhouse_cache_hits", "Queries answered from memory", twin.answers.hits),
        Gauge("twinhouse_cache_misses", "Queries whose answer could have been in memory", twin.answers.misses),
        Gauge("twinhouse_cache_answers", "Answers in memory", len(twin.answers)),
        Gauge("twinhouse_cache_bytes", "Bytes of answers in memory, and their queries", twin.answers.bytes),
        Gauge("twinhouse_series_hot_rows", "Readings not yet in Parquet", series.hot_rows),
        Gauge("twinhouse_series_runs", "Sealed files not yet compacted", series.runs),
        Gauge("twinhouse_series_segments", "Compacted Parquet files", series.segments),
        Gauge("twinhouse_series_sealed_rows", "Readings in Parquet", series.sealed_rows),
        Gauge("twinhouse_series_sealed_bytes", "Bytes of Parquet", series.sealed_bytes),
        Gauge("twinhouse_series_rollups", "Segments that have rollups", series.rollups),
        Gauge("twinhouse_series_rollup_bytes", "Bytes of rollups", series.rollup_bytes),
        Gauge("twinhouse_series_archive_bytes", "Bytes of rollups without readings", series.archive_bytes),
        Gauge("twinhouse_series_deletions", "Deletions not yet carried out in Parquet", series.deletions),
        Gauge("twinhouse_series_rewrites", "Parquet files that hold what was deleted", series.rewrites),
        Gauge("twinhouse_series_quarantined", "Parquet files set apart as broken", series.quarantined),
        Gauge("twinhouse_series_failing", "1 while sealing or compacting fails", series.error is not None),
    ]
