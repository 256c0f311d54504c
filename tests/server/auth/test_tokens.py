"""Tokens: what is kept of them, and who sees a change."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from server.auth.tokens import Role, Tokens
from storage.errors import Corrupt


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "tokens.json")


def test_the_file_has_no_secret_and_is_private(tokens: Tokens, tmp_path: Path) -> None:
    token = tokens.create("a client", Role.READ)
    secret = token.split("_", 2)[2]
    path = tmp_path / "tokens.json"
    assert secret not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_another_process_sees_changes_at_once(tokens: Tokens, tmp_path: Path) -> None:
    other = Tokens(tmp_path / "tokens.json")
    token = tokens.create("a client", Role.WRITE)
    assert other.role_of(token) is Role.WRITE
    [kept] = other.all()
    assert other.revoke(kept.id)
    assert tokens.role_of(token) is None
    assert not tokens.revoke(kept.id)


def test_a_right_id_with_a_wrong_secret_is_refused(tokens: Tokens) -> None:
    token = tokens.create("a client", Role.READ)
    assert tokens.role_of(token[:-1] + ("x" if token[-1] != "x" else "y")) is None


@pytest.mark.parametrize("content", ["", "{", "[1]", '[{"id": "x"}]'])
def test_a_file_that_is_damaged_lets_nobody_in(tokens: Tokens, tmp_path: Path, content: str) -> None:
    token = tokens.create("a client", Role.READ)
    (tmp_path / "tokens.json").write_text(content)
    with pytest.raises(Corrupt):
        tokens.role_of(token)
