"""The options that commands share, and what they mean together."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from server.cli.failure import Failure

DEFAULT_DATA = Path("twinhouse-data")
ONE_OF_THEM = "give points, --query or -f FILE, one of them"

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Data directory [env: TWINHOUSE_DATA; default: ./twinhouse-data]."),
]
Url = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help="Ask the server there instead of a directory [env: TWINHOUSE_URL]."),
]
Server = Annotated[
    str | None,
    typer.Option(
        "--url", metavar="URL", help="The server [env: TWINHOUSE_URL; default: this host at TWINHOUSE_PORT]."
    ),
]
Host = Annotated[str | None, typer.Option(help="Where to listen [env: TWINHOUSE_HOST; default: 127.0.0.1].")]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help="0: any free one [env: TWINHOUSE_PORT; default: 8080].")
]
Insecure = Annotated[
    bool | None,
    typer.Option("--insecure", help="Everyone may do everything, wherever it listens [env: TWINHOUSE_INSECURE]."),
]
BrickRelease = Annotated[
    str | None, typer.Option("--brick", metavar="VERSION", help="Migrate the model to this Brick: 1.4 or 1.5.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there; its ending tells the format.")
]
Points = Annotated[
    list[str] | None, typer.Argument(metavar="[POINT]...", help="IRIs or UUIDs of points.", show_default=False)
]
QueryFile = Annotated[
    Path | None, typer.Option("--file", "-f", metavar="FILE", help="Read the text from a file, or stdin (-).")
]
Start = Annotated[str | None, typer.Option(metavar="TIME", help="First time: 2026-01-31T08:00Z, -7d, now.")]
End = Annotated[str | None, typer.Option(metavar="TIME", help="The time just after the last.")]
TableFormat = Annotated[
    str | None, typer.Option(metavar="NAME", help="table (on a terminal), csv, json, ndjson, arrow, parquet.")
]
Setting = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="A setting of the form; @FILE is a file's text. May be repeated."
    ),
]
Timeout = Annotated[float | None, typer.Option(min=0.001, help="Give up after so many seconds.")]


@dataclass(frozen=True, slots=True)
class Target:
    """The twin that a command is about: a server's (`url`), or that of a data directory."""

    data: Path
    url: str | None = None


def target_of(data: Path | None, url: str | None) -> Target:
    """Return what the options name, else what the environment does. Raises a usage error for both options."""
    if data is not None and url is not None:
        raise typer.BadParameter("give --data or --url, not both")
    if url is None and data is None:
        url = os.environ.get("TWINHOUSE_URL") or None
    return Target(data_of(data), url)


def server_of(url: str | None) -> str:
    """Return the server's URL: as given, as in the environment, or this host's."""
    scheme = "https" if os.environ.get("TWINHOUSE_TLS_CERT") else "http"
    own = f"{scheme}://127.0.0.1:{os.environ.get('TWINHOUSE_PORT') or 8080}"
    return url or os.environ.get("TWINHOUSE_URL") or own


def data_of(data: Path | None, default: Path = DEFAULT_DATA) -> Path:
    """Return the data directory: as given, as in the environment, or the default."""
    return data or Path(os.environ.get("TWINHOUSE_DATA") or default)


def given(**options: Any) -> dict[str, Any]:  # noqa: ANN401 - the options by name
    """Return the options that were given: neither None, nor a flag that is not set."""
    return {name: value for name, value in options.items() if value is not None and value is not False}


def text_of(text: str | None, file: Path | None, what: str) -> str:
    """Return the text of a query or update, given as an argument, in a file, or on stdin (`-`)."""
    if (text is None) == (file is None):
        raise typer.BadParameter(f"give the {what} as an argument or with -f FILE" + (", not both" if text else ""))
    return text if text is not None else read_text(file or Path("-"))


def selected(points: list[str] | None, query: str | None, file: Path | None) -> dict[str, Any]:
    """Return what says which points: their names or a query; nothing for all. Raises a usage error for two."""
    if sum((bool(points), query is not None, file is not None)) > 1:
        raise typer.BadParameter(ONE_OF_THEM)
    return given(point=points or None, query=read_text(file) if file is not None else query)


def read_text(file: Path) -> str:
    """Return a file's text, or that of stdin (`-`)."""
    if str(file) == "-":
        return typer.get_text_stream("stdin").read()
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise Failure(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Failure(f"{file} is not UTF-8 at byte {error.start}") from None


def require_file(path: Path) -> None:
    """Raise Failure for what is no file."""
    if not path.is_file():
        raise Failure(f"{path} is {'a folder' if path.is_dir() else 'not there'}")


def settings_of(pairs: list[str] | None) -> dict[str, str]:
    """Return the settings that `--set` gives; a value that begins with @ is the text of a file."""
    from ontologies.errors import UnknownSetting
    from ontologies.models.settings import parse_settings

    try:
        settings = parse_settings(pairs or [])
    except UnknownSetting as error:
        raise typer.BadParameter(str(error)) from None
    return {name: read_text(Path(value[1:])) if value.startswith("@") else value for name, value in settings.items()}
