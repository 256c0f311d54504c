"""Files that survive a power cut, and the data directory: its lock, its format version, its places."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from storage.errors import DirectoryError, DirectoryLocked, DiskFailed, FormatVersionError

FORMAT_VERSION = 1
_PATIENCE = 10.0  # seconds for the processes of a killed holder to end


def sync_directory(path: Path) -> None:
    """Make creations, renames and removals in `path` durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file(path: Path) -> None:
    """Make the content of `path` durable."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def publish(temporary: Path, final: Path) -> None:
    """Rename a written file into place. Durable when it returns; visible whole or not at all."""
    sync_file(temporary)
    temporary.replace(final)
    sync_directory(final.parent)


def write_atomically(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace `path` by `content`. Durable when it returns; visible whole or not at all, by whom `mode` says."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.unlink(missing_ok=True)  # left by a crash, perhaps with another mode
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    publish(temporary, path)


def make_directory(path: Path) -> None:
    """Create `path` and what leads to it, durably."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(exist_ok=True)
    sync_directory(path.parent)


def empty_directory(path: Path) -> None:
    """Remove all that is in `path`, and make it where it is missing."""
    shutil.rmtree(path, ignore_errors=True)
    make_directory(path)


@contextlib.contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Raise DiskFailed for `what` the disk does not take, or give back."""
    try:
        yield
    except OSError as error:
        raise DiskFailed(f"{what} cannot be kept on disk: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class Holder:
    """What the process that holds a directory says of itself."""

    pid: int
    what: str

    def __str__(self) -> str:
        return f"{self.what} (process {self.pid})"

    @property
    def lives(self) -> bool:
        """Tell whether there is a process of this number; True where that is not to be known."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True
        return True


class DataDirectory:
    """One data directory, held by one process at a time.

    The lock is the kernel's (`flock`), so it ends with the process however that dies, and with those processes that
    it started and that write in the directory. The lock file names the holder for the next one's error message.
    """

    def __init__(self, root: Path, what: str = "twinhouse") -> None:
        self.root = root.absolute()
        self._claim(what)

    def _claim(self, what: str) -> None:
        try:
            make_directory(self.root)
        except (FileExistsError, NotADirectoryError, PermissionError) as error:
            raise DirectoryError(f"{self.root} cannot be a data directory: {error.strerror}") from error
        self._lock = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._acquire(what)
            self._check_format()
            for path in (self.snapshots, self.series):
                make_directory(path)
            self.epoch = self._next_epoch()
        except BaseException:
            self.close()
            raise

    def _acquire(self, what: str) -> None:
        until = time.monotonic() + _PATIENCE
        while not self._try():
            holder = self._holder()
            if holder is None or holder.lives or time.monotonic() > until:
                raise DirectoryLocked(str(self.root), str(holder or "another process"))
            time.sleep(0.01)  # the holder was killed; the processes that it started end now, and have the lock too
        self.announce(what)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _holder(self) -> Holder | None:
        try:
            return Holder(**json.loads(os.pread(self._lock, 4096, 0)))
        except (ValueError, TypeError):
            return None

    def announce(self, what: str) -> None:
        """Say in the lock file what this process is, for whoever meets the lock."""
        os.truncate(self._lock, 0)
        os.pwrite(self._lock, json.dumps({"pid": os.getpid(), "what": what}).encode(), 0)

    def _check_format(self) -> None:
        if not self._marker.exists():
            self._refuse_foreign()
            return
        version = self._read_marker().get("format")
        if version != FORMAT_VERSION:
            raise FormatVersionError(
                f"{self.root} has data format {version}, this version reads format {FORMAT_VERSION}"
            )

    def _refuse_foreign(self) -> None:
        foreign = [entry.name for entry in self.root.iterdir() if entry.name != "lock"]
        if foreign:
            raise DirectoryError(
                f"{self.root} is neither empty nor a Twinhouse data directory (it holds {sorted(foreign)[0]})"
            )

    def _read_marker(self) -> dict[str, int]:
        try:
            return dict(json.loads(self._marker.read_bytes()))
        except (ValueError, TypeError) as error:
            raise FormatVersionError(f"{self._marker} is not readable: {error}") from error

    def _next_epoch(self) -> int:
        """Count the openings, so that generations of different runs never look alike."""
        epoch = self._read_marker().get("openings", 0) + 1 if self._marker.exists() else 1
        marker = {"format": FORMAT_VERSION, "openings": epoch}
        write_atomically(self._marker, json.dumps(marker).encode() + b"\n")
        return epoch

    @property
    def _marker(self) -> Path:
        return self.root / "twinhouse.json"

    @property
    def graph(self) -> Path:
        """Oxigraph's own directory."""
        return self.root / "graph"

    @property
    def loading(self) -> Path:
        """What is on its way into the graph; see storage.graph.rebuilding."""
        return self.root / "loading"

    @property
    def lock(self) -> int:
        """The file descriptor of the lock, for processes that are to hold it as long as they live."""
        return self._lock

    @property
    def snapshots(self) -> Path:
        """Checkpoints for the readers."""
        return self.root / "snapshots"

    @property
    def changes(self) -> Path:
        """What was changed in the graph, for undoing it."""
        return self.root / "changes"

    @property
    def series(self) -> Path:
        """The readings."""
        return self.root / "series"

    def close(self) -> None:
        """Give the directory back. Closing twice is fine."""
        with contextlib.suppress(OSError):
            os.close(self._lock)
        self._lock = -1
