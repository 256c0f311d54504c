"""`twinhouse bacnet write`: a command to the building."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Annotated

import typer

from server.cli.failure import say
from server.cli.options import Json, Server, Target, server_of
from server.cli.output import print_json

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)?")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, None: 1.0}
_WORDS: dict[str, bool] = {"true": True, "active": True, "on": True, "false": False, "inactive": False, "off": False}


def write(
    point: Annotated[str, typer.Argument(metavar="POINT", help="IRI or UUID of a point.", show_default=False)],
    value: Annotated[
        str | None, typer.Argument(metavar="[VALUE]", help="Number, true, false or text.", show_default=False)
    ] = None,
    priority: Annotated[int, typer.Option(min=1, max=16, help="1 is the highest.")] = 8,
    hold: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="Take it back by itself after so long: 30m, 2h.")
    ] = None,
    release: Annotated[bool, typer.Option("--release", help="Take back what the priority commands.")] = False,
    text: Annotated[bool, typer.Option("--text", help="The value is a text, even where it looks like none.")] = False,
    life_safety: Annotated[
        bool, typer.Option("--life-safety", help="Priority 1 or 2 is meant: they are of life safety.")
    ] = False,
    timeout: Annotated[int, typer.Option(min=1, max=300, help="Seconds to wait for the outcome.")] = 30,
    as_json: Json = False,
    url: Server = None,
) -> None:
    """Command a point of a BACnet device, by its server and gateway, and say what the device has then.

    It needs a token of the role operate (TWINHOUSE_TOKEN), and a gateway whose configuration allows it.

    \b
    Examples:
      twinhouse bacnet write urn:uuid:5f0c21ab-... 21.5 --for 2h
      twinhouse bacnet write urn:uuid:5f0c21ab-... --release
    """
    from server.cli.client import connect
    from server.cli.options import DEFAULT_DATA

    if (value is None) is not release:
        raise typer.BadParameter("give a value, or --release")
    document = {"point": point, "priority": priority, "life_safety": life_safety}
    document["value"] = None if value is None else (value if text else _parsed(value))
    if hold is not None:
        document["seconds"] = _seconds(hold)
    with connect(Target(DEFAULT_DATA, server_of(url))) as client:
        outcome = client.json("POST", "/commands", json=document, params={"timeout": timeout})
    if as_json:
        print_json(outcome)
        return
    say(f"the device has {outcome['present']}" + ("" if outcome["effective"] or release else _PREVAILS))
    if outcome.get("until"):
        say(f"the gateway takes it back at {datetime.fromtimestamp(outcome['until']):%Y-%m-%d %H:%M:%S}")


_PREVAILS = ": it has taken the command, and a higher priority prevails"


def _parsed(value: str) -> float | bool | str:
    if value.lower() in _WORDS:
        return _WORDS[value.lower()]
    try:
        number = float(value)
    except ValueError:
        return value
    if not math.isfinite(number):
        raise typer.BadParameter(f"{value} is no number that a point can have")
    return number


def _seconds(hold: str) -> float:
    match = _DURATION.fullmatch(hold)
    if match is None or not float(match[1]):
        raise typer.BadParameter(f'"{hold}" is no time such as 30m or 2h', param_hint="--for")
    return float(match[1]) * _SECONDS[match[2]]
