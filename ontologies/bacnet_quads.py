"""A scanned network and its proposals as quads: devices, points with their classes, references and units, places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pyoxigraph import Literal, NamedNode, Quad

from ontologies.bacnet import (
    BOOLEAN_TYPES,
    INTEGER_TYPES,
    device_iri,
    is_point,
    network_graph,
    object_uuid,
    point_iri,
)
from ontologies.bacnet_network import BacnetObject, Device, Network
from ontologies.identity import bacnet_uuid
from ontologies.namespaces import BACNET_2020, BRICK, QUDT, RDF, RDFS, REC, REF, SKOS, TWH, XSD
from ontologies.points import PointSeries, reference_quads
from ontologies.tagging.proposals import Proposal
from ontologies.units import bacnet_unit

_TYPE, _LABEL = RDF["type"], RDFS["label"]
_DEVICE_TEXTS = ("description", "location", "vendor", "model", "firmware", "software", "serial", "segmentation")

Triples = Iterator[tuple[NamedNode, NamedNode, NamedNode | Literal]]


def network_quads(
    network: Network,
    proposals: Sequence[Proposal],
    graph: NamedNode | None = None,
    earlier_names: Mapping[str, Iterable[str]] | None = None,
) -> Iterator[Quad]:
    """Return everything that the graph says of a network, in its own named graph unless told another.

    Equal networks and proposals give equal quads; they are to replace those of the last import. `earlier_names`
    are names that points (by IRI) had before: they stay as aliases.
    """
    target = graph or network_graph(network.name)
    by_point = {proposal.point: proposal for proposal in proposals}
    for device in network.devices:
        yield from _quads(_device(network.name, device), target)
        for found in filter(is_point, device.objects):
            iri = point_iri(network.name, device, found)
            yield from _quads(_point(network.name, device, found), target)
            yield from reference_quads([PointSeries(iri, object_uuid(network.name, device, found))], target)
            if iri in by_point:
                yield from _quads(_proposed(network.name, by_point[iri]), target)
            yield from _quads(_aliases(iri, found, (earlier_names or {}).get(iri, ())), target)


def _quads(triples: Triples, graph: NamedNode) -> Iterator[Quad]:
    return (Quad(*triple, graph) for triple in triples)


def _device(network: str, device: Device) -> Triples:
    node = NamedNode(device_iri(network, device))
    yield node, _TYPE, BACNET_2020["BACnetDevice"]
    yield node, _LABEL, Literal(device.name or f"BACnet device {device.instance}")
    yield node, BACNET_2020["device-instance"], Literal(device.instance)
    yield node, TWH["bacnetAddress"], Literal(str(device.address))
    for field in _DEVICE_TEXTS:
        text = getattr(device, field)
        if text:
            yield node, TWH[field], Literal(text)


def _point(network: str, device: Device, found: BacnetObject) -> Triples:
    node = NamedNode(point_iri(network, device, found))
    yield node, _LABEL, Literal(found.name or found.identifier)
    if found.description and found.description != found.name:
        yield node, RDFS["comment"], Literal(found.description)
    yield from _unit(node, found)
    if found.type in BOOLEAN_TYPES:
        yield node, TWH["datatype"], XSD["boolean"]
    elif found.type in INTEGER_TYPES:
        yield node, TWH["datatype"], XSD["integer"]
    first = 0 if found.type in BOOLEAN_TYPES else 1
    for number, text in enumerate(found.states, first):
        if text:
            yield node, TWH["state"], Literal(f"{number} {text}")
    yield from _reference(network, node, device, found)


def _unit(node: NamedNode, found: BacnetObject) -> Triples:
    unit = bacnet_unit(found.units)
    if unit is not None and unit.qudt is not None:
        yield node, BRICK["hasUnit"], unit.qudt
        # Brick's shape wants it said, and Brick says it only of the units that it mentions itself.
        yield unit.qudt, _TYPE, QUDT["Unit"]


def _reference(network: str, node: NamedNode, device: Device, found: BacnetObject) -> Triples:
    """Write a ``ref:BACnetReference`` as Brick 1.4 shapes it, with the URI of 135, Q.8 beside its parts."""
    reference = NamedNode(bacnet_uuid(network, "reference", node.value).urn)
    yield node, REF["hasExternalReference"], reference
    yield reference, _TYPE, REF["BACnetReference"]
    yield reference, BACNET_2020["object-identifier"], Literal(found.identifier)
    yield reference, BACNET_2020["object-type"], Literal(found.type)
    yield reference, BACNET_2020["objectOf"], NamedNode(device_iri(network, device))
    yield reference, REF["BACnetURI"], Literal(f"bacnet://{device.instance}/{found.identifier}/present-value")
    if found.name:
        yield reference, BACNET_2020["object-name"], Literal(found.name)
    if found.description:
        yield reference, BACNET_2020["description"], Literal(found.description)


def _proposed(network: str, proposal: Proposal) -> Triples:
    node = NamedNode(proposal.point)
    yield node, _TYPE, NamedNode(proposal.class_iri)
    yield node, TWH["classStatus"], Literal(proposal.status)
    yield node, TWH["confidence"], Literal(f"{proposal.confidence:.3f}", datatype=XSD["decimal"])
    yield node, TWH["reason"], Literal(proposal.reason)
    for tag in proposal.tags:
        yield node, TWH["haystackTag"], Literal(tag)
    if proposal.equipment:
        yield node, BRICK["isPointOf"], _equipment_iri(network, proposal.equipment)
        yield from _equipment(network, proposal.equipment, proposal.equipment_class or BRICK["Equipment"].value)
        if proposal.within:
            yield from _equipment(network, proposal.within.name, BRICK[proposal.within.class_name].value)
            how = BRICK["feeds"] if proposal.fed else BRICK["hasPart"]
            yield _equipment_iri(network, proposal.within.name), how, _equipment_iri(network, proposal.equipment)
    if proposal.location:
        room = NamedNode(bacnet_uuid(network, "room", proposal.location.casefold()).urn)
        yield room, REC["hasPoint"], node
        yield room, _TYPE, REC["Room"]
        yield room, _LABEL, Literal(proposal.location)


def _equipment_iri(network: str, name: str) -> NamedNode:
    return NamedNode(bacnet_uuid(network, "equipment", name.casefold()).urn)


def _equipment(network: str, name: str, class_iri: str) -> Triples:
    node = _equipment_iri(network, name)
    yield node, _TYPE, NamedNode(class_iri)
    yield node, _LABEL, Literal(name)


def _aliases(iri: str, found: BacnetObject, earlier: Iterable[str]) -> Triples:
    for name in sorted(set(earlier) - {found.name}):
        yield NamedNode(iri), SKOS["altLabel"], Literal(name)
