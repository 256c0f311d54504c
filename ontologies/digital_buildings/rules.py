"""What the instance validator asks of a building config: some of it by itself, the rest by the ontology."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ontologies.digital_buildings.config import INITIALIZE, Config, Entity, Link, Problem, Translation
from ontologies.digital_buildings.ontology import EntityType, Ontology
from ontologies.digital_buildings.tables import connection_kinds

_TYPE = re.compile(r"[A-Z_]+/\w+")
_DEVICE = re.compile(r"\d+")
_MESSAGE = re.compile(r"(points|pointset)\..*")
_PRESENT_VALUE = re.compile(r"points\.[^.]+\.present[-_]value")
_UNITS = re.compile(r"(pointset\.)?points\.[^.]+\.units|pointset\.[^.]+\.units")
_RANGE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\s*")
_CHECKED_IN_UPDATES = frozenset(("type", "translation", "links"))


def problems(config: Config, ontology: Ontology | None) -> Iterator[Problem]:
    """Yield what is wrong in a config that was read; without an ontology only what needs none."""
    checker = _Checker(config, ontology)
    for entity in config.entities.values():
        yield from checker.entity(entity)
    yield from _shared_devices(config)


def _shared_devices(config: Config) -> Iterator[Problem]:
    seen: dict[str, Entity] = {}
    for entity in config.entities.values():
        if entity.cloud_device_id is None:
            continue
        other = seen.setdefault(entity.cloud_device_id, entity)
        if other is not entity:
            message = f"cloud_device_id {entity.cloud_device_id} of {entity.guid} is also that of {other.guid}"
            yield Problem("device-shared", entity.at("cloud_device_id"), message)


class _Checker:
    def __init__(self, config: Config, ontology: Ontology | None) -> None:
        self._config = config
        self._ontology = ontology

    def entity(self, entity: Entity) -> Iterator[Problem]:
        yield from self._operation(entity)
        if self._config.does(entity) == "DELETE":
            return
        yield from self._identity(entity)
        yield from self._connections(entity)
        for translation in entity.translation.values():
            yield from _form_problems(entity, translation)
        own = self._type(entity)
        for link in entity.links:
            yield from self._link(entity, own, link)
        if self._ontology is not None and own is not None:
            yield from self._fields(entity, own, self._ontology)

    def _operation(self, entity: Entity) -> Iterator[Problem]:
        does = self._config.does(entity)
        if self._config.operation == INITIALIZE:
            for name in ("operation", "update_mask"):
                if getattr(entity, name) is not None and entity.operation != "ADD":
                    message = (
                        f"{entity.guid} has {name}, which only a config with CONFIG_METADATA operation UPDATE has"
                    )
                    yield Problem("operation-in-initialize", entity.at(name), message)
        if entity.update_mask is not None and does != "UPDATE":
            message = f"{entity.guid} has an update_mask, which the operation {does} cannot have"
            yield Problem("mask-without-update", entity.at("update_mask"), message)
        if entity.operation in ("UPDATE", "EXPORT") and entity.etag is None:
            message = f"{entity.guid} has operation {entity.operation}, which needs the entity's etag"
            yield Problem("etag", entity.at("operation"), message)
        if entity.update_mask and "type" in entity.update_mask and entity.type is None:
            message = f"update_mask of {entity.guid} has type, and the entity has none: a type cannot be cleared"
            yield Problem("type-cleared", entity.at("update_mask"), message)

    def _identity(self, entity: Entity) -> Iterator[Problem]:
        if entity.code is None:
            yield Problem("code", entity.line, f"{entity.guid} has no code")
        if entity.type is None:
            if entity.update_mask is None:
                yield Problem("type", entity.line, f"{entity.guid} has no type, as FACILITIES/BUILDING")
        elif not _TYPE.fullmatch(entity.type):
            message = f"type {entity.type} of {entity.guid} must be a namespace and a name, as FACILITIES/BUILDING"
            yield Problem("type-form", entity.at("type"), message)
        device = entity.cloud_device_id
        if device is not None and not _DEVICE.fullmatch(device):
            message = f"cloud_device_id {device!r} of {entity.guid} must be digits only"
            yield Problem("device-form", entity.at("cloud_device_id"), message)
        if device is not None and "translation" not in entity.lines and self._config.does(entity) == "ADD":
            message = f"{entity.guid} has a cloud_device_id and no translation; say what its messages hold"
            yield Problem("device-without-translation", entity.at("cloud_device_id"), message)
        if entity.translation and device is None:
            message = f"{entity.guid} has a translation and no cloud_device_id, whose messages it is of"
            yield Problem("translation-without-device", entity.at("translation"), message)
        present = [item for item in entity.translation.values() if not item.missing]
        if entity.translation and not present:
            message = f"all fields of {entity.guid} are MISSING; a device has at least one"
            yield Problem("all-missing", entity.at("translation"), message)

    def _connections(self, entity: Entity) -> Iterator[Problem]:
        kinds = self._ontology.connections if self._ontology is not None else frozenset(connection_kinds())
        for item in entity.connections:
            if item.kind not in kinds:
                message = (
                    f"{item.source} to {entity.guid}: no connection {item.kind}; there are {', '.join(sorted(kinds))}"
                )
                yield Problem("connection-kind", item.line, message)

    def _link(self, entity: Entity, own: EntityType | None, link: Link) -> Iterator[Problem]:
        source = self._config.entities.get(link.source)
        if source is None:
            message = f"{entity.guid} links to {link.source}, which is not in the config"
            yield Problem("link-source", link.line, message)
        else:
            found = source.translation.get(link.source_field)
            if found is None or found.missing:
                message = (
                    f"{link.source} has no field {link.source_field} in its translation; {link.field} links to it"
                )
                yield Problem("link-field", link.line, message)
            yield from self._link_units(entity, link, found or Translation(link.source_field, link.line))
        if own is not None and not own.allows_undefined and link.field not in own.fields:
            message = f"{own.name} of {entity.guid} has no field {link.field}"
            yield Problem("field-undefined", link.line, message)

    def _link_units(self, entity: Entity, link: Link, source: Translation) -> Iterator[Problem]:
        standard = self._ontology.standard_field(link.field) if self._ontology is not None else None
        if self._ontology is None or standard is None:
            return
        units = self._ontology.units_of(standard)
        other = self._ontology.standard_field(link.source_field)
        if other is not None and self._ontology.units_of(other) not in (None, units):
            message = f"{link.field} of {entity.guid} and {link.source_field} do not measure the same"
            yield Problem("link-mismatch", link.line, message)
            return
        wrong = sorted(set(source.units) - (units or frozenset()))
        if wrong and units is not None:
            message = (
                f"{link.source_field} is in {', '.join(wrong)}, which {link.field} of {entity.guid} cannot be in"
            )
            yield Problem("link-unit", link.line, message)

    def _type(self, entity: Entity) -> EntityType | None:
        if self._ontology is None or entity.type is None:
            return None
        return self._ontology.types.get(entity.type)

    def _fields(self, entity: Entity, own: EntityType, ontology: Ontology) -> Iterator[Problem]:
        if own.is_abstract:
            message = f"{own.name} of {entity.guid} is abstract; choose a type that implements it"
            yield Problem("type-abstract", entity.at("type"), message)
            return
        for item in entity.translation.values():
            yield from self._field(entity, own, item, ontology)
        given = set(entity.translation) | {link.field for link in entity.links}
        absent = sorted(own.required - given)
        if absent and self._checks_required(entity):
            message = f"{own.name} of {entity.guid} needs {', '.join(absent)}; translate or link them, or say MISSING"
            yield Problem("field-required", entity.line, message)

    def _checks_required(self, entity: Entity) -> bool:
        does = self._config.does(entity)
        masked = _CHECKED_IN_UPDATES & set(entity.update_mask or ())
        return does == "ADD" or (does == "UPDATE" and bool(masked) and bool(entity.translation or entity.links))

    def _field(self, entity: Entity, own: EntityType, item: Translation, ontology: Ontology) -> Iterator[Problem]:
        if not own.allows_undefined:
            if item.name not in own.fields:
                message = f"{own.name} of {entity.guid} has no field {item.name}; remove it or choose another type"
                yield Problem("field-undefined", item.line, message)
                return
            if item.missing and item.name in own.optional:
                message = f"{item.name} of {entity.guid} is optional in {own.name}: leave it out, rather than MISSING"
                yield Problem("optional-missing", item.line, message)
        standard = ontology.standard_field(item.name)
        if standard is not None and not item.missing:
            yield from _value_problems(entity, item, standard, ontology)


def type_problems(config: Config, ontology: Ontology) -> Iterator[Problem]:
    """Yield the types that the ontology does not have."""
    for entity in config.entities.values():
        if entity.type is None or not _TYPE.fullmatch(entity.type) or entity.type in ontology.types:
            continue
        if entity.namespace not in ontology.namespaces:
            known = ", ".join(sorted(ontology.namespaces))
            message = f"no namespace {entity.namespace}; there are {known}"
        else:
            message = f"{entity.namespace} has no type {entity.type_name}"
        yield Problem("type-unknown", entity.at("type"), f"type {entity.type} of {entity.guid}: {message}")


def _value_problems(entity: Entity, item: Translation, standard: str, ontology: Ontology) -> Iterator[Problem]:
    where = f"{item.name} of {entity.guid}"
    states, units = ontology.states.get(standard), ontology.units_of(standard)
    if states is not None:
        if not item.states:
            yield Problem("states", item.line, f"{where} has states; give the device's value of each")
        for state in item.states:
            if state.upper() not in states:
                message = f"{where} cannot be {state}; it can be {', '.join(sorted(states))}"
                yield Problem("state-unknown", item.line, message)
    elif units is not None:
        if not item.units:
            yield Problem("units", item.line, f"{where} measures something; give its units")
        for unit in item.units:
            if unit not in units and unit != "type":
                message = f"{where} cannot be in {unit}; it can be in {', '.join(sorted(units))}"
                yield Problem("unit-unknown", item.line, message)


def _form_problems(entity: Entity, item: Translation) -> Iterator[Problem]:
    where = f"{item.name} of {entity.guid}"
    path = item.present_value
    if path is not None and _MESSAGE.fullmatch(path) and not _PRESENT_VALUE.fullmatch(path):
        message = f"present_value {path} of {where} must be points.<name>.present_value"
        yield Problem("present-value-path", item.line, message)
    key = item.units_key
    if key is not None and _MESSAGE.fullmatch(key) and not _UNITS.fullmatch(key):
        message = f"the key of units {key} of {where} must be pointset.points.<name>.units"
        yield Problem("units-path", item.line, message)
    units = [unit for unit in item.units if unit != "type"]
    if len(units) > 1:
        yield Problem("units-several", item.line, f"{where} has the units {', '.join(units)}; keep one")
    if item.value_range is not None:
        yield from _range_problems(item, where)


def _range_problems(item: Translation, where: str) -> Iterator[Problem]:
    found = _RANGE.fullmatch(item.value_range or "")
    if found is None:
        message = f"value_range {item.value_range} of {where} must be two numbers, as 15,25"
        yield Problem("range-form", item.line, message)
    elif float(found[1]) >= float(found[2]):
        yield Problem("range-order", item.line, f"value_range {item.value_range} of {where}: the lower one is first")
    if not item.units:
        yield Problem("range-without-units", item.line, f"{where} has a value_range and no units")
