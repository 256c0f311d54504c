from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from storage.errors import DirectoryError
from storage.series.copies import link_or_copy
from storage.series.store import SeriesStore
from tests.support.series import QUIET, everything, reading, table


def test_a_copy_never_writes_over_a_file(tmp_path: Path) -> None:
    source, target = tmp_path / "new", tmp_path / "old"
    source.write_bytes(b"new")
    target.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        link_or_copy(source, target)
    assert target.read_bytes() == b"old"


def test_without_links_it_is_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"content")
    monkeypatch.setattr("os.link", lambda *_: (_ for _ in ()).throw(OSError("another file system")))
    link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"content"


def test_backups_at_the_same_time_while_writing(store: SeriesStore, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        writing = [threads.submit(store.append, table([reading(n, 0, 1.0)])) for n in range(30)]
        copying = [threads.submit(store.back_up, tmp_path / f"copy{n}") for n in range(3)]
        for work in (*writing, *copying):
            work.result()
    for n in range(3):
        copied = SeriesStore(tmp_path / f"copy{n}", QUIET)
        assert copied.check() == []
        assert set(everything(copied)) <= set(everything(store))
        copied.close()
    with pytest.raises(DirectoryError, match="not empty"):
        store.back_up(tmp_path / "copy0")
