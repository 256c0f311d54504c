"""`twinhouse bacnet scan`: what is on the network."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli.bacnet_options import (
    Address,
    Answering,
    ForeignDevice,
    Retries,
    UdpPort,
    interface_of,
    on_network,
    station_of,
)
from server.cli.failure import Failure, say
from server.cli.options import Json
from server.cli.output import print_json

if TYPE_CHECKING:
    from server.bacnet.compare import Difference
    from server.bacnet.find import Targets
    from server.bacnet.link import Network
    from server.bacnet.merging import Outcome

_SHOWN = 20
_NOBODY = """\
hint: nobody answered. Are the prefix of --address and the port right, and is our UDP port open in the firewall? Where
      broadcasts do not reach, name addresses (--device 10.0.0.7) or register with a BBMD (--bbmd 10.1.0.2)"""


def scan(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where it is kept: site.json.", show_default=False)],
    name: Annotated[str | None, typer.Option(help="The site's name, in every UUID. Default: the file's.")] = None,
    device: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Ask this address, instead of all: 10.0.0.7, 2001:0x0c@10.0.0.1."),
    ] = None,
    network: Annotated[
        list[int] | None, typer.Option(min=1, max=65534, help="Ask this network, instead of all.")
    ] = None,
    instances: Annotated[
        list[str] | None, typer.Option(metavar="LOW-HIGH", help="Only devices with these numbers; may be repeated.")
    ] = None,
    address: Address = None,
    udp_port: UdpPort = 47808,
    bbmd: ForeignDevice = None,
    wait: Annotated[float, typer.Option(min=0.1, max=600, help="Seconds without a new device that end it.")] = 3,
    rate: Annotated[float, typer.Option(min=0.1, help="The most requests a second to a device.")] = 100,
    far_rate: Annotated[float, typer.Option(min=0.1, help="The same to all of a network behind a router.")] = 10,
    answer_seconds: Answering = 3,
    retries: Retries = 2,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a scan that was broken off.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Drop devices that do not answer any more.")] = False,
    as_json: Json = False,
) -> None:
    """Find devices and read what they are and have. Changes nothing on the network.

    The file has the result, and the next scan into it tells what is new, changed and gone. Devices that are silent
    then stay in it, unless --forget. Devices of equal number are both kept. What could not be read is told.

    \b
    Examples:
      twinhouse bacnet scan site.json --address 10.0.0.9/24
      twinhouse bacnet scan site.json --bbmd 10.1.0.2 --instances 1000-1999
      twinhouse bacnet scan site.json --device 10.0.0.7 --device 10.0.0.8:47809
    """
    from server.bacnet.reading import Pace, Throttles
    from server.bacnet.scan import Plan
    from server.bacnet.scan import scan as run

    if name is not None and not name.strip():
        raise typer.BadParameter("it is empty, and all UUIDs are derived from it", param_hint="--name")
    if not file.absolute().parent.is_dir():
        raise Failure(f"there is no folder {file.absolute().parent}", hint="the scan is kept there: make it first")
    targets = _targets(device, network, instances)
    interface = interface_of(address, udp_port, bbmd, answer_seconds, retries)
    plan = Plan(name or file.stem, targets, wait, forget)
    throttles = Throttles(Pace(rate, 2), Pace(far_rate, 1))

    async def scanned(link: Network) -> Outcome:
        return await run(link, plan, file, throttles, resume=resume, progress=_tell)

    try:
        outcome = on_network(interface, scanned)
    except KeyboardInterrupt:
        say(f"broken off; --resume goes on with what {file}.part has")
        raise
    if as_json:
        print_json(_summary(outcome))
    else:
        _report(outcome, file)


def _targets(device: list[str] | None, network: list[int] | None, instances: list[str] | None) -> Targets:
    from server.bacnet.find import WILDCARD, Targets

    ranges = []
    for text in instances or ():
        low, _, high = text.partition("-")
        if not low.isdigit() or not (high or low).isdigit() or not int(low) <= int(high or low) <= WILDCARD:
            raise typer.BadParameter(f'"{text}" is no range such as 1000-1999', param_hint="--instances")
        ranges.append((int(low), int(high or low)))
    stations = tuple(station_of(each) for each in device or ())
    return Targets(not stations and not network, tuple(ranges), tuple(network or ()), stations)


def _shown(text: str) -> str:
    """Return what devices say without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _tell(done: int, total: int, what: str) -> None:
    what = _shown(what)
    if sys.stderr.isatty():
        end = "" if done < total else "\n"
        print(f"\r\x1b[K{done}/{total} devices  {what[:60]}", end=end, file=sys.stderr, flush=True)
    elif what:
        say(f"{done}/{total} {what}")


def _report(outcome: Outcome, file: Path) -> None:
    network = outcome.network
    objects = sum(len(device.objects) for device in network.devices)
    say(f"{len(network.devices)} devices, {objects} objects in {file}")
    if not network.devices:
        say(_NOBODY)
    if network.failures:
        say(f"{len(network.failures)} things could not be read:")
        _some([_failure(each) for each in network.failures])
    if outcome.differences is not None:
        say("nothing has changed" if not outcome.differences else f"{len(outcome.differences)} differences:")
        _some([_difference(each) for each in outcome.differences])


def _failure(each: Any) -> str:  # noqa: ANN401 - a Failure of the scan
    return f"{' '.join(filter(None, (each.device, each.object, each.property)))}: {each.reason}"


def _difference(each: Difference) -> str:
    what = " ".join(filter(None, (each.device, each.identifier, f'"{each.name}"' if each.name else "")))
    changes = "; ".join(f"{field}: {old!r} -> {new!r}" for field, old, new in each.fields)
    return f"{each.kind} {what}" + (f" ({changes})" if changes else "")


def _some(lines: Sequence[str]) -> None:
    for line in lines[:_SHOWN]:
        say(f"  {_shown(line)}")
    if len(lines) > _SHOWN:
        say(f"  and {len(lines) - _SHOWN} more: --json has all")


def _summary(outcome: Outcome) -> dict[str, Any]:
    from dataclasses import asdict

    network = outcome.network
    found = outcome.differences
    return {
        "name": network.name,
        "devices": [
            {
                "device": each.instance,
                "address": str(each.address),
                "name": each.name,
                "vendor": each.vendor,
                "model": each.model,
                "objects": len(each.objects),
            }
            for each in network.devices
        ],
        "failures": [asdict(each) for each in network.failures],
        "differences": None if found is None else [asdict(each) for each in found],
    }
