"""A router of bacpypes 0.19, an older stack: `python -m tests.support.bacnet.old_router ADDRESS/PREFIX NETWORK`

It joins an IP network with a virtual one of that number, which has two devices, at the MAC addresses 1 and 2. They
have no ReadPropertyMultiple, and an APDU of 480.
"""

from __future__ import annotations

import sys
import threading


def main() -> None:
    """Serve until stdin ends."""
    from bacpypes.app import Application
    from bacpypes.appservice import ApplicationServiceAccessPoint, StateMachineAccessPoint
    from bacpypes.bvllservice import AnnexJCodec, BIPSimple, UDPMultiplexer
    from bacpypes.comm import bind
    from bacpypes.core import deferred, run
    from bacpypes.local.device import LocalDeviceObject
    from bacpypes.netservice import NetworkServiceAccessPoint, NetworkServiceElement
    from bacpypes.object import AnalogInputObject
    from bacpypes.pdu import Address, LocalStation
    from bacpypes.service.device import WhoIsIAmServices
    from bacpypes.service.object import ReadWritePropertyServices
    from bacpypes.vlan import Network, Node

    address, number = Address(sys.argv[1]), int(sys.argv[2])

    class Router:
        def __init__(self) -> None:
            self.nsap, self.nse = NetworkServiceAccessPoint(), NetworkServiceElement()
            bind(self.nse, self.nsap)
            self.link, self.annexj, self.mux = BIPSimple(), AnnexJCodec(), UDPMultiplexer(address)
            bind(self.link, self.annexj, self.mux.annexJ)
            self.nsap.bind(self.link, 1, address)

    class Device(Application, WhoIsIAmServices, ReadWritePropertyServices):  # type: ignore[misc] # no types
        def __init__(self, device: LocalDeviceObject, node: Node) -> None:
            Application.__init__(self, device)
            self.asap, self.smap = ApplicationServiceAccessPoint(), StateMachineAccessPoint(device)
            self.smap.deviceInfoCache = self.deviceInfoCache
            self.nsap, self.nse = NetworkServiceAccessPoint(), NetworkServiceElement()
            bind(self.nse, self.nsap)
            bind(self, self.asap, self.smap, self.nsap)
            self.nsap.bind(node)

    router, network = Router(), Network(broadcast_address=Address("*"))
    router.nsap.bind(_node(Node, network, LocalStation(99)), number)
    kept = []
    for mac in (1, 2):
        device = LocalDeviceObject(
            objectName=f"Virtual {mac}",
            objectIdentifier=("device", 100 * number + mac),
            maxApduLengthAccepted=480,
            segmentationSupported="noSegmentation",
            vendorIdentifier=15,
        )
        application = Device(device, _node(Node, network, LocalStation(mac)))
        application.add_object(
            AnalogInputObject(
                objectIdentifier=("analogInput", 1),
                objectName=f"Temperature {mac}",
                presentValue=20.0 + mac,
                units="degreesCelsius",
                statusFlags=[0, 0, 0, 0],
            )
        )
        kept.append(application)
    deferred(print, "ready", flush=True)
    threading.Thread(target=lambda: sys.stdin.read() or sys.exit(), daemon=True).start()
    run(sigterm=None, sigusr1=None)


def _node(kind: type, network: object, address: object) -> object:
    return kind(address, network)


if __name__ == "__main__":
    main()
