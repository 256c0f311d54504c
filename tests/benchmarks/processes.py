"""What a server takes: memory of all its processes, processor time, and disk, all from the kernel."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_EVERY = 0.1  # seconds


def family(pid: int) -> Iterator[int]:
    """Yield a process and all its descendants."""
    yield pid
    for task in _entries(Path(f"/proc/{pid}/task")):
        for child in _text(task / "children").split():
            yield from family(int(child))


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and its descendants; pages that they share count once each."""
    return sum(_resident(each) for each in family(pid))


def _resident(pid: int) -> int:
    for line in _text(Path(f"/proc/{pid}/status")).splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    return 0


def busy_seconds(pid: int) -> float:
    """Return the processor time that a process and its descendants have used so far."""
    return sum(_busy(each) for each in family(pid))


def _busy(pid: int) -> float:
    fields = _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK if fields else 0.0


def disk_bytes(folder: Path) -> int:
    """Return what a folder takes on disk; a file with several names counts once."""
    sizes: dict[int, int] = {}
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # a server at work deletes files
            if path.is_file():
                stat = path.stat()
                sizes[stat.st_ino] = stat.st_blocks * 512
    return sum(sizes.values())


def settle(pid: int, seconds: float = 60.0) -> None:
    """Wait until a server has no more work of its own (compaction), `seconds` at most."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        before = busy_seconds(pid)
        time.sleep(1)
        if busy_seconds(pid) - before < 0.05:
            return


def allowed_bytes() -> int:
    """Return how much memory one server may take, so that the machine goes on: most of what is free now."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", _text(Path("/proc/meminfo")), re.MULTILINE)
    return (int(found[1]) << 10) * 7 // 10 if found else 1 << 62


class PeakMemory:
    """Samples the memory of a server until it is closed; ends one that takes more than it may."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._end = threading.Event()
        self._peak = 0
        self.allowed = allowed_bytes()
        self.exceeded = False
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while not self._end.wait(_EVERY):
            self._peak = max(self._peak, resident_bytes(self._process.pid))
            if self._peak > self.allowed:
                self.exceeded = True
                self._process.kill()
                return

    def take(self) -> int:
        """Return the peak in bytes since the last time, and begin again."""
        peak, self._peak = max(self._peak, resident_bytes(self._process.pid)), 0
        return peak

    def close(self) -> None:
        """End sampling."""
        self._end.set()
        self._thread.join()


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:  # it has ended
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # it has ended
        return ""
