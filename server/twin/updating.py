"""SPARQL updates: what their WHERE sees of readings, what they fetch, and the record of what they change."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from server.twin.hybrid.answering import Answering
from server.twin.touching import leaves, leaves_points
from storage.graph.federation import explained
from storage.graph.queries import Limits
from storage.graph.store import Change

if TYPE_CHECKING:
    from server.twin.service import Twin


def update(twin: Twin, text: str, base_iri: str | None, seconds: float, *, union: bool) -> tuple[int, bool]:
    """Run an update; returns the generation that has it, and whether it leaves all points as they are."""
    answering = Answering(twin, text, base_iri, union)
    known: list[Change | None] = []

    def told(change: Change | None) -> None:
        known.append(change)
        twin.changes.keep("update", change)

    limits = Limits(seconds).begun()
    with twin.graph.holding(limits.left) if answering.checks else contextlib.nullcontext():
        text = answering.run(limits)
        with twin.outbound.lent(text, base_iri, limits.left) as lease, explained(lease):
            sent, gateways = (text, ()) if lease is None else (lease.text, lease.gateways)
            commit = twin.graph.update(
                sent,
                base_iri=base_iri,
                seconds=limits.left,
                gateways=gateways,
                union=union,
                told=told if twin.settings.changes == "all" else None,
            )
    return commit, leaves(known[0]) if known else leaves_points(text, base_iri)
