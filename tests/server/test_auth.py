"""Tokens, roles, and how slow trying tokens is."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from server.auth import Gate, Role, Tokens, is_loopback, require
from server.errors import Problem


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "tokens.json")


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anyone:{password}".encode()).decode()


@pytest.mark.parametrize("role", [Role.READ, Role.WRITE, Role.ADMIN])
def test_a_token_has_its_role(tokens: Tokens, role: Role) -> None:
    token = tokens.create("a client", role)
    gate = Gate(tokens, anonymous=Role.NONE)
    assert gate.role(f"Bearer {token}", "client") is role
    assert gate.role(basic(token), "client") is role


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


@pytest.mark.parametrize("wrong", ["", "nonsense", "twh_00000000_" + "x" * 32, "twh_zz_x"])
def test_a_wrong_token_is_refused(tokens: Tokens, wrong: str) -> None:
    tokens.create("a client", Role.READ)
    with pytest.raises(Problem) as caught:
        Gate(tokens, anonymous=Role.ADMIN).role(f"Bearer {wrong}", "client")
    assert caught.value.status == 401


def test_a_right_id_with_a_wrong_secret_is_refused(tokens: Tokens) -> None:
    token = tokens.create("a client", Role.READ)
    assert tokens.role_of(token[:-1] + ("x" if token[-1] != "x" else "y")) is None


def test_trying_is_slow_and_others_are_not_harmed(tokens: Tokens) -> None:
    token = tokens.create("a client", Role.READ)
    gate = Gate(tokens, anonymous=Role.NONE)
    statuses = []
    for _ in range(11):
        with pytest.raises(Problem) as caught:
            gate.role("Bearer wrong", "attacker")
        statuses.append(caught.value.status)
    assert statuses == [401] * 10 + [429]
    assert gate.role(f"Bearer {token}", "somebody else") is Role.READ


def test_the_secret_of_the_environment_is_admin(tokens: Tokens) -> None:
    gate = Gate(tokens, anonymous=Role.NONE, extra="a secret of the container")
    assert gate.role("Bearer a secret of the container", "client") is Role.ADMIN


def test_without_a_token_the_anonymous_role_counts(tokens: Tokens) -> None:
    assert Gate(tokens, anonymous=Role.READ).role(None, "client") is Role.READ


def test_require_tells_missing_from_too_low() -> None:
    require(Role.ADMIN, Role.WRITE)
    for role, status in ((Role.NONE, 401), (Role.READ, 403)):
        with pytest.raises(Problem) as caught:
            require(role, Role.WRITE)
        assert caught.value.status == status


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("h", False)],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
