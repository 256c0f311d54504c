"""What the protocols share: parameters, bodies, and the twin of the application."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Set
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, is_dataclass
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import Any

from anyio import to_thread
from starlette.requests import Request

from server.errors import Problem, bad_request
from server.protocols.pairs import parse_pairs
from server.protocols.spooled import Spools, Texts
from server.settings import Settings
from server.twin.service import Twin

_TEXT_LIMIT = 16 << 20
_MARK = "\ufeff"  # with which some editors begin what they write in UTF-8
_LARGE = 64 << 10  # characters of a form that would keep the event loop busy for longer than 1 ms
_MOST_PARAMETERS = 10_000
_NUMBER = re.compile(r"[0-9]{1,15}")


def twin_of(request: Request) -> Twin:
    """Return the twin that the application serves."""
    twin: Twin = request.app.state.twin
    return twin


def settings_of(request: Request) -> Settings:
    """Return the application's settings."""
    return twin_of(request).settings


class Parameters:
    """The parameters of a request, of which every one must be known: a misspelt one is an error, not ignored.

    `customary` ones are what clients send out of habit, and are ignored.
    """

    def __init__(
        self, pairs: Iterable[tuple[str, str]], known: Collection[str], customary: Collection[str] = ()
    ) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            if name in customary:
                continue
            if name not in known:
                hint = "parameters: " + ", ".join(sorted(set(known)))
                raise bad_request(f'there is no parameter "{name}"', hint=hint)
            self._values.setdefault(name, []).append(value)

    @property
    def names(self) -> Set[str]:
        """Those that were given."""
        return self._values.keys()

    def all(self, name: str) -> tuple[str, ...]:
        """Return all values of a parameter."""
        return tuple(self._values[name]) if name in self._values else ()

    def one(self, name: str) -> str | None:
        """Return the value, or None. Raises a 400 problem where it is given twice."""
        values = self._values.get(name, ())
        if len(values) > 1:
            raise bad_request(f"{name} is given {len(values)} times")
        return values[0] if values else None

    def text(self, name: str) -> str | None:
        """Return the value of a parameter that is likely to come out of a file: without a byte order mark."""
        value = self.one(name)
        return value.removeprefix(_MARK) if value is not None else None

    def flag(self, name: str) -> bool:
        """Return whether a switch is on: present and empty, `true`, `1` or `yes`."""
        value = self.one(name)
        if value is None or value.lower() in ("false", "0", "no"):
            return False
        if value.lower() in ("", "true", "1", "yes"):
            return True
        raise bad_request(f'{name} is true or false, not "{value}"')

    def number(self, name: str) -> int | None:
        """Return a whole number from 0 on, or None."""
        value = self.one(name)
        if value is not None and not _NUMBER.fullmatch(value):
            raise bad_request(f'{name} is a whole number of up to 15 digits, not "{value[:100]}"')
        return int(value) if value is not None else None


def query_pairs(request: Request) -> list[tuple[str, str]]:
    """Return the parameters in the URL."""
    return _pairs(request.scope["query_string"].decode("latin-1"))


def field(request: Request, name: bytes) -> str | None:
    """Return a header by its name in lower case: what `request.headers` has, at a tenth of the price."""
    value: bytes | None = request.scope["fields"].get(name)
    return value.decode("latin-1") if value is not None else None


def accepted(request: Request) -> str | None:
    """Return Accept. From here on the answer varies with it, be it what was asked for or a problem (see `Packed`)."""
    request.scope["varies"] = True
    return field(request, b"accept")


def media_type_of(request: Request) -> str:
    """Return the body's media type in lower case, without parameters; empty where it is not given."""
    return (field(request, b"content-type") or "").partition(";")[0].strip().lower()


def content_format(request: Request) -> str:
    """Return the body's media type. Raises a 415 problem where it is not given."""
    media_type = media_type_of(request)
    if not media_type:
        raise Problem(415, "unknown-format", "the body's media type is missing", hint="send Content-Type")
    return media_type


async def json_body(request: Request) -> dict[str, Any]:
    """Return a body that is a JSON object. Raises a 400 problem."""
    try:
        text = await text_body(request)
        document = json.loads(text)
        if "\\u" in text:  # half of a pair of surrogates, which is no character, could only come from an escape
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise bad_request(f"the body is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise bad_request("the body is not a JSON object")
    return document


async def text_body(request: Request) -> str:
    """Return a body of text without a byte order mark.

    Raises a 413 problem above 16 MiB, a 503 one where long ones are too many, a 400 one for what is not UTF-8.
    """
    texts: Texts = request.app.state.texts
    parts, size = [], 0
    async for chunk in request.stream():
        parts.append(chunk)
        size += len(chunk)
        if size > _TEXT_LIMIT:
            raise Problem(413, "body-too-large", "a query or form is larger than 16 MiB")
        texts.hold(request.scope, size)
    try:
        return b"".join(parts).decode().removeprefix(_MARK)
    except UnicodeDecodeError as error:
        raise bad_request(f"the body is not UTF-8 at byte {error.start}") from None


async def form_pairs(request: Request) -> list[tuple[str, str]]:
    """Return the parameters of an `application/x-www-form-urlencoded` body."""
    text = await text_body(request)
    return _pairs(text) if len(text) < _LARGE else await to_thread.run_sync(_pairs, text)


def _pairs(text: str) -> list[tuple[str, str]]:
    if text.count("&") >= _MOST_PARAMETERS:
        raise bad_request(f"there are more than {_MOST_PARAMETERS:,} parameters")
    try:
        return parse_pairs(text)
    except UnicodeDecodeError as error:
        escapes = "".join(f"%{byte:02X}" for byte in error.object[error.start : error.end])
        raise bad_request(f"{escapes} in a parameter is not UTF-8") from None


def spooled_body(request: Request) -> AbstractAsyncContextManager[SpooledTemporaryFile[bytes]]:
    """Lend the whole body as a file: in memory while small, else on disk. Raises a 413 problem."""
    spools: Spools = request.app.state.spools
    return spools.lend(request.stream())


def plain(value: object) -> Any:  # noqa: ANN401 - JSON
    """Return a report as JSON values; times are naive UTC."""
    if not is_dataclass(value) or isinstance(value, type):
        return value
    return asdict(value, dict_factory=lambda pairs: {name: _plain(item) for name, item in pairs})


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    return f"{value.isoformat()}Z" if isinstance(value, datetime) else value
