"""The twin as an HTTP service, wherever it is: on a server, or in a directory that a private server opens."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2

from server.cli.failure import Failure, failure_of
from server.cli.options import Target

_ENDLESS = 1 << 40
_DAY = 86_400.0
_UNAUTHORIZED = "set TWINHOUSE_TOKEN to a token; `twinhouse token create NAME`, where the server runs, makes one"


class Client:
    """Asks the application; whatever goes wrong is a Failure."""

    def __init__(self, http: httpx2.Client, where: str) -> None:
        self._http = http
        self._where = where

    def json(self, method: str, path: str, **request: Any) -> Any:  # noqa: ANN401 - JSON
        """Return an answer's JSON document; None for an empty one."""
        with self.stream(method, path, **request) as response:
            body = response.read()
            return response.json() if body else None

    @contextlib.contextmanager
    def stream(self, method: str, path: str, **request: Any) -> Iterator[httpx2.Response]:  # noqa: ANN401
        """Lend an answer whose body is still to be read."""
        try:
            with self._http.stream(method, path, **request) as response:
                if response.status_code >= 400:
                    response.read()
                    raise self._failure(response)
                yield response
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            hint = "start one with `twinhouse serve`, or give the right --url"
            raise Failure(f"no server answers at {self._where}", hint=hint) from None
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL):
            raise Failure(f"{self._where} is not a URL", hint="--url http://127.0.0.1:8080") from None
        except httpx2.HTTPError as error:
            detail = f"the connection broke before the answer was complete: {error}"
            raise Failure(detail, hint="the server's log says why") from None

    def _failure(self, response: httpx2.Response) -> Failure:
        document = _problem(response)
        if document is not None and response.status_code == 401:
            return Failure(str(document["detail"]), hint=_UNAUTHORIZED)
        if document is None:
            status = f"{response.status_code} {response.reason_phrase}"
            return Failure(f"{response.url} answered {status}", hint="is this a Twinhouse server?")
        return failure_of(document)


def _problem(response: httpx2.Response) -> dict[str, Any] | None:
    try:
        document = response.json()
    except ValueError:
        return None
    return document if isinstance(document, dict) and "detail" in document else None


@contextlib.contextmanager
def connect(target: Target, *, creates: bool = False) -> Iterator[Client]:
    """Lend a client. A missing data directory is made only for a command that `creates`."""
    if target.url is not None:
        with _http(target.url) as http:
            yield Client(http, target.url)
        return
    if not creates:
        require_data(target.data)
    with _private(target.data) as client:
        yield client


def _http(url: str) -> httpx2.Client:
    # By the environment alone: everyone on a machine can see the options of a process.
    token = os.environ.get("TWINHOUSE_TOKEN", "").strip()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        return httpx2.Client(base_url=url, headers=headers, timeout=httpx2.Timeout(None, connect=10.0))
    except httpx2.InvalidURL:
        raise Failure(f"{url} is not a URL", hint="--url http://127.0.0.1:8080") from None


def require_data(data: Path) -> None:
    """Raise Failure where there is no data directory."""
    if not (data / "twinhouse.json").exists():
        hint = f"make one: `twinhouse load MODEL.ttl --data {data}`, or `twinhouse demo`; --data names another"
        raise Failure(f"there is no Twinhouse data in {data}", hint=hint)


@contextlib.contextmanager
def _private(data: Path) -> Iterator[Client]:
    from server.cli.hosting import private

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    with private(_generous(data)) as path:
        transport = httpx2.HTTPTransport(uds=str(path))
        with httpx2.Client(transport=transport, base_url="http://private", timeout=None) as http:
            yield Client(http, str(data))


def _generous(data: Path) -> Any:  # noqa: ANN401 - Settings, which stays unimported until here
    from server.settings import SettingError, Settings

    limits: dict[str, Any] = {
        "query_seconds": _DAY,
        "query_rows": _ENDLESS,
        "query_bytes": _ENDLESS,
        "body_megabytes": 1 << 20,
        "unpacked_megabytes": 1 << 20,
        "body_seconds": _DAY,
        "send_seconds": _DAY,
        "allowed_hosts": "*",
        "anonymous": "admin",  # nobody else can reach it
    }
    try:
        return Settings.from_environment(data=data, **limits)
    except SettingError as error:
        raise Failure(str(error)) from None
