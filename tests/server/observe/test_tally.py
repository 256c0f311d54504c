from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from server.observe.tally import Tally

SECONDS = (0.0, 0.001, 0.005, 0.0051, 0.3, 10.0, 10.1, 4000.0)


def lines(registry: CollectorRegistry) -> list[str]:
    """Return what a scrape gets, but for the times at which counters were made."""
    return sorted(line for line in generate_latest(registry).decode().splitlines() if "_created" not in line)


@pytest.mark.parametrize("seconds", [SECONDS, ()])
def test_what_is_counted_reads_as_by_prometheus_client(seconds: tuple[float, ...]) -> None:
    ours, theirs, tally = CollectorRegistry(), CollectorRegistry(), Tally()
    ours.register(tally)
    requests = Counter("twinhouse_requests", "Requests answered", ["method", "route", "status"], registry=theirs)
    times = Histogram("twinhouse_request_seconds", "Time to the last byte", ["method", "route"], registry=theirs)
    for number, took in enumerate(seconds):
        route, status = ("/query", 200) if number % 3 else ('/"odd"', 404)
        tally.add("GET", route, status, took)
        requests.labels("GET", route, status).inc()
        times.labels("GET", route).observe(took)
    assert lines(ours) == lines(theirs)
