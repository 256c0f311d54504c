"""What can go wrong with a device.

BacnetError
├── NoAnswer        nothing came in time: gone, too busy, or a request that it drops
├── Refused         an Error: class and code (ASHRAE 135, clause 21)
├── Rejected        a Reject: the request is not understood
├── Aborted         an Abort: mostly an answer too long for what both sides can take
├── Malformed       the answer cannot be read
└── NoNetwork       we cannot listen, register with the BBMD, or reach a network
"""

from __future__ import annotations

_CLASSES = ("device", "object", "property", "resources", "security", "services", "vt", "communication")
_CODES = {
    0: "other", 2: "configuration in progress", 3: "device busy", 9: "inconsistent selection criterion",
    25: "operational problem", 27: "read access denied", 31: "unknown object", 32: "unknown property",
    37: "value out of range", 40: "write access denied", 42: "invalid array index", 47: "datatype not supported",
    50: "property is not an array", 9999: "",
}  # fmt: skip
_REJECTS = (
    "other", "buffer overflow", "inconsistent parameters", "invalid parameter data type", "invalid tag",
    "missing required parameter", "parameter out of range", "too many arguments", "undefined enumeration",
    "unrecognized service",
)  # fmt: skip
_ABORTS = (
    "other", "buffer overflow", "invalid APDU in this state", "preempted by higher priority task",
    "segmentation not supported", "security error", "insufficient security", "window size out of range",
    "application exceeded reply time", "out of resources", "tsm timeout", "APDU too long",
)  # fmt: skip

UNRECOGNIZED_SERVICE = 9


class BacnetError(Exception):
    """Anything that a device, or the way to it, did not do."""


class NoAnswer(BacnetError):
    """Nothing came in time."""


class NoNetwork(BacnetError):
    """There is no way to the network: a port that is taken, an address that is not ours, a BBMD that refuses."""


class Malformed(BacnetError):
    """Bytes that are no BACnet; the message has the place."""


class Refused(BacnetError):
    """An Error of the device, by class and code."""

    def __init__(self, error_class: int, code: int) -> None:
        super().__init__(f"{_named(_CLASSES, error_class)}: {_CODES.get(code, f'error {code}')}")
        self.error_class = error_class
        self.code = code


class Rejected(BacnetError):
    """A Reject of the device."""

    def __init__(self, reason: int) -> None:
        super().__init__(f"rejected: {_named(_REJECTS, reason)}")
        self.reason = reason


class Aborted(BacnetError):
    """An Abort, by the device or by our own side of the transaction."""

    def __init__(self, reason: int) -> None:
        super().__init__(f"aborted: {_named(_ABORTS, reason)}")
        self.reason = reason


def _named(names: tuple[str, ...], number: int) -> str:
    return names[number] if 0 <= number < len(names) else str(number)
