"""`twinhouse token`: who may use a server, and for what. Also while it runs: it reads the tokens anew."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.failure import Failure, say
from server.cli.options import Data, Json, data_of
from server.cli.output import print_json, print_table

if TYPE_CHECKING:
    from server.auth.tokens import Tokens

token = typer.Typer(
    help="Make, list and revoke the tokens of a data directory.", rich_markup_mode=None, no_args_is_help=True
)


@token.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="Who or what will use it.", show_default=False)],
    role: Annotated[str, typer.Option(metavar="ROLE", help="read, write, operate or admin.")] = "read",
    data: Data = None,
) -> None:
    """Make a token and print it, this once: only a hash of it is kept.

    It is valid at once, also where a server has the directory.

    \b
    Example:
      twinhouse token create gateway --role write --data ./office
    """
    from server.auth.tokens import Role

    if role not in ("read", "write", "operate", "admin"):
        raise typer.BadParameter(f'there is no role "{role}": read, write, operate or admin')
    with _tokens(data_of(data), creates=True) as tokens:
        made = tokens.create(name, Role.named(role))
    typer.echo(made)
    say(f"the token of {name}, role {role}; it is not shown again")


@token.command("list")
def list_tokens(as_json: Json = False, data: Data = None) -> None:
    """List the tokens: id, name, role, and when each was made.

    \b
    Example:
      twinhouse token list --data ./office
    """
    with _tokens(data_of(data)) as tokens:
        kept = [{"id": t.id, "name": t.name, "role": t.role, "created": t.created} for t in tokens.all()]
    if as_json:
        print_json(kept)
    else:
        print_table(kept, ("id", "name", "role", "created"))


@token.command("revoke")
def revoke_token(
    number: Annotated[str, typer.Argument(metavar="ID", help="As `token list` has it.", show_default=False)],
    data: Data = None,
) -> None:
    """Make a token invalid, at once.

    \b
    Example:
      twinhouse token revoke 5f0c21ab --data ./office
    """
    with _tokens(data_of(data)) as tokens:
        if not tokens.revoke(number):
            raise Failure(f"there is no token {number}", hint="`twinhouse token list` shows the ids")
    say(f"{number} is revoked")


@contextlib.contextmanager
def _tokens(data: Path, *, creates: bool = False) -> Iterator[Tokens]:
    from server.auth.tokens import FILE, Tokens
    from server.cli.client import require_data
    from storage.errors import StorageError
    from storage.files import DataDirectory

    try:
        if creates and not (data / "twinhouse.json").exists():
            with closing(DataDirectory(data, "`twinhouse token`")):
                pass
        require_data(data)
        yield Tokens(data / FILE)
    except StorageError as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(f"{data}: {error.strerror or error}") from None
