from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import pytest

from storage.errors import Corrupt
from storage.graph import checkpoints
from storage.graph.journal import Bounds, Journal, Made
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
