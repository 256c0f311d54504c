from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.errors import DirectoryError, DirectoryLocked, FormatVersionError
from storage.files import DataDirectory, write_atomically
from tests.support.faults import ROOT

HOLD = """
import sys, time
from pathlib import Path
from storage.files import DataDirectory
held = DataDirectory(Path(sys.argv[1]), "the other server")
print("held", flush=True)
sys.stdin.read()
"""


HOLD_WITH_ANOTHER = """
import subprocess, sys
from pathlib import Path
from storage.files import DataDirectory
held = DataDirectory(Path(sys.argv[1]), "the other server")
child = subprocess.Popen(["sh", "-c", "cat; sleep 0.5"], stdin=subprocess.PIPE, pass_fds=(held.lock,))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def other_process(root: Path, program: str = HOLD) -> Iterator[subprocess.Popen[str]]:
    """Hold a directory in another process until the end of the block."""
    command = [sys.executable, "-c", program, str(root)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_process_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    with other_process(tmp_path) as process, pytest.raises(DirectoryLocked) as refused:
        DataDirectory(tmp_path)
    assert refused.value.holder == f"the other server (process {process.pid})"


def test_the_lock_ends_with_a_killed_process(tmp_path: Path) -> None:
    with other_process(tmp_path) as process:
        process.kill()
        process.wait()
        DataDirectory(tmp_path).close()


def test_the_processes_of_a_killed_holder_are_waited_for(tmp_path: Path) -> None:
    with other_process(tmp_path, HOLD_WITH_ANOTHER) as process:
        with pytest.raises(DirectoryLocked):
            DataDirectory(tmp_path)
        process.kill()
        process.wait()
        DataDirectory(tmp_path).close()


def test_one_process_locks_itself_out_too_and_is_named_by_what_it_announced(tmp_path: Path) -> None:
    held = DataDirectory(tmp_path, "a long name that is overwritten")
    held.announce("here")
    with pytest.raises(DirectoryLocked, match=r"here \(process \d+\)"):
        DataDirectory(tmp_path)
    held.close()
    held.close()
    DataDirectory(tmp_path).close()


def test_each_opening_has_an_epoch_of_its_own(tmp_path: Path) -> None:
    epochs = []
    for _ in range(3):
        directory = DataDirectory(tmp_path)
        epochs.append(directory.epoch)
        directory.close()
    assert epochs == [1, 2, 3]


@pytest.mark.parametrize("marker", ['{"format": 99}', "not json", "[]"])
def test_another_format_is_refused_and_not_locked(tmp_path: Path, marker: str) -> None:
    (tmp_path / "twinhouse.json").write_text(marker)
    for _ in range(2):
        with pytest.raises(FormatVersionError):
            DataDirectory(tmp_path)
    assert (tmp_path / "twinhouse.json").read_text() == marker


def test_a_foreign_directory_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(DirectoryError, match=r"thesis\.tex"):
        DataDirectory(tmp_path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["lock", "thesis.tex"]


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(DirectoryError):
            DataDirectory(path)


def test_an_atomic_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", lambda _fd: (_ for _ in ()).throw(OSError("no space")))
        with pytest.raises(OSError, match="no space"):
            write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    write_atomically(path, b"newer")
    assert path.read_bytes() == b"newer"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_the_marker_names_the_format(tmp_path: Path) -> None:
    DataDirectory(tmp_path).close()
    assert json.loads((tmp_path / "twinhouse.json").read_bytes()) == {"format": 1, "openings": 1}
