"""What one query sees beside the graph, or instead of it: read by its reader alone, and gone with the query."""

from __future__ import annotations

import json
import shutil
import weakref
from pathlib import Path
from uuid import uuid4

from storage.graph.guard import refuse_outbound

PREFIX = "overlay-"
_UPDATE = "update.json"
_APART = "apart"
_SMALL = 4 << 20  # bytes of a snapshot that is read into memory: up to about 50,000 quads


class Overlay:
    """A folder with the N-Quads of one query, and room for the store that its reader makes of them.

    It may have an update as well, which its reader makes first: on that store, and not on the graph. It is in the
    folder of the snapshots, whose files can be linked from there. `close` removes it.
    """

    def __init__(self, snapshots: Path) -> None:
        self.folder = snapshots / f"{PREFIX}{uuid4().hex}"
        self.folder.mkdir()
        self.close = weakref.finalize(self, shutil.rmtree, self.folder, True)

    @property
    def quads(self) -> Path:
        """The file of N-Quads, where there are some."""
        return self.folder / "quads.nq"

    def stand_apart(self) -> None:
        """Say that none of the quads can be a triple that a graph has."""
        (self.folder / _APART).touch()

    def update_first(self, text: str, base_iri: str | None) -> None:
        """Have an update made before there are any quads. Raises QueryRefused for SERVICE and LOAD in it."""
        refuse_outbound(text)
        (self.folder / _UPDATE).write_text(json.dumps({"text": text, "base": base_iri}))


def stands_apart(overlay: Path) -> bool:
    """Tell whether graphs share no triples with an overlay, nor others than they did before it."""
    return (overlay / _APART).exists() and not (overlay / _UPDATE).exists()


def update_of(overlay: Path) -> tuple[str, str | None] | None:
    """Return the update in the folder of an overlay and its base IRI; None where there is none."""
    path = overlay / _UPDATE
    if not path.exists():
        return None
    found = json.loads(path.read_text())
    return found["text"], found["base"]


def copy_snapshot(snapshot: Path, target: Path) -> None:
    """Copy a snapshot to where it may be written on: what never changes is linked."""
    target.mkdir()
    for path in snapshot.iterdir():
        if path.name.startswith(("LOG", "LOCK")):
            continue
        if path.suffix == ".sst":
            (target / path.name).hardlink_to(path)
        else:
            shutil.copyfile(path, target / path.name)


def is_small(snapshot: Path) -> bool:
    """Tell whether a snapshot is read into memory faster than a store is opened on a copy of it."""
    return sum(path.stat().st_size for path in snapshot.iterdir() if path.suffix in (".sst", ".log")) < _SMALL
