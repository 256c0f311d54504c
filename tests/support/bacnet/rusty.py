"""Devices of another stack, rusty-bacnet, on loopback addresses of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import rusty_bacnet as rusty

Fill = Callable[[Any], None]


def device(instance: int, address: str, fill: Fill, **options: Any) -> Any:  # noqa: ANN401 - rusty's own types
    """Return a device, not yet started; `fill` adds its objects."""
    made = rusty.BACnetServer(
        instance,
        options.pop("name", f"Device {instance}"),
        interface=address,
        port=options.pop("port", 47808),
        broadcast_address=options.pop("broadcast", "127.255.255.255"),
        share_port_by_address=True,
        segmentation_supported=options.pop("segmentation", rusty.Segmentation.BOTH),
        **options,
    )
    fill(made)
    return made


class Running:
    """Devices on an event loop in a thread of its own."""

    def __init__(self, devices: Sequence[Any]) -> None:
        self.devices = devices
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        """Start them all."""
        self._thread.start()
        for each in self.devices:
            self.call(each.start)

    def call(self, what: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - of a device
        """Call a method of a device, and wait for what it does."""

        async def awaited() -> Any:  # noqa: ANN401
            return await what(*arguments)

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(30)

    def stop(self) -> None:
        """Stop them all."""
        for each in self.devices:
            self.call(each.stop)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def running(*devices: Any) -> Iterator[Running]:  # noqa: ANN401
    """Let devices answer."""
    group = Running(devices)
    group.start()
    try:
        yield group
    finally:
        group.stop()
