"""The gate: which role a request has, and how slow trying tokens is."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from server.auth.gate import Gate, anonymous_role, gate_of, is_loopback, require
from server.auth.tokens import Role, Tokens
from server.errors import Problem
from server.settings import Settings


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


@pytest.mark.parametrize("wrong", ["", "nonsense", "twh_00000000_" + "x" * 32, "twh_zz_x"])
def test_a_wrong_token_is_refused(tokens: Tokens, wrong: str) -> None:
    tokens.create("a client", Role.READ)
    with pytest.raises(Problem) as caught:
        Gate(tokens, anonymous=Role.ADMIN).role(f"Bearer {wrong}", "client")
    assert caught.value.status == 401


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


def test_who_shares_an_address_with_an_attacker_is_not_locked_out(tokens: Tokens) -> None:
    """But a secret that people chose could be guessed: it is not looked at then."""
    token = tokens.create("a client", Role.READ)
    gate = Gate(tokens, anonymous=Role.NONE, extra="chosen")
    for _ in range(20):
        with pytest.raises(Problem):
            gate.role("Bearer wrong", "proxy")
    assert gate.role(f"Bearer {token}", "proxy") is Role.READ
    with pytest.raises(Problem, match="too many wrong tokens"):
        gate.role("Bearer chosen", "proxy")


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


def test_a_made_token_keeps_its_role_where_the_server_has_it_as_its_secret(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path / "tokens.json")
    token = tokens.create("a client", Role.READ)
    gate = gate_of(Settings(data=tmp_path, token=token))
    assert gate.role(f"Bearer {token}", "client") is Role.READ
    assert tokens.revoke(token.split("_")[1])
    with pytest.raises(Problem):
        gate.role(f"Bearer {token}", "client")


def test_the_secret_of_the_settings_is_admin(tmp_path: Path) -> None:
    gate = gate_of(Settings(data=tmp_path, token="a secret from a file\n"))  # noqa: S106 - the test's own
    assert gate.role("Bearer a secret from a file", "client") is Role.ADMIN


@pytest.mark.parametrize(
    ("origin", "role"),
    [
        (None, Role.ADMIN),
        ("http://localhost:8080", Role.ADMIN),
        ("http://[::1]:1", Role.ADMIN),
        ("https://evil.example", Role.NONE),
        ("null", Role.NONE),
        ("http://[", Role.NONE),
    ],
)
def test_pages_from_elsewhere_are_not_anonymous_on_loopback(tokens: Tokens, origin: str | None, role: Role) -> None:
    assert Gate(tokens, anonymous=Role.ADMIN, local_pages=True).role(None, "client", origin) is role


@pytest.mark.parametrize(
    ("host", "anonymous", "insecure", "role"),
    [
        ("127.0.0.1", "auto", False, Role.ADMIN),
        ("127.0.0.1", "none", False, Role.NONE),
        ("0.0.0.0", "auto", False, Role.NONE),
        ("0.0.0.0", "read", False, Role.READ),
        ("0.0.0.0", "auto", True, Role.ADMIN),
        ("0.0.0.0", "read", True, Role.READ),
    ],
)
def test_who_one_is_without_a_token(host: str, anonymous: str, insecure: bool, role: Role) -> None:
    assert anonymous_role(Settings(host=host, anonymous=anonymous, insecure=insecure)) is role
