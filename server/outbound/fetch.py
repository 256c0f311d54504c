"""One request to another server: by the allow list, at an address that was checked, within a budget.

The name is resolved once, all its addresses are checked, and one of these is connected to: what the name means a
moment later changes nothing. Proxies of the environment are not asked, no cookies or credentials are sent. The answer
is taken as a whole before anyone uses it, so that a server that leaves in between has not answered.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from importlib.metadata import version
from typing import IO

from server.outbound.addresses import Address, parse_address
from server.outbound.budget import Budget
from server.outbound.hosts import AllowList
from server.outbound.urls import BadUrl, Url
from storage.errors import OutboundFailed, QueryRefused

_IN_MEMORY = 8 << 20
MOST_REDIRECTS = 5
_CHUNK = 1 << 16
_CONNECT_SECONDS = 10.0
_SAID = 200  # characters of an answer that is an error
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LOG = logging.getLogger("twinhouse.outbound")
Resolve = Callable[[str, int], list[str]]


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask: a POST where there is a `body`, else a GET. `accept` are media types, as in the header."""

    url: Url
    accept: str
    body: bytes | None = None
    content_type: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole body, to be read from the start; `url` is where it came from in the end. Close it."""

    url: Url
    content_type: str
    body: IO[bytes]


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a name, in the order in which to try them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def permit(url: Url, hosts: AllowList) -> None:
    """Raise QueryRefused for a URL whose host is not on the list."""
    if not hosts.names(url):
        raise QueryRefused(f"{url.authority} is none of the hosts that the setting outbound_hosts names")


class Fetcher:
    """Asks the hosts of a list."""

    def __init__(self, hosts: AllowList, resolve: Resolve = resolve) -> None:
        self._hosts = hosts
        self._resolve = resolve

    def fetch(self, request: Request, budget: Budget) -> Answer:
        """Return the answer of a server to which redirects have led. Raises QueryRefused or OutboundFailed."""
        began = time.monotonic()
        try:
            with budget.spending():
                return self._follow(request, budget)
        except (OSError, HTTPException, BadUrl) as error:
            raise OutboundFailed(_reason(error)) from None
        finally:
            _LOG.info("%s asked for %.3f s", request.url.authority, time.monotonic() - began)

    def _follow(self, request: Request, budget: Budget) -> Answer:
        for _ in range(MOST_REDIRECTS + 1):
            with self._connection(request.url, budget) as connection:
                response = _exchange(connection, request)
                with response:
                    if response.status not in _REDIRECTS:
                        return _taken(request.url, response, budget)
                    request = _redirected(request, response)
        raise OutboundFailed(f"more than {MOST_REDIRECTS} redirects, the last one to {request.url.text}")

    @contextlib.contextmanager
    def _connection(self, url: Url, budget: Budget) -> Iterator[socket.socket]:
        permit(url, self._hosts)
        with _connected(self._addresses(url, budget), url.port, budget) as connection:
            if url.scheme == "http":
                with budget.holding(connection):
                    yield connection
                return
            with (
                _tls().wrap_socket(
                    connection, server_hostname=url.host, do_handshake_on_connect=False, suppress_ragged_eofs=False
                ) as secured,
                budget.holding(secured),
            ):
                secured.do_handshake()
                yield secured

    def _addresses(self, url: Url, budget: Budget) -> list[Address]:
        """Return the addresses to try, each of which the list admits. Raises QueryRefused if any is not."""
        if url.address is not None:
            return [url.address]
        found = [parse_address(text.partition("%")[0]) for text in self._resolved(url, budget)]
        for address in found:
            if address is None or not self._hosts.admits(url, address):
                raise QueryRefused(
                    f"{url.host} has the address {address}, which is not public: the setting outbound_hosts must"
                    f" name that address, or {url.host}=private"
                )
        return [address for address in found if address is not None]

    def _resolved(self, url: Url, budget: Budget) -> list[str]:
        """Ask the resolver in a thread: it keeps no time limit of ours."""
        answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answers.put(self._resolve(url.host, url.port))
            except OSError as error:
                answers.put(error)

        threading.Thread(target=ask, name="resolver", daemon=True).start()
        try:
            found = answers.get(timeout=min(_CONNECT_SECONDS, budget.seconds()))
        except queue.Empty:
            raise OutboundFailed(f"the address of {url.host} was not found in time") from None
        if isinstance(found, OSError):
            raise OutboundFailed(f"{url.host} has no address: {found.strerror}")
        return found


@contextlib.contextmanager
def _connected(addresses: list[Address], port: int, budget: Budget) -> Iterator[socket.socket]:
    """Lend a connection to the first address that takes one."""
    failure: OSError | None = None
    for address in addresses:
        try:
            seconds = min(_CONNECT_SECONDS, budget.seconds())
            connection = socket.create_connection((str(address), port), timeout=seconds)
        except OSError as error:
            failure = error
            continue
        with connection:
            connection.settimeout(budget.seconds())
            yield connection
        return
    raise failure or OutboundFailed("its name has no address")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _exchange(connection: socket.socket, request: Request) -> HTTPResponse:
    """Send a request over a connection and return the head of its answer."""
    http = HTTPConnection(request.url.host, request.url.port)
    http.sock = connection
    http.auto_open = 0
    http.putrequest("GET" if request.body is None else "POST", request.url.target, True, True)
    for name, value in _headers(request).items():
        http.putheader(name, value)
    http.endheaders(request.body)
    return http.getresponse()


@cache
def _user_agent() -> str:
    return f"Twinhouse/{version('twinhouse')}"


def _headers(request: Request) -> dict[str, str]:
    headers = {
        "Host": request.url.authority,
        "User-Agent": _user_agent(),
        "Accept": request.accept,
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    if request.body is not None:
        headers |= {"Content-Type": request.content_type, "Content-Length": str(len(request.body))}
    return headers


def _redirected(request: Request, response: HTTPResponse) -> Request:
    """Return the request that a redirect asks for: the same elsewhere, after a 303 a GET (RFC 9110, section 15.4)."""
    location = response.getheader("Location")
    if location is None:
        raise OutboundFailed(f"{request.url.text} redirects to nowhere")
    try:
        moved = replace(request, url=request.url.join(location))
    except BadUrl as error:
        raise OutboundFailed(f"{request.url.text} redirects to what is no URL to ask: {error}") from None
    return replace(moved, body=None) if response.status == 303 else moved


def _taken(url: Url, response: HTTPResponse, budget: Budget) -> Answer:
    if response.status != 200:
        said = response.read(_SAID).decode(errors="replace")
        said = "".join(c for c in said if c.isprintable())
        raise OutboundFailed(f"{url.text} answered {response.status} {response.reason}: {said}".rstrip(": "))
    encoding = response.getheader("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise OutboundFailed(f"{url.text} sent the Content-Encoding {encoding}, which nobody asked for")
    with spool() as body:
        while chunk := response.read(_CHUNK):
            budget.spend(len(chunk))
            body.write(chunk)
        if response.length:  # what was announced and did not come
            raise IncompleteRead(b"", response.length)
        budget.seconds()
    return Answer(url, response.getheader("Content-Type", ""), body)


@contextlib.contextmanager
def spool() -> Iterator[IO[bytes]]:
    """Lend a file to write, on disk once it is large. It stays open, at its start, unless the block raises."""
    with contextlib.ExitStack() as on_error:
        file = on_error.enter_context(tempfile.SpooledTemporaryFile(_IN_MEMORY))
        yield file
        file.seek(0)
        on_error.pop_all()


def _reason(error: Exception) -> str:
    """Return what an exception says, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, IncompleteRead | ssl.SSLEOFError | ConnectionResetError):
        return "it left before the end of its answer"
    if isinstance(error, HTTPException):
        return f"it left before the end of its answer, or what it said is no HTTP ({type(error).__name__})"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
