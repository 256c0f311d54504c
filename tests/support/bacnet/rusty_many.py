"""Many devices of rusty-bacnet in a process of their own: `python -m ...rusty_many DEVICES OBJECTS`

They are at 127.8.0.1 and so on, with device numbers from 1, and change nothing by themselves until a line on stdin
tells them to: each then gives every analog input another value.
"""

from __future__ import annotations

import sys
from typing import Any

import rusty_bacnet

from tests.support.bacnet import rusty


def address(number: int) -> str:
    """Return the address of a device, from 1."""
    return f"127.8.{number // 250}.{number % 250 + 1}"


def _filler(objects: int) -> rusty.Fill:
    def fill(device: Any) -> None:  # noqa: ANN401
        for number in range(objects):
            if number % 4 == 0:
                device.add_analog_input(number, f"AHU-1 Temp {number}", 62, 20.0)
            elif number % 4 == 1:
                device.add_analog_value(number, f"AHU-1 Setpoint {number}", 62)
            elif number % 4 == 2:
                device.add_binary_input(number, f"AHU-1 Status {number}")
            else:
                device.add_multistate_value(number, f"AHU-1 Mode {number}", 3)

    return fill


def main() -> None:
    """Serve until stdin ends."""
    devices, objects = int(sys.argv[1]), int(sys.argv[2])
    fill = _filler(objects)
    made = [rusty.device(number, address(number), fill) for number in range(1, devices + 1)]
    with rusty.running(*made) as group:
        print("ready", flush=True)
        for turn, _ in enumerate(sys.stdin, 1):
            for device in made:
                for number in range(0, objects, 4):
                    which = rusty_bacnet.ObjectIdentifier(rusty_bacnet.ObjectType.ANALOG_INPUT, number)
                    group.call(device.set_present_value_local, which, rusty_bacnet.PropertyValue.real(20.0 + turn))
            print("ready", flush=True)


if __name__ == "__main__":
    main()
