from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from storage.errors import Corrupt
from storage.graph import checkpoints
from storage.graph.journal import Bounds, Journal
from storage.graph.latest import Made
from storage.graph.recording.recorder import Change

ONE = Change("<urn:b> <urn:p> _:x .\n<urn:a> <urn:p> <urn:b> <urn:g> .\n", "", ("urn:g",), (), (None, "urn:g"))


def numbers(journal: Journal) -> list[int]:
    return [entry.number for entry in journal.listed(100)]


def test_what_is_recorded_is_there_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "changes")
    large = Change("".join(f"<urn:a> <urn:p> <urn:{n:03}> .\n" for n in range(500)), "<urn:a> <urn:p> <urn:x> .\n")
    assert journal.append([Made("me", "one", (None, "urn:g"), ONE), Made("me", "two", (None,), large)]) == 2
    assert journal.append([Made("me", "unknown", ("urn:g",), None)]) == 3
    journal.close()
    journal = Journal(tmp_path / "changes")
    newest, second, first = journal.listed(5)
    assert (newest.added, newest.removed, newest.graphs) == (None, None, ("urn:g",))
    assert (second.added, second.removed) == (500, 1)
    assert (first.who, first.what, first.made, first.dropped) == ("me", "one", ("urn:g",), ())
    found = journal.read(1), journal.read(2)
    assert found[1] == (second, large)
    assert found[0] is not None
    assert found[0][1].added.split("\n")[0] == "<urn:a> <urn:p> <urn:b> <urn:g> .", "in order"
    assert journal.read(4) is None
    journal.close()
    journal.close()


def test_what_waits_outlives_the_process(tmp_path: Path) -> None:
    """A journal that is not closed is what a killed process leaves."""
    killed = Journal(tmp_path)
    odd = Change('<urn:a> <urn:p> "\\n\u2028\U0001f600" .\n', "", (), (), (None,))
    killed.append([Made("me", "one", (None, "urn:g"), ONE), Made("mé", "unknown", (None,), None)])
    killed.append([Made("me", "odd", (None,), odd)])
    again = Journal(tmp_path)
    assert again.append([Made("me", "more", (), ONE)]) == 4
    assert [(entry.number, entry.who, entry.what) for entry in again.listed(5)] == [
        *((4, "me", "more"), (3, "me", "odd")),
        *((2, "mé", "unknown"), (1, "me", "one")),
    ]
    assert [found and found[1].added for found in map(again.read, (2, 3))] == ["", odd.added]
    assert (tmp_path / "latest.jsonl").stat().st_size == 0, "all is in the table"
    again.close()


def test_what_was_stored_before_a_kill_is_not_there_twice(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append([Made("me", "one", (), ONE)])
    latest = (tmp_path / "latest.jsonl").read_bytes()
    journal.append([Made("me", "two", (), ONE)])
    assert numbers(journal) == [2, 1]
    (tmp_path / "latest.jsonl").write_bytes(latest)
    again = Journal(tmp_path)
    assert again.append([Made("me", "three", (), ONE)]) == 3
    assert numbers(again) == [3, 2, 1]
    again.close()


@pytest.mark.parametrize("rest", [b'[3, "2026', b"\0" * 50, b"5\n", b'[3, "", "", "", [], ["only this"]]\n'])
def test_what_a_power_cut_leaves_in_part_is_cut_off(tmp_path: Path, rest: bytes) -> None:
    journal = Journal(tmp_path)
    journal.append([Made("me", "one", (), ONE), Made("me", "two", (), ONE)])
    with (tmp_path / "latest.jsonl").open("ab") as file:
        file.write(rest)
    Journal(tmp_path).append([Made("me", "three", (), ONE)])
    again = Journal(tmp_path)
    assert [entry.what for entry in again.listed(5)] == ["three", "two", "one"]
    again.close()


def test_many_or_large_changes_wait_no_longer(tmp_path: Path) -> None:
    journal, latest = Journal(tmp_path), tmp_path / "latest.jsonl"
    for number in range(1, 251):
        assert journal.append([Made("me", "it", (), ONE)]) == number
        assert latest.stat().st_size < 100 * 300
    assert latest.stat().st_size > 0
    large = Change("".join(f"<urn:{n}> <urn:p> <urn:x> .\n" for n in range(10_000)), "")
    assert journal.append([Made("me", "it", (), large)]) == 251
    assert latest.stat().st_size == 0
    assert numbers(journal) == list(range(251, 151, -1))
    journal.close()


def test_what_the_disk_does_not_take_is_not_recorded(tmp_path: Path) -> None:
    """With files of a bounded size instead of a disk: to both the kernel says that there is no more room."""
    script = """
import resource, signal, sys
from pathlib import Path
from storage.graph.journal import Journal
from storage.graph.latest import Made
from storage.graph.recording.recorder import Change
folder = Path(sys.argv[1])
journal = Journal(folder)
journal.append([Made("me", "one", (), Change("<urn:a> <urn:p> <urn:b> .\\n"))])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, ((folder / "latest.jsonl").stat().st_size + 50, hard))
try:
    journal.append([Made("me", "too much", (), Change("<urn:a> <urn:p> <urn:b> .\\n"))])
except OSError:
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    journal.append([Made("me", "two", (), None)])
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    journal = Journal(tmp_path)
    assert [(entry.number, entry.what) for entry in journal.listed(5)] == [(2, "two"), (1, "one")]
    journal.close()


def test_it_is_bounded_by_number_bytes_and_age(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "number", Bounds(number=2))
    for _ in range(4):
        journal.append([Made("me", "it", (), ONE)])
    assert numbers(journal) == [4, 3]
    journal.close()
    journal = Journal(tmp_path / "number", Bounds(bytes=1))
    journal.append([Made("me", "it", (), ONE)])
    assert numbers(journal) == [5], "the newest stays, whatever its size"
    journal.close()
    journal = Journal(tmp_path / "number", Bounds(days=-1))
    for _ in range(95):
        journal.append([Made("me", "it", (), ONE)])
    assert numbers(journal) == [100]
    journal.close()


def test_a_copy_has_what_is_recorded(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "changes")
    journal.append([Made("me", "it", (), ONE)])
    journal.back_up(tmp_path / "copy")
    journal.append([Made("me", "more", (), ONE)])
    journal.close()
    copy = Journal(tmp_path / "copy")
    assert [entry.what for entry in copy.listed(5)] == ["it"]
    assert copy.append([Made("me", "other", (), ONE)]) == 2
    copy.close()


def test_its_log_begins_anew_while_changes_come_all_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "_ENOUGH", 1 << 16)
    monkeypatch.setattr(checkpoints, "_MANY", 1 << 18)
    journal = Journal(tmp_path, Bounds(bytes=1 << 40))
    large = Change("".join(f"<urn:{random.randbytes(40).hex()}> <urn:p> <urn:x> .\n" for _ in range(1000)), "")
    log, newest, until = tmp_path / "journal.sqlite-wal", 0, time.monotonic() + 60
    while newest < 200 or newest * 40_000 < 4 * log.stat().st_size:
        assert time.monotonic() < until
        newest = journal.append([Made("me", "it", (), large)])
    assert log.stat().st_size < 32 << 20
    copied = tmp_path / "copied"
    copied.mkdir()
    journal.close()
    shutil.copy(tmp_path / "journal.sqlite", copied)
    again = Journal(copied)
    assert [again.read(number) is not None for number in (1, newest)] == [True, True]
    again.close()


def test_what_is_no_journal_is_told(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"no database at all, but long enough to be taken for one" * 20)
    with pytest.raises(Corrupt, match=r"journal\.sqlite cannot be read"):
        Journal(tmp_path)
