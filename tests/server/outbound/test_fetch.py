from __future__ import annotations

import gzip
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.outbound import fetch as module
from server.outbound.budget import Budget
from server.outbound.fetch import Fetcher, Request, Resolve, resolve
from server.outbound.hosts import AllowList
from server.outbound.urls import parse_url
from storage.errors import OutboundFailed, QueryRefused
from tests.support.peer import Peer, Reply, Silence, dripping, endless, moved, raw, reply, typed


def fetched(url: str, entries: str, budget: Budget | None = None, resolve: Resolve = resolve) -> bytes:
    """GET a document."""
    request = Request(parse_url(url), "text/turtle")
    with Fetcher(AllowList.parse(entries), resolve).fetch(request, budget or Budget(20.0, 1 << 20)).body as body:
        return body.read()


def test_what_is_sent(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    peer.replies["/a%20b?c=%C3%BC"] = typed("text/turtle", b"body")
    assert fetched(f"{peer.url}a%20b?c=ü#d", peer.host) == b"body"
    [asked] = peer.asked
    assert asked.method == "GET"
    assert asked.headers.pop("user-agent").startswith("Twinhouse/")
    expected = {"host": peer.host, "accept": "text/turtle", "accept-encoding": "identity", "connection": "close"}
    assert asked.headers == expected


def test_a_host_that_is_not_listed_is_not_asked(stranger: Peer) -> None:
    for entries in ("", "example.org", f"127.0.0.1:{stranger.port + 1}"):
        with pytest.raises(QueryRefused, match=f"{stranger.host} is none of the hosts.*outbound_hosts"):
            fetched(stranger.url, entries)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(peer: Peer, status: int) -> None:
    peer.replies |= {"/a": moved("b/c", status), "/b/c": moved("/d#e", status), "/d": typed("text/turtle", b"body")}
    answer = Fetcher(AllowList.parse(peer.host)).fetch(
        Request(parse_url(f"{peer.url}a"), "*/*", b"ASK {}", "application/sparql-query"), Budget(20.0, 100)
    )
    with answer.body:
        assert answer.url.text == f"{peer.url}d"
    assert peer.paths() == ["/a", "/b/c", "/d"]
    expected = ("GET", b"") if status == 303 else ("POST", b"ASK {}")
    assert (peer.asked[-1].method, peer.asked[-1].body) == expected


def test_each_redirect_is_checked(peer: Peer, stranger: Peer) -> None:
    peer.replies["/a"] = moved(stranger.url)
    with pytest.raises(QueryRefused, match=stranger.host):
        fetched(f"{peer.url}a", peer.host)


@pytest.mark.parametrize(
    "location", ["http://169.254.169.254/", "http://2130706433/", "//localhost/", "http://[::]/"]
)
def test_a_redirect_to_nowhere_to_ask_is_refused(peer: Peer, location: str) -> None:
    peer.replies["/a"] = moved(location)
    with pytest.raises((QueryRefused, OutboundFailed)):
        fetched(f"{peer.url}a", peer.host)


@pytest.mark.parametrize("location", ["http://me:secret@127.0.0.1/", "ftp://127.0.0.1/", "file:///etc/passwd"])
def test_a_redirect_with_credentials_or_another_scheme_fails(peer: Peer, location: str) -> None:
    peer.replies["/a"] = moved(location)
    with pytest.raises(OutboundFailed, match="redirects to what is no URL"):
        fetched(f"{peer.url}a", "127.0.0.1")


def test_redirects_have_an_end(peer: Peer) -> None:
    peer.replies |= {f"/{n}": moved(f"/{n + 1}") for n in range(9)} | {"/9": reply()}
    assert fetched(f"{peer.url}4", peer.host) == b""
    with pytest.raises(OutboundFailed, match="more than 5 redirects"):
        fetched(f"{peer.url}3", peer.host)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (reply(500, {}, b"the \x00cause"), "answered 500 Said: the cause"),
        (reply(404), "answered 404 Said$"),
        (reply(204), "answered 204"),
        (reply(302), "redirects to nowhere"),
        (reply(200, {"Content-Encoding": "gzip"}, gzip.compress(b"x")), "Content-Encoding gzip"),
        (typed("text/turtle", b"<a> <b> <c> .", cut=5), "left before the end"),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"), "left before the end"),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n12345"), "left before the end"),
        (raw(b""), "left before"),
        (raw(b"SSH-2.0-OpenSSH\r\n"), "no HTTP"),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200), "no HTTP"),
        (raw(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000), "no HTTP"),
        (typed("text/turtle", b"x" * 2_000_000), "more bytes"),
        (endless("text/turtle", b"x" * 65536), "more bytes"),
    ],
)
def test_what_is_no_answer(peer: Peer, answer: Reply, said: str) -> None:
    peer.replies["/"] = answer
    with pytest.raises(OutboundFailed, match=said):
        fetched(peer.url, peer.host)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(OutboundFailed, match="refused"):
        fetched(f"http://127.0.0.1:{port}/", "127.0.0.1")


@pytest.mark.parametrize(
    "first",
    [b"", b"HTTP/1.1 200 OK\r\nX", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123", b"HTTP/1.1 200 OK\r\n\r\n123"],
)
def test_a_server_that_is_late_is_cut_off(peer: Peer, first: bytes) -> None:
    late = peer.replies["/"] = Silence(first=first)
    with pytest.raises(OutboundFailed, match=r"no answer within 0\.3 s"):
        fetched(peer.url, peer.host, Budget(0.3, 1 << 20))
    assert late.left.wait(20)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"])
def test_a_server_that_drips_is_cut_off(peer: Peer, head: bytes) -> None:
    peer.replies["/"] = dripping(head)
    with pytest.raises(OutboundFailed, match=r"no answer within 0\.3 s"):
        fetched(peer.url, peer.host, Budget(0.3, 1 << 20))


def test_time_is_for_all_requests_together(peer: Peer) -> None:
    peer.replies |= {"/": reply(), "/late": Silence()}
    budget = Budget(0.3, 100)
    assert fetched(peer.url, peer.host, budget) == b""
    for path in ("late", "late", ""):
        with pytest.raises(OutboundFailed, match="no answer within"):
            fetched(peer.url + path, peer.host, budget)
    assert peer.paths() == ["/", "/late"]


def test_closing_ends_what_goes_on(peer: Peer) -> None:
    late = peer.replies["/"] = Silence()
    budget = Budget(60.0, 100)

    def close() -> None:
        assert late.begun.wait(20)
        budget.close()

    closer = threading.Thread(target=close)
    closer.start()
    with pytest.raises(OutboundFailed, match="the query has ended"):
        fetched(peer.url, peer.host, budget)
    closer.join()
    assert late.left.wait(20)


# Names


def test_a_name_that_has_a_private_address_needs_the_mark(peer: Peer) -> None:
    """The machine's own name for loopback, by the machine's own resolver."""
    peer.replies["/"] = typed("text/turtle", b"body")

    def private(host: str, port: int) -> list[str]:
        assert host == "twin.example"
        return resolve("localhost", port)[-1:]

    url = f"http://twin.example:{peer.port}/"
    with pytest.raises(QueryRefused, match=r"twin\.example=private"):
        fetched(url, "twin.example", resolve=private)
    assert peer.asked == []
    for entries in ("twin.example=private", "twin.example,127.0.0.1,::1", "*.example=private"):
        assert fetched(url, entries, resolve=private) == b"body"
    assert peer.asked[0].headers["host"] == f"twin.example:{peer.port}"


def test_localhost_is_loopback(peer: Peer) -> None:
    peer.replies["/"] = typed("text/turtle", b"body")
    assert fetched(f"http://localhost:{peer.port}/", "localhost") == b"body"
    with pytest.raises(QueryRefused, match=r"10\.0\.0\.1"):
        fetched(f"http://localhost:{peer.port}/", "localhost", resolve=lambda *_: ["10.0.0.1"])


@pytest.mark.parametrize("answer", [["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["fe80::1%eth0"], ["x"]])
def test_every_address_of_a_name_is_checked(answer: list[str]) -> None:
    with pytest.raises(QueryRefused):
        fetched("http://twin.example/", "twin.example", resolve=lambda *_: answer)


def test_a_name_is_resolved_once(peer: Peer) -> None:
    """What it means a moment later changes nothing (DNS rebinding)."""
    peer.replies["/"] = typed("text/turtle", b"body")
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    url = f"http://twin.example:{peer.port}/"
    assert fetched(url, f"twin.example,127.0.0.1:{peer.port}", resolve=lambda *_: next(answers)) == b"body"
    assert next(answers) == ["127.0.0.2"]


def test_the_first_address_that_answers_is_taken(peer: Peer) -> None:
    peer.replies["/"] = typed("text/turtle", b"body")
    both = ["127.0.0.9", "127.0.0.1"]  # nothing listens at the first
    assert fetched(f"http://a.example:{peer.port}/", "a.example=private", resolve=lambda *_: both) == b"body"


def test_a_name_that_has_no_address() -> None:
    def unknown(*_: object) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    for answer, said in ((unknown, "Name or service not known"), (lambda *_: [], "has no address")):
        with pytest.raises(OutboundFailed, match=said):
            fetched("http://a.example/", "a.example", resolve=answer)


def test_a_resolver_that_is_late_is_not_waited_for() -> None:
    release = threading.Event()

    def late(*_: object) -> list[str]:
        release.wait(60)
        return []

    with pytest.raises(OutboundFailed, match=r"in time|no answer within"):
        fetched("http://a.example/", "a.example", Budget(0.3, 100), resolve=late)
    release.set()


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate of its own authority for twin.example, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder: Path = tmp_path_factory.mktemp("certificate")
    cert, key = str(folder / "cert.pem"), str(folder / "key.pem")
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1")
    name = ("-subj", "/CN=twin.example", "-addext", "subjectAltName=DNS:twin.example")
    command = ["openssl", "req", "-x509", *kind, *name, "-keyout", key, "-out", cert]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


@pytest.fixture
def secured(certificate: tuple[str, str]) -> Iterator[tuple[Peer, list[str]]]:
    """A server with that certificate, and the names that clients asked it for."""
    names: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    opened = Peer(context)
    yield opened, names
    opened.close()


@pytest.fixture
def trusting(certificate: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """OpenSSL trusts that certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", certificate[0])
    module._tls.cache_clear()
    yield
    module._tls.cache_clear()


def here(*_: object) -> list[str]:
    return ["127.0.0.1"]


@pytest.mark.usefixtures("trusting")
def test_https_is_for_the_name_and_not_for_the_address(secured: tuple[Peer, list[str]]) -> None:
    peer, names = secured
    peer.replies["/"] = typed("text/turtle", b"body")
    assert fetched(f"https://twin.example:{peer.port}/", "twin.example=private", resolve=here) == b"body"
    assert (names, peer.asked[0].headers["host"]) == (["twin.example"], f"twin.example:{peer.port}")
    with pytest.raises(OutboundFailed, match="certificate is not trusted"):
        fetched(f"https://other.example:{peer.port}/", "other.example=private", resolve=here)


@pytest.mark.usefixtures("trusting")
def test_https_that_is_cut_is_no_answer(secured: tuple[Peer, list[str]]) -> None:
    peer, _ = secured
    peer.replies["/"] = raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/turtle\r\n\r\n<a> <b> <c> .")
    with pytest.raises(OutboundFailed, match="left before the end"):
        fetched(f"https://twin.example:{peer.port}/", "twin.example=private", resolve=here)


def test_a_certificate_of_nobody_is_not_trusted(secured: tuple[Peer, list[str]]) -> None:
    peer, _ = secured
    with pytest.raises(OutboundFailed, match="certificate is not trusted"):
        fetched(f"https://twin.example:{peer.port}/", "twin.example=private", resolve=here)
    assert peer.asked == []
