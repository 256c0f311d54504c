"""Devices of rusty-bacnet in a process of their own: `python -m ...rusty_site BROADCAST [bbmd] ADDRESS...`

With `bbmd` the first one is a BBMD that takes foreign devices. Each has two analog inputs.
"""

from __future__ import annotations

import sys
from typing import Any

import rusty_bacnet

from tests.support.bacnet import rusty


def _fill(device: Any) -> None:  # noqa: ANN401
    device.add_analog_input(1, "Zone Temp", 62, 21.5)
    device.add_analog_value(2, "Zone Setpoint", 62)


def main() -> None:
    """Serve until stdin ends."""
    broadcast, *addresses = sys.argv[1:]
    bbmd = addresses[:1] == ["bbmd"]
    devices = []
    for number, address in enumerate(addresses[1:] if bbmd else addresses):
        options = {"bbmd": rusty_bacnet.Bbmd(accept_foreign_devices=True)} if bbmd and number == 0 else {}
        devices.append(rusty.device(1000 + number, address, _fill, broadcast=broadcast, **options))
    with rusty.running(*devices):
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
