"""The demo building in a data directory: the ontology, a year of readings, and last the model: then it is whole."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from server.cli.client import Client, connect
from server.cli.failure import Failure, say
from server.cli.options import Target
from server.cli.progress import shares
from server.cli.sending import send

if TYPE_CHECKING:
    from rich.progress import Progress

GRAPH = "urn:twinhouse:model:demo"
_ONTOLOGY = {"name": "brick", "version": "1.4"}


def has_demo(target: Target) -> bool:
    """Tell whether a directory has the whole demo. Raises Failure where it has another model."""
    if not (target.data / "twinhouse.json").exists():
        return False
    with connect(target) as client:
        graphs = set(client.json("GET", "/graphs")["graphs"])
        packaged = {known["graph"] for known in client.json("GET", "/ontologies")["ontologies"]}
    if GRAPH not in graphs and graphs - packaged:
        hint = "name a directory for the demo with --data"
        raise Failure(f"{target.data} has something else than the demo: {min(graphs - packaged)}", hint=hint)
    return GRAPH in graphs


def make_demo(target: Target, days: int) -> None:
    """Make the demo, ending today."""
    say(f"making a demo building with {days:,} days of readings in {target.data}")
    began = time.perf_counter()
    with connect(target, creates=True) as client:
        with shares() as progress:
            _step(progress, "Brick 1.4", lambda: client.json("POST", "/ontologies", params=_ONTOLOGY))
            count = _readings(client, progress, days)
            _step(progress, "the building's model", lambda: _model(client))
        say(f"{count:,} readings stored after {time.perf_counter() - began:.1f} s")
    say(f"sealed after {time.perf_counter() - began:.1f} s")


def _step(progress: Progress, name: str, run: Any) -> None:  # noqa: ANN401 - its result is not needed
    task = progress.add_task(name, total=1)
    run()
    progress.update(task, completed=1)


def _readings(client: Client, progress: Progress, days: int) -> int:
    from server.demo import readings

    task = progress.add_task(f"{days:,} days of readings", total=1)
    now = datetime.now(UTC).replace(tzinfo=None)
    start = now.date() - timedelta(days=days - 1)
    count = 0
    for month in readings(start, days, progress=lambda share: progress.update(task, completed=share)):
        past = month.filter(pc.less_equal(month.column("time"), pa.scalar(now, pa.timestamp("us"))))
        count += send(client, past)["readings"]
    return count


def _model(client: Client) -> None:
    from server.demo import model

    headers = {"Content-Type": "text/turtle"}
    client.json("POST", "/models", params={"graph": GRAPH}, headers=headers, content=model().encode())
