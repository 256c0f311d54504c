"""`twinhouse bacnet simulate`: the demo building's controllers, to try things on."""

from __future__ import annotations

import asyncio
import contextlib

import typer

from server.cli.options import Json
from server.cli.output import print_json


def simulate(as_json: Json = False) -> None:
    """Run the BACnet network of the demo building on this machine's loopback, until Ctrl-C.

    Seven controllers with 234 objects, whose values are those of the simulation. `twinhouse demo` has it too.

    \b
    Example, the second line in another terminal:
      twinhouse bacnet simulate
      twinhouse bacnet scan demo.json --address 127.0.0.1/8 --udp-port 47809
    """
    from server.bacnet.supervising import bind_to_parent
    from server.demo.network import controllers
    from server.demo.network import simulate as run

    bind_to_parent()
    found = [
        {"device": each.instance, "name": each.name, "address": each.address, "objects": len(each.points)}
        for each in controllers()
    ]
    if as_json:
        print_json(found)
    else:
        for each in found:
            typer.echo(f"{each['device']}  {each['address']}  {each['name']}, {each['objects']} objects", err=True)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())
