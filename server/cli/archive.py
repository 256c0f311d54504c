"""Tar streams from the server -> a folder, whole or not at all."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.cli.failure import Failure

if TYPE_CHECKING:
    from server.cli.client import Client


def fetch(client: Client, path: str, folder: Path) -> int:
    """Unpack what `path` streams to `folder`, which must be absent or empty; returns its bytes. Then durable."""
    require_empty(folder)
    partial = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with client.stream("GET", path) as response:
            _unpack(response.iter_bytes(), partial)
        publish(partial, folder)
    except tarfile.TarError as error:
        raise Failure(f"the archive is damaged: {error}") from None
    except OSError as error:
        raise Failure(f"{folder}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def require_empty(folder: Path) -> None:
    """Raise Failure for what is neither absent nor an empty folder."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Failure(f"{folder} is not an empty folder", hint="name one that is not there yet")


def _unpack(chunks: Iterator[bytes], folder: Path) -> None:
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BufferedReader(_Chunks(chunks), 1 << 20), mode="r|") as archive:
        archive.extractall(folder, filter="data")
    for _ in chunks:  # to the last byte, or a break behind the last file would not be seen
        pass


def publish(partial: Path, folder: Path) -> None:
    """Rename into place once every file is on disk."""
    from storage.files import sync_directory, sync_file

    for path in partial.rglob("*"):
        (sync_directory if path.is_dir() else sync_file)(path)
    sync_directory(partial)
    partial.replace(folder)
    sync_directory(folder.absolute().parent)


class _Chunks(io.RawIOBase):
    """Chunks as a file to read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any buffer
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        count = min(len(self._rest), len(buffer))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
