"""As write_graph, but every change is made on a copy that then takes the graph's place."""

from __future__ import annotations

import sys
from pathlib import Path

from storage.graph import store
from tests.faults.write_graph import main

if __name__ == "__main__":
    store.MOST_IN_TRANSACTION = -1
    main(Path(sys.argv[1]), int(sys.argv[2]))
