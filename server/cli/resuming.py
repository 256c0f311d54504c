"""Where an ingest that was interrupted goes on: a journal of the files' requests that are stored.

It is a file of the user's, of one target and one way of reading, and goes when everything is stored. A request that
was stored but not noted is sent again, which changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Stored:
    """What of a file, as it is now, is stored: requests, their readings, and whether those are all of it."""

    requests: int = 0
    readings: int = 0
    whole: bool = False


class Journal:
    """What of each file is stored."""

    def __init__(self, about: Sequence[object], *, resume: bool) -> None:
        """`about` says to what, and how, files are sent. Without `resume` nothing is stored yet."""
        name = hashlib.sha256(repr(about).encode()).hexdigest()[:32]
        self._path = _state_folder() / "ingest" / f"{name}.json"
        found = self._read()
        self.interrupted = bool(found)
        self._files = found if resume else {}

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            files: dict[str, dict[str, Any]] = json.loads(self._path.read_text())
        except (OSError, ValueError):  # there is none, or a power cut took it: everything is sent again
            return {}
        return files

    def stored(self, file: Path) -> Stored:
        """Return what of a file is stored; nothing where it is another one by now."""
        entry = self._files.get(str(file.resolve()), {})
        return Stored(*entry["stored"]) if entry.get("is") == _identity(file) else Stored()

    def note(self, file: Path, stored: Stored) -> None:
        """Keep what of a file is stored by now."""
        entry = {"is": _identity(file), "stored": [stored.requests, stored.readings, stored.whole]}
        self._files[str(file.resolve())] = entry
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(self._files))
        temporary.replace(self._path)

    def end(self) -> None:
        """Forget everything: all of it is stored."""
        self._path.unlink(missing_ok=True)


def _identity(file: Path) -> list[int]:
    stat = file.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _state_folder() -> Path:
    """Return where programs keep such things (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "twinhouse"
