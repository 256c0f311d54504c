"""BACnet devices and objects as entities: which objects are points, and the IRIs and UUIDs of all of them.

They are derived from the network's name, the device's key and the object's identifier alone: the same network
gives the same ones on any machine, in any order of discovery, whatever is renamed.
"""

from __future__ import annotations

from uuid import UUID

from pyoxigraph import NamedNode

from ontologies.bacnet_network import BacnetObject, Device
from ontologies.identity import bacnet_uuid

# The value of each is something that a building's point reports or takes (135, clause 12).
POINT_TYPES = frozenset(
    {
        *(f"{kind}-{way}" for kind in ("analog", "binary", "multi-state") for way in ("input", "output", "value")),
        *(
            f"{kind}-value"
            for kind in ("integer", "positive-integer", "large-analog", "bitstring", "characterstring")
        ),
        *(f"{kind}-value" for kind in ("octetstring", "time", "date", "datetime")),
        "accumulator",
        "pulse-converter",
        "averaging",
        "loop",
        "life-safety-point",
        "life-safety-zone",
        "lighting-output",
        "binary-lighting-output",
        "load-control",
        "access-point",
        "access-zone",
        "access-door",
    }
)
BOOLEAN_TYPES = frozenset({"binary-input", "binary-output", "binary-value", "binary-lighting-output"})
INTEGER_TYPES = frozenset(
    {
        *(f"multi-state-{way}" for way in ("input", "output", "value")),
        *("integer-value", "positive-integer-value", "accumulator", "life-safety-point", "life-safety-zone"),
    }
)


def is_point(found: BacnetObject) -> bool:
    """Tell whether an object becomes a point: it has a present value that a building's point reports or takes."""
    return found.type in POINT_TYPES


def device_iri(network: str, device: Device) -> str:
    """Return the IRI of a device; `network` is the network's name."""
    return bacnet_uuid(network, _key(device)).urn


def object_uuid(network: str, device: Device, found: BacnetObject) -> UUID:
    """Return the UUID of an object and its series: readings of its present value are stored under it."""
    return bacnet_uuid(network, _key(device), found.type, found.instance)


def point_iri(network: str, device: Device, found: BacnetObject) -> str:
    """Return the IRI of the point that an object becomes."""
    return object_uuid(network, device, found).urn


def network_graph(network: str) -> NamedNode:
    """Return the named graph that everything of a network is in."""
    return NamedNode(bacnet_uuid(network, "").urn)


def _key(device: Device) -> str:
    return device.key if device.key is not None else str(device.instance)
