"""Changes a graph for ever and prints the number of each change once it is acknowledged.

Even changes are updates that add triples; odd ones replace a graph by as many triples of the change.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Quad

from storage.files import DataDirectory
from storage.graph.store import GraphStore

REPLACED = NamedNode("urn:test:replaced")
TRIPLES = 200


def triples(change: int, graph: NamedNode) -> Iterator[Quad]:
    """Return what a change writes."""
    for number in range(TRIPLES):
        yield Quad(NamedNode(f"urn:test:{change}"), NamedNode("urn:test:p"), Literal(f"{number}"), graph)


def main(directory: Path, first: int) -> None:
    store = GraphStore(DataDirectory(directory))
    for change in count(first):
        if change % 2:
            store.replace(triples(change, REPLACED), [REPLACED])
        else:
            added = " ".join(f"{quad.triple} ." for quad in triples(change, REPLACED))
            store.update(f"INSERT DATA {{ GRAPH <urn:test:added> {{ {added} }} }}")
        print(change, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
