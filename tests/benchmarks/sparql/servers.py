"""Oxigraph's own server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.servers import Server, free_port, running
from tests.benchmarks.sparql.native import Native


@contextmanager
def oxigraph(native: Native, data: Path, name: str = "Oxigraph") -> Iterator[Server]:
    """Serve a store by `oxigraph serve`, with our default graph: the union of all graphs."""
    data.mkdir(parents=True, exist_ok=True)
    bind = f"127.0.0.1:{free_port()}"
    command = [native.command, "serve", "--location", str(data), "--bind", bind, "--union-default-graph"]
    with running(name, command, data, {}, "/query?query=ASK%7B%7D") as server:
        yield server
