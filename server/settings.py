"""What can be set, each by an environment variable `TWINHOUSE_<NAME>` or by the command line."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from server.outbound.hosts import AllowList

ANONYMOUS = ("auto", "none", "read", "write", "admin")
_ORIGIN = re.compile(r"\*|https?://[^/?#@\s]+")
_PUBLIC = re.compile(r"https?://[^?#@<>\s\"{}|\\^`]+")
_RULES = re.compile(r"(brick|223p)( [0-9.]+)?( classes)?")
_RULE = re.compile(r"\S+=(P(\d+[YMWD])+|\d+(h|d|w|mo|y))")
_TRUTHS = {"1": True, "true": True, "yes": True, "": False, "0": False, "false": False, "no": False}


class SettingError(ValueError):
    """A setting's text is not of its kind; the message names the variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a server, with their defaults.

    data: the data directory
    host, port: where the server listens
    default_graph: `union` (a query's default graph is the union of all graphs) or `strict` (the default graph alone)
    query_seconds, query_rows, query_bytes: the most that one SPARQL query or update, or one reading of series,
        may take
    readers: how many SPARQL queries run at a time
    reader_megabytes: memory that one of them may use, and an update
    cache_megabytes: memory for answers that may be asked for again; 0 keeps none
    series_megabytes: memory that reading and writing of series may use together
    body_megabytes: the largest body that a request may have, as it is sent
    unpacked_megabytes: the largest that a body with a Content-Encoding may become
    ingest_rows: the most readings that one request may bring, however well its body is compressed
    influx_tag: the tag of line protocol that names a point; empty: none does
    influx_unknown: what happens to line protocol of a series that no point has: create (a point), or refuse
    influx_series: of how many series line protocol may make points in all; more are refused
    retention: how long readings are kept, as rules by spaces: `brick:Sensor=90d urn:site:a=2y *=5y`; none: for ever
    inference: by which ontology what follows from the models is kept up to date in a graph of its own: `brick`,
        `brick 1.5`, `223p`, each also with `classes` for all classes above; none: only when it is asked for
    changes: what is recorded of changes to the graph, so that it can be undone: `all`, `loads` (of models, ontologies
        and whole graphs, but no SPARQL updates), or `none`
    changes_kept, changes_days, changes_megabytes: how many of them are kept, for how long, in how much space: the
        oldest are forgotten first
    future_days: readings of times further ahead than that are refused: their clock or their unit is wrong
    anonymous: the role without a token: none, read, write, admin; auto is admin on loopback, else none
    insecure: listen beyond loopback also where strangers may write, or no token keeps them out
    token: a secret with the role admin, besides the tokens of the data directory
    allowed_hosts: names, by commas, by which clients without a token may call the server, besides those of loopback;
        `*` for any
    cors_origins: origins, by commas, whose web pages may call the server from a browser, or `*` for all pages
    trusted_proxies: addresses and networks, by commas, of proxies whose X-Forwarded-For and X-Forwarded-Proto are
        believed, or `*`: of all who connect; none: nobody's
    header_seconds: the longest that a client may take for the head of a request
    body_seconds: the longest that the server waits for a body in all, beyond a second for each KiB of it
    send_seconds: the longest that a client may take nothing of its answer
    keep_alive_seconds: how long a connection without a request stays open
    connections: the most connections at a time
    hybrid: auto, or always: see readings in every query, also where it names nothing of them; for diagnosis
    hybrid_readings: of how many readings triples are made at most, for what only the graph's engine can answer
    public_url: what the IRIs of observations begin with, where the server can be reached at such a URL; none: a URN
    outbound_hosts: the hosts, by commas, that SERVICE and LOAD may ask: `host`, `host:port`, `*.domain`, and with
        `=private` behind a name also where it has a private address; none: nobody is asked
    tls_cert, tls_key: PEM files of the certificate with its chain, and of its key: the server then speaks HTTPS
    """

    data: Path = Path("twinhouse-data")
    host: str = "127.0.0.1"
    port: int = 8080
    default_graph: str = "union"
    query_seconds: float = 30.0
    query_rows: int = 10_000_000
    query_bytes: int = 4 << 30
    readers: int = 4
    reader_megabytes: int = 2048
    cache_megabytes: int = 64
    series_megabytes: int = 2048
    body_megabytes: int = 1024
    unpacked_megabytes: int = 2048
    ingest_rows: int = 100_000_000
    future_days: int = 366
    retention: str = ""
    inference: str = ""
    changes: str = "all"
    changes_kept: int = 10_000
    changes_days: float = 365.0
    changes_megabytes: int = 256
    influx_tag: str = "uuid"
    influx_unknown: str = "create"
    influx_series: int = 1_000_000
    anonymous: str = "auto"
    insecure: bool = False
    token: str = field(default="", repr=False)
    allowed_hosts: str = ""
    cors_origins: str = ""
    trusted_proxies: str = ""
    header_seconds: float = 15.0
    body_seconds: float = 30.0
    send_seconds: float = 60.0
    keep_alive_seconds: float = 75.0
    connections: int = 512
    hybrid: str = "auto"
    hybrid_readings: int = 2_000_000
    public_url: str = ""
    outbound_hosts: str = ""
    tls_cert: str = ""
    tls_key: str = ""

    def __post_init__(self) -> None:
        if self.default_graph not in ("union", "strict"):
            raise SettingError(f'default_graph is union or strict, not "{self.default_graph}"')
        if self.anonymous not in ANONYMOUS:
            raise SettingError(f'anonymous is one of {", ".join(ANONYMOUS)}, not "{self.anonymous}"')
        if self.influx_unknown not in ("create", "refuse"):
            raise SettingError(f'influx_unknown is create or refuse, not "{self.influx_unknown}"')
        if bool(self.tls_cert) != bool(self.tls_key):
            raise SettingError("tls_cert and tls_key belong together: give both or neither")
        if self.hybrid not in ("auto", "always"):
            raise SettingError(f'hybrid is auto or always, not "{self.hybrid}"')
        if self.public_url and not _PUBLIC.fullmatch(self.public_url):
            raise SettingError(f'public_url is such as https://twin.example.org, not "{self.public_url}"')
        for rule in self.retention.split():
            if not _RULE.fullmatch(rule):
                raise SettingError(f'retention has rules such as brick:Sensor=90d or *=5y, not "{rule}"')
        if self.changes not in ("loads", "all", "none"):
            raise SettingError(f'changes is loads, all or none, not "{self.changes}"')
        if self.inference and not _RULES.fullmatch(self.inference):
            raise SettingError(f'inference is such as brick, brick 1.5 or 223p classes, not "{self.inference}"')
        try:
            AllowList.parse(self.outbound_hosts)
        except ValueError as error:
            raise SettingError(f"outbound_hosts: {error}") from None
        for origin in self.origins:
            if not _ORIGIN.fullmatch(origin):
                raise SettingError(f'cors_origins are such as https://example.org:8443, or *, not "{origin}"')
        for proxy in self.proxies:
            if proxy != "*" and not _is_network(proxy):
                raise SettingError(f'trusted_proxies are such as 127.0.0.1, 10.0.0.0/8 or *, not "{proxy}"')

    @property
    def origins(self) -> frozenset[str]:
        """The items of `cors_origins`, in lower case as browsers write them."""
        return _items(self.cors_origins)

    @property
    def hosts(self) -> frozenset[str]:
        """The items of `allowed_hosts`, in lower case."""
        return _items(self.allowed_hosts)

    @property
    def proxies(self) -> frozenset[str]:
        """The items of `trusted_proxies`."""
        return _items(self.trusted_proxies)

    @property
    def url(self) -> str:
        """Where the server is."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls_cert else 'http'}://{host}:{self.port}"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, **given: Any) -> Settings:  # noqa: ANN401
        """Take what is `given` first (None is not given), then the environment, then the defaults.

        Raises SettingError.
        """
        values = {
            each.name: _parsed(each.name, type(each.default), environment[variable(each.name)])
            for each in fields(cls)
            if variable(each.name) in environment
        }
        values |= {name: value for name, value in given.items() if value is not None}
        return cls(**values)


def _items(text: str) -> frozenset[str]:
    return frozenset(item.strip().lower() for item in text.split(",") if item.strip())


def _is_network(text: str) -> bool:
    """Tell whether a text is an address, or a network without any bits of a host in it."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"TWINHOUSE_{name.upper()}"


def _parsed(name: str, kind: type[Any], text: str) -> Any:  # noqa: ANN401 - of the kind that the field has
    kind = Path if issubclass(kind, Path) else kind
    try:
        return _TRUTHS[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError):
        raise SettingError(f'{variable(name)} is not a {kind.__name__}: "{text}"') from None
