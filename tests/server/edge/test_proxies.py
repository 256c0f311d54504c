"""What a proxy tells of its clients counts where the settings trust it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.raw import ask
from tests.support.service import serving

SECRET = "0" * 48
TURTLE = b"<urn:a:s> <urn:a:p> 1 ."


@pytest.mark.parametrize(("proxies", "last"), [("", 429), ("192.0.2.1", 429), ("127.0.0.0/8", 401)])
def test_wrong_tokens_count_by_address(tmp_path: Path, proxies: str, last: int) -> None:
    with serving(tmp_path / "data", readers=1, anonymous="none", token=SECRET, trusted_proxies=proxies) as service:
        answers = [
            ask(service.url, "GET /points", authorization="Bearer wrong", x_forwarded_for=f"192.0.2.{number}")
            for number in range(11)
        ]
        assert [status for status, _, _ in answers] == [401] * 10 + [last]


@pytest.mark.parametrize(("proxies", "scheme"), [("", "http"), ("127.0.0.1,::1", "https"), ("*", "https")])
def test_urls_have_the_scheme_that_the_client_used(tmp_path: Path, proxies: str, scheme: str) -> None:
    with serving(tmp_path / "data", readers=1, trusted_proxies=proxies) as service:
        status, headers, _ = ask(
            service.url, "POST /store", TURTLE, content_type="text/turtle", x_forwarded_proto="https"
        )
        assert (status, headers["location"].partition("://")[0]) == (201, scheme)
