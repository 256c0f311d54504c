"""What can be set, each by an environment variable `TWINHOUSE_<NAME>` or by the command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


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

    def __post_init__(self) -> None:
        if self.default_graph not in ("union", "strict"):
            raise SettingError(f'default_graph is union or strict, not "{self.default_graph}"')

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, **given: Any) -> Settings:  # noqa: ANN401
        """Take what is `given` first (None is not given), then the environment, then the defaults.

        Raises SettingError.
        """
        values = {
            field.name: _parsed(field.name, type(field.default), environment[variable(field.name)])
            for field in fields(cls)
            if variable(field.name) in environment
        }
        values |= {name: value for name, value in given.items() if value is not None}
        return cls(**values)


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"TWINHOUSE_{name.upper()}"


def _parsed(name: str, kind: type[Any], text: str) -> Any:  # noqa: ANN401 - of the kind that the field has
    kind = Path if issubclass(kind, Path) else kind
    try:
        return kind(text)
    except ValueError:
        raise SettingError(f'{variable(name)} is not a {kind.__name__}: "{text}"') from None
