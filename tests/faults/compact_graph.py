"""As adopt_graph, but every store is made of lines, and compacted by a process of its own, as a large one is."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

import pyoxigraph as ox

from storage.files import DataDirectory
from storage.graph import bulk
from storage.graph.store import GraphStore
from tests.faults.write_graph import REPLACED, triples


def main(directory: Path, first: int) -> None:
    bulk._PUT_OFF = range(1 << 30)
    store, lines = GraphStore(DataDirectory(directory)), directory / "lines.nq"
    for change in count(first):
        ox.serialize(triples(change, REPLACED), str(lines), ox.RdfFormat.N_QUADS)
        with store.staged() as staged:
            made = bulk.Lines(lines, ox.RdfFormat.N_QUADS)
            staged.count, _ = bulk.make_store(staged.begin_store(), made, lambda: iter(()))
            store.replace_all(staged)
        print(change, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
