"""Counts requests, in one thread and so without the locks of which prometheus_client takes one for each number."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import Histogram
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

_BOUNDS = Histogram.DEFAULT_BUCKETS  # seconds; the last is infinity


class Tally(Collector):
    """How many requests there were, and how long they took. Counted in one thread, read in any."""

    def __init__(self) -> None:
        self._spreads: dict[tuple[str, str, int], _Spread] = {}

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        spread = self._spreads.get((method, route, status))
        if spread is None:
            spread = self._spreads[method, route, status] = _Spread()
        spread.counts[bisect_left(_BOUNDS, seconds)] += 1
        spread.seconds += seconds

    def collect(self) -> Iterator[Metric]:
        """Yield both metrics."""
        requests = CounterMetricFamily(
            "twinhouse_requests", "Requests answered", labels=["method", "route", "status"]
        )
        times = HistogramMetricFamily(
            "twinhouse_request_seconds", "Time to the last byte", labels=["method", "route"]
        )
        together: dict[tuple[str, str], _Spread] = {}
        for (method, route, status), spread in list(self._spreads.items()):
            requests.add_metric([method, route, str(status)], sum(spread.counts))
            together.setdefault((method, route), _Spread()).take(spread)
        for labels, spread in together.items():
            times.add_metric(list(labels), list(spread.buckets()), spread.seconds)
        yield requests
        yield times


class _Spread:
    """How many requests took how long."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * len(_BOUNDS)
        self.seconds = 0.0

    def take(self, other: _Spread) -> None:
        """Add what another has."""
        self.counts = [mine + its for mine, its in zip(self.counts, other.counts, strict=True)]
        self.seconds += other.seconds

    def buckets(self) -> Iterator[tuple[str, float]]:
        """Yield each bound with the requests that took no longer."""
        total = 0
        for bound, count in zip(_BOUNDS, self.counts, strict=True):
            total += count
            yield str(bound) if bound < math.inf else "+Inf", total
