"""The gateway's configuration: one TOML file, read strictly. A key that is unknown is an error that names it."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from server.bacnet.errors import BacnetError
from server.bacnet.interfaces import Interface, require_prefix
from server.bacnet.reading import BEHIND_ROUTER, NEAR, Pace
from server.bacnet.station import PORT, Station

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
DEFAULT_URL = "http://127.0.0.1:8080"
_MOST_RETRIES = 10
LOWEST_PRIORITY, DEFAULT_PRIORITY, LIFE_SAFETY = 16, 8, 2


class BadConfig(BacnetError):
    """A configuration that cannot be used; the message names file and key."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How often the objects are read that fit by type and instance, name, device and class. The first one counts.

    A class is one that the twin gives the point: its name in Brick.
    """

    every: float
    objects: tuple[str, ...] = ("*",)
    names: tuple[str, ...] = ("*",)
    devices: frozenset[int] = frozenset()
    cov: bool | None = None
    classes: tuple[str, ...] = ("*",)

    def fits(self, device: int, identifier: str, name: str, classes: Sequence[str] = ()) -> bool:
        """Tell whether an object is meant."""
        return (
            (not self.devices or device in self.devices)
            and any(fnmatchcase(identifier, each) for each in self.objects)
            and any(fnmatchcase(name, each) for each in self.names)
            and (self.classes == ("*",) or any(fnmatchcase(one, each) for one in classes for each in self.classes))
        )


@dataclass(frozen=True, slots=True)
class Permission:
    """What may be commanded: objects of a device, down to which priority, for how long."""

    device: int
    objects: tuple[str, ...]
    highest: int = DEFAULT_PRIORITY
    longest: float | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """All of it.

    scan: the file of the scan that says what there is
    state: the folder of what must outlive the process: buffer, positions in trend logs, commands
    url, token_file: the server, and the file that has its token; without, the environment variable TWINHOUSE_TOKEN
    every, rules: how often objects are read
    cov, cov_confirmed, cov_lifetime, cov_every: subscribe to changes; have devices wait until we acknowledge each;
        how long a subscription holds; how often such objects are read all the same
    trends, trends_every: read trend logs, and how often
    timezone: of the devices' clocks; without it, what they say of it counts
    buffer_rows: the most readings that wait for the server; then the oldest go
    listen, commands: where commands are taken, and which
    """

    path: Path
    scan: Path
    state: Path
    interface: Interface
    url: str
    token_file: Path | None = None
    near: Pace = NEAR
    far: Pace = BEHIND_ROUTER
    every: float = 60.0
    rules: tuple[Rule, ...] = ()
    cov: bool = True
    cov_confirmed: bool = False
    cov_lifetime: int = 600
    cov_every: float = 900.0
    trends: bool = True
    trends_every: float = 900.0
    timezone: ZoneInfo | None = None
    buffer_rows: int = 50_000_000
    commands: tuple[Permission, ...] = field(default_factory=tuple)


def read_config(path: Path) -> Config:
    """Read a configuration. Raises BadConfig."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path}: {error}") from None
    try:
        return _config(path, _Table(document, ""))
    except (ValueError, KeyError) as error:
        raise BadConfig(f"{path}: {error}") from None


class _Table:
    """A table of TOML, whose keys are taken one by one; what is left over is an error."""

    def __init__(self, values: Any, where: str) -> None:  # noqa: ANN401 - TOML
        if not isinstance(values, Mapping):
            raise ValueError(f"{where} is a table")  # noqa: TRY004 - of the same kind as all that is wrong here
        self._values = dict(values)
        self._where = where

    def __enter__(self) -> _Table:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None and self._values:
            raise ValueError(f"there is no key {self._name(next(iter(self._values)))}")

    def _name(self, key: str) -> str:
        return f"{self._where}.{key}" if self._where else key

    def take(self, key: str, kind: type | tuple[type, ...], default: Any = None) -> Any:  # noqa: ANN401
        """Take a value of a kind."""
        value = self._values.pop(key, default)
        if value is not default and (not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool)):
            raise ValueError(f"{self._name(key)} has a value of the wrong kind: {value!r}")
        return value

    def need(self, key: str, kind: type | tuple[type, ...]) -> Any:  # noqa: ANN401
        """Take a value that must be there."""
        if key not in self._values:
            raise ValueError(f"{self._name(key)} is missing")
        return self.take(key, kind)

    def seconds(self, key: str, default: float) -> float:
        """Take a duration such as `15s`, `5m`, or a number of seconds."""
        value = self.take(key, (str, int, float), default)
        if isinstance(value, str):
            match = _DURATION.fullmatch(value.strip())
            if match is None:
                raise ValueError(f'{self._name(key)} is a duration such as "15s", not "{value}"')
            value = float(match[1]) * _SECONDS[match[2]]
        if value <= 0:
            raise ValueError(f"{self._name(key)} is above 0")
        return float(value)

    def texts(self, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """Take a list of texts."""
        value = self.take(key, list, None)
        if value is None:
            return default
        if not value or not all(isinstance(each, str) for each in value):
            raise ValueError(f"{self._name(key)} is a list of texts")
        return tuple(value)

    def table(self, key: str) -> _Table:
        """Take a table; an empty one where there is none."""
        return _Table(self._values.pop(key, {}), self._name(key))

    def tables(self, key: str) -> list[_Table]:
        """Take an array of tables."""
        value = self.take(key, list, [])
        return [_Table(each, f"{self._name(key)}[{number}]") for number, each in enumerate(value)]


def _config(path: Path, top: _Table) -> Config:
    folder = path.parent
    with top:
        given: dict[str, Any] = {}
        with top.table("network") as table:
            given["scan"] = folder / table.need("scan", str)
            given["interface"] = _interface(table)
        with top.table("server") as table:
            given["url"] = table.take("url", str, os.environ.get("TWINHOUSE_URL") or DEFAULT_URL).rstrip("/")
            token_file = table.take("token-file", str, None)
            given["token_file"] = folder / token_file if token_file else None
        with top.table("gateway") as table:
            given["state"] = folder / table.take("state", str, f"{path.stem}-state")
            given["buffer_rows"] = table.take("buffer-rows", int, 50_000_000)
            given["timezone"] = _zone(table.take("timezone", str, None))
        with top.table("pace") as table:
            given["near"] = _pace(table, "", NEAR)
            given["far"] = _pace(table, "far-", BEHIND_ROUTER)
        with top.table("poll") as table:
            given["every"] = table.seconds("every", 60.0)
            given["rules"] = tuple(_rule(each) for each in table.tables("rules"))
        with top.table("cov") as table:
            given["cov"] = table.take("enabled", bool, True)
            given["cov_confirmed"] = table.take("confirmed", bool, False)
            given["cov_lifetime"] = round(table.seconds("lifetime", 600.0))
            if given["cov_lifetime"] < 1:  # 0 would be for ever
                raise ValueError("cov.lifetime is a second at least")
            given["cov_every"] = table.seconds("every", 900.0)
        with top.table("trends") as table:
            given["trends"] = table.take("enabled", bool, True)
            given["trends_every"] = table.seconds("every", 900.0)
        given["commands"] = tuple(_permission(each) for each in top.tables("commands"))
    return Config(path, **given)


def _interface(table: _Table) -> Interface:
    address = table.need("address", str)
    require_prefix(address, "network.address")
    port, retries = table.take("udp-port", int, PORT), table.take("retries", int, 2)
    if not 0 < port < 65536:
        raise ValueError(f"network.udp-port is from 1 to 65535, not {port}")
    if not 0 <= retries <= _MOST_RETRIES:
        raise ValueError(f"network.retries is from 0 to {_MOST_RETRIES}, not {retries}")
    bbmd = table.take("bbmd", str, None)
    station = Station.parse(bbmd) if bbmd else None
    return Interface(address, port, station, timeout=table.seconds("answer", 3.0), retries=retries)


def _zone(name: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        raise ValueError(f'gateway.timezone: there is no time zone "{name}"; one is "Europe/Berlin"') from None


def _pace(table: _Table, prefix: str, default: Pace) -> Pace:
    rate = table.take(f"{prefix}rate", (int, float), default.per_second)
    in_flight = table.take(f"{prefix}in-flight", int, default.in_flight)
    if rate <= 0 or in_flight < 1:
        raise ValueError(f"pace.{prefix}rate and pace.{prefix}in-flight are above 0")
    return Pace(float(rate), in_flight)


def _rule(table: _Table) -> Rule:
    with table:
        devices = table.take("devices", list, [])
        return Rule(
            table.seconds("every", 60.0),
            table.texts("objects", ("*",)),
            table.texts("names", ("*",)),
            frozenset(int(each) for each in devices),
            table.take("cov", bool, None),
            table.texts("classes", ("*",)),
        )


def _permission(table: _Table) -> Permission:
    with table:
        highest = table.take("highest-priority", int, DEFAULT_PRIORITY)
        if not 1 <= highest <= LOWEST_PRIORITY:
            raise ValueError("commands.highest-priority is from 1 to 16")
        longest = table.seconds("longest", float("inf"))
        objects = table.texts("objects", ())
        if not objects:
            raise ValueError("commands.objects is missing: the objects that may be commanded")
        return Permission(table.need("device", int), objects, highest, None if longest == float("inf") else longest)
