"""The demo building's BACnet network: its controllers on loopback addresses, with values of the simulation.

They are devices of bacpypes3, which is there anyway for its transport: nobody needs another package to try things.
The client shares only that with them. What is commanded stays commanded, but the building does not react to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from bacpypes3.basetypes import EngineeringUnits
from bacpypes3.ipv4.app import NormalApplication
from bacpypes3.local.analog import AnalogInputObject, AnalogOutputObject, AnalogValueObjectCmd
from bacpypes3.local.binary import BinaryInputObject
from bacpypes3.local.device import DeviceObject
from bacpypes3.pdu import IPv4Address
from bacpypes3.primitivedata import Real
from bacpypes3.service.cov import ChangeOfValueServices

from server.demo.points import DemoPoint, points
from server.demo.readings import readings

PORT = 47808
_FIRST_INSTANCE = 4700
_EVERY = 5.0  # seconds between updates
_BACKGROUND = 16  # the priority at which the building's own program commands
_UNITS = {
    "DEG_C": "degreesCelsius",
    "KiloW": "kilowatts",
    "KiloW-HR": "kilowattHours",
    "M-PER-SEC": "metersPerSecond",
    "M3": "cubicMeters",
    "M3-PER-HR": "cubicMetersPerHour",
    "PA": "pascals",
    "PERCENT": "percent",
    "PPM": "partsPerMillion",
    "W-PER-M2": "wattsPerSquareMeter",
}
_WORDS = {
    "zone-temperature": "ZN-T",
    "heating-setpoint": "HTG-SP",
    "cooling-setpoint": "CLG-SP",
    "air-flow": "SA-F",
    "damper": "DMPR-C",
    "reheat-valve": "RH-V",
    "supply-temperature": "SA-T",
    "supply-setpoint": "SA-T-SP",
    "return-temperature": "RA-T",
    "mixed-temperature": "MA-T",
    "pressure": "DSP",
    "pressure-setpoint": "DSP-SP",
    "co2": "ZN-CO2",
    "occupancy": "OCC-S",
    "enable": "EN",
    "status": "S",
    "speed": "SPD",
    "power": "KW",
    "energy": "KWH",
    "position": "POS",
    "command": "CMD",
    "temperature": "T",
    "humidity": "RH",
    "supply": "SUP-T",
    "return": "RET-T",
    "setpoint": "SP",
}


class _Application(NormalApplication, ChangeOfValueServices):  # type: ignore[misc] # bacpypes3 has no types
    """A device that tells changes of value, too."""


@dataclass(frozen=True, slots=True)
class Controller:
    """A device of the network: its number, name and address, and the points that it has."""

    instance: int
    name: str
    address: str
    points: tuple[DemoPoint, ...]


def controllers() -> tuple[Controller, ...]:
    """Return the devices: one an air handler, one a floor's boxes, and one of the plant. Always the same."""
    groups: dict[str, list[DemoPoint]] = {}
    for point in points():
        groups.setdefault(_controller_of(point), []).append(point)
    return tuple(
        Controller(_FIRST_INSTANCE + number, name, f"127.47.0.{number}", tuple(groups[name]))
        for number, name in enumerate(sorted(groups), 1)
    )


def _controller_of(point: DemoPoint) -> str:
    parts = point.owner.split("-")
    if parts[0] == "AHU":
        return f"AHU-{parts[1]}"
    return f"Level-{parts[1]}" if parts[0] == "VAV" else "Plant"


class _Served:
    """A point and its object."""

    def __init__(self, point: DemoPoint, instance: int) -> None:
        self.point = point
        self.binary = point.unit == "UNITLESS"
        self.commandable = not self.binary and point.brick_class.endswith(("Setpoint", "Command"))
        name = f"{point.owner}.{_WORDS.get(point.signal, point.signal)}"
        common: dict[str, Any] = {"objectName": name, "description": point.label, "statusFlags": [0, 0, 0, 0]}
        common |= {"outOfService": False, "eventState": "normal"}
        self.object = self._made(instance, common)

    def _made(self, instance: int, common: dict[str, Any]) -> Any:  # noqa: ANN401 - an object of bacpypes3
        if self.binary:
            texts = {"activeText": "on", "inactiveText": "off"}
            identifier = ("binary-input", instance)
            return BinaryInputObject(
                objectIdentifier=identifier, presentValue="inactive", polarity="normal", **texts, **common
            )
        common |= {"units": EngineeringUnits(_UNITS[self.point.unit]), "covIncrement": 10.0**-self.point.decimals}
        if not self.commandable:
            return AnalogInputObject(objectIdentifier=("analog-input", instance), presentValue=0.0, **common)
        common["relinquishDefault"] = 0.0
        if self.point.brick_class.endswith("Command"):
            return AnalogOutputObject(objectIdentifier=("analog-output", instance), presentValue=0.0, **common)
        return AnalogValueObjectCmd(objectIdentifier=("analog-value", instance), presentValue=0.0, **common)

    async def set(self, value: float) -> None:
        """Give the object a value."""
        if self.binary:
            self.object.presentValue = "active" if value else "inactive"
        elif self.commandable:
            await self.object.write_property("presentValue", Real(value), priority=_BACKGROUND)
        else:
            self.object.presentValue = Real(value)


class Values:
    """What the simulation says that each point has at a time, a day at a time."""

    def __init__(self) -> None:
        self._day: object = None
        self._series: dict[str, tuple[Any, Any]] = {}

    def at(self, moment: datetime) -> Iterator[tuple[str, float]]:
        """Yield the last value until a moment of each series that has one."""
        if moment.date() != self._day:
            self._load(moment)
        for series, (times, values) in self._series.items():
            at = int(np.searchsorted(times, np.datetime64(moment.replace(tzinfo=None)), side="right")) - 1
            if at >= 0:
                yield series, float(values[at])

    def _load(self, moment: datetime) -> None:
        self._day, self._series = moment.date(), {}
        for table in readings(moment.date(), 1):
            ids = np.array(table.column("id").to_pylist())
            times, values = table.column("time").to_numpy(), table.column("value").to_numpy()
            for series in np.unique(ids):
                chosen = ids == series
                self._series[str(series)] = (times[chosen], values[chosen])


async def simulate(devices: Sequence[Controller] | None = None, port: int = PORT) -> None:
    """Run the network until cancelled. Its objects have their values before it can be asked for them."""
    served = {
        controller: [_Served(point, number) for number, point in enumerate(controller.points, 1)]
        for controller in devices or controllers()
    }
    by_series = {str(each.point.uuid): each for own in served.values() for each in own}
    values, applications = Values(), list[_Application]()
    try:
        while True:
            for series, value in await asyncio.to_thread(lambda: list(values.at(datetime.now(UTC)))):
                if series in by_series:
                    await by_series[series].set(value)
            if not applications:
                applications = [_application(controller, port, own) for controller, own in served.items()]
            await asyncio.sleep(_EVERY)
    finally:
        for application in applications:
            application.close()


def _application(controller: Controller, port: int, served: Sequence[_Served]) -> _Application:
    device = DeviceObject(
        objectIdentifier=("device", controller.instance),
        objectName=controller.name,
        vendorIdentifier=999,
        vendorName="Twinhouse",
        modelName="Simulated controller",
    )
    application = _Application(device, IPv4Address(f"{controller.address}/8:{port}"))
    for each in served:
        application.add_object(each.object)
    return application
