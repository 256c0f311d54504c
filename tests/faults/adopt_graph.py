"""Puts one store after another in the place of the graph, for ever, and prints the number of each that is there."""

from __future__ import annotations

import sys
from functools import partial
from itertools import count
from pathlib import Path

from storage.files import DataDirectory
from storage.graph.bulk import make_store
from storage.graph.store import GraphStore
from tests.faults.write_graph import REPLACED, triples


def main(directory: Path, first: int) -> None:
    store = GraphStore(DataDirectory(directory))
    for change in count(first):
        with store.staged() as staged:
            staged.count, _ = make_store(staged.begin_store(), None, partial(triples, change, REPLACED))
            store.replace_all(staged)
        print(change, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
