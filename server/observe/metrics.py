"""GET /metrics: what is stored and what is under way, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from anyio import to_thread
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number that is read when it is asked for."""

    name: str
    help: str
    value: float


class Gauges(Collector):
    """Reads its gauges anew at each scrape."""

    def __init__(self, read: Callable[[], Iterable[Gauge]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges."""
        for gauge in self._read():
            yield GaugeMetricFamily(gauge.name, gauge.help, value=gauge.value)


async def metrics(request: Request) -> Response:
    """Answer in Prometheus' text format."""
    registry: CollectorRegistry = request.app.state.registry
    return Response(await to_thread.run_sync(generate_latest, registry), media_type=CONTENT_TYPE_LATEST)
