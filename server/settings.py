"""What can be set, each by an environment variable `TWINHOUSE_<NAME>` or by the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

ANONYMOUS = ("auto", "none", "read", "write", "admin")
_TRUTHS = {"1": True, "true": True, "yes": True, "": False, "0": False, "false": False, "no": False}


class SettingError(ValueError):
    """A setting's text is not of its kind; the message names the variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a server, with their defaults.

    data: the data directory
    host, port: where the server listens
    default_graph: `union` (a query's default graph is the union of all graphs) or `strict` (the default graph alone)
    query_seconds, query_rows, query_bytes: the most that one SPARQL query, or one reading of series, may take
    readers: how many SPARQL queries run at a time
    reader_megabytes: memory that one of them may use
    series_megabytes: memory that reading and writing of series may use together
    body_megabytes: the largest body that a request may have
    ingest_rows: the most readings that one request may bring, however well its body is compressed
    anonymous: the role without a token: none, read, write, admin; auto is admin on loopback, else none
    insecure: listen beyond loopback also where strangers may write, or no token keeps them out
    token: a secret with the role admin, besides the tokens of the data directory
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
    series_megabytes: int = 2048
    body_megabytes: int = 1024
    ingest_rows: int = 100_000_000
    anonymous: str = "auto"
    insecure: bool = False
    token: str = field(default="", repr=False)
    tls_cert: str = ""
    tls_key: str = ""

    def __post_init__(self) -> None:
        if self.default_graph not in ("union", "strict"):
            raise SettingError(f'default_graph is union or strict, not "{self.default_graph}"')
        if self.anonymous not in ANONYMOUS:
            raise SettingError(f'anonymous is one of {", ".join(ANONYMOUS)}, not "{self.anonymous}"')
        if bool(self.tls_cert) != bool(self.tls_key):
            raise SettingError("tls_cert and tls_key belong together: give both or neither")

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


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"TWINHOUSE_{name.upper()}"


def _parsed(name: str, kind: type[Any], text: str) -> Any:  # noqa: ANN401 - of the kind that the field has
    kind = Path if issubclass(kind, Path) else kind
    try:
        return _TRUTHS[text.lower()] if kind is bool else kind(text)
    except (ValueError, KeyError):
        raise SettingError(f'{variable(name)} is not a {kind.__name__}: "{text}"') from None
