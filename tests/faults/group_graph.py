"""As write_graph, but an update runs in a group: with one before it that fails, and one behind it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from storage.errors import QuerySyntaxError
from storage.graph.store import GraphStore
from tests.faults.write_graph import main

BESIDE = "INSERT DATA { GRAPH <urn:test:beside> { <urn:test:s> <urn:test:p> 1 } }"


def update(store: GraphStore, text: str) -> None:
    """Run an update in a group."""
    failed, *generations = store.update_all([("INSERT DATA {", None), (text, None), (BESIDE, None)])
    assert isinstance(failed, QuerySyntaxError)
    assert all(isinstance(generation, int) for generation in generations)


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GraphStore, "update", update)
        main(Path(sys.argv[1]), int(sys.argv[2]))
