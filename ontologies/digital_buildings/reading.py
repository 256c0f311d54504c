"""Building configs in YAML, read; what cannot be read is a problem with its line."""

from __future__ import annotations

from dataclasses import replace

from ontologies.digital_buildings.config import (
    CONFIG_OPERATIONS,
    ENTITY_OPERATIONS,
    Config,
    Connection,
    Entity,
    Link,
    Problem,
    Translation,
)
from ontologies.digital_buildings.marked_yaml import Marked, load
from ontologies.digital_buildings.origins import origin_in

_METADATA = "CONFIG_METADATA"
_TEXTS = ("code", "type", "display_name", "cloud_device_id", "etag", "operation")
_KNOWN = frozenset((*_TEXTS, "id", "guid", "description", "update_mask", "connections", "links", "translation"))
_TRANSLATION = frozenset(("present_value", "units", "unit_values", "states", "value_range"))
_COMPLIANT = "COMPLIANT"


def read_config(text: str) -> tuple[Config, list[Problem]]:
    """Read a config. Raises FormatError where the text is not YAML."""
    reader = _Reader()
    document = load(text)
    if document is not None:
        reader.document(document)
    _name_by_guid(reader.config)
    lines = text.splitlines()
    for entity in reader.config.entities.values():
        entity.origin = origin_in(lines[entity.line - 1])
        for item in entity.translation.values():
            item.origin = origin_in(lines[item.line - 1])
    return reader.config, reader.problems


def _name_by_guid(config: Config) -> None:
    """Let connections and links name their sources by GUID, which the older format names by code as well."""
    guids = {entity.code: entity.guid for entity in config.entities.values() if entity.keyed_by_code}
    for entity in config.entities.values() if guids else ():
        entity.connections = [
            replace(item, source=guids.get(item.source, item.source)) for item in entity.connections
        ]
        entity.links = [replace(item, source=guids.get(item.source, item.source)) for item in entity.links]


class _Reader:
    def __init__(self) -> None:
        self.config = Config()
        self.problems: list[Problem] = []

    def _problem(self, code: str, line: int, message: str) -> None:
        self.problems.append(Problem(code, line, message))

    def document(self, document: Marked) -> None:
        if not isinstance(document.value, dict):
            self._problem("not-a-mapping", document.line, "a config is a mapping of GUIDs to entities")
            return
        self._duplicates(document, "the config")
        for key, line, value in document.items():
            if key == _METADATA:
                self._metadata(value, line)
            else:
                self._entity(key, line, value)

    def _duplicates(self, value: Marked, where: str) -> None:
        for name, line, first in value.duplicates:
            self._problem("duplicate-key", line, f"{name} is twice in {where}, first in line {first}; keep one")

    def _metadata(self, value: Marked, line: int) -> None:
        operation = value.get("operation")
        if operation is None or operation.text not in CONFIG_OPERATIONS:
            allowed = ", ".join(CONFIG_OPERATIONS)
            self._problem("config-operation", line, f"operation of {_METADATA} must be one of {allowed}")
        else:
            self.config.operation, self.config.declared = operation.text or "", True

    def _entity(self, key: str, line: int, value: Marked) -> None:
        entity = Entity(key, line)
        if not isinstance(value.value, dict):
            self._problem("not-a-mapping", line, f"{key}: an entity is a mapping with type, code and so on")
            return
        self._duplicates(value, f"the entity {key}")
        guid = value.get("guid")
        if guid is not None and guid.text:
            entity.guid, entity.code, entity.keyed_by_code = guid.text, key, True
        for name, at, member in value.items():
            entity.lines[name] = at
            self._member(entity, name, at, member)
        if entity.guid in self.config.entities:
            self._problem("duplicate-key", line, f"the GUID {entity.guid} is there twice; keep one")
        self.config.entities[entity.guid] = entity

    def _member(self, entity: Entity, name: str, line: int, value: Marked) -> None:
        if name not in _KNOWN:
            known = ", ".join(sorted(_KNOWN))
            self._problem("unknown-key", line, f"{entity.guid} has the key {name}; the known ones are {known}")
        elif name in _TEXTS:
            self._text(entity, name, line, value)
        elif name == "update_mask":
            self._mask(entity, line, value)
        elif name == "connections":
            self._connections(entity, value)
        elif name == "links":
            self._links(entity, value)
        elif name == "translation":
            self._translations(entity, line, value)

    def _text(self, entity: Entity, name: str, line: int, value: Marked) -> None:
        if value.text is None:
            self._problem("not-a-text", line, f"{name} of {entity.guid} must be a text")
            return
        setattr(entity, name, value.text)
        if name == "operation" and value.text not in ENTITY_OPERATIONS:
            allowed = ", ".join(ENTITY_OPERATIONS)
            self._problem("entity-operation", line, f"operation {value.text} of {entity.guid}; there are {allowed}")

    def _mask(self, entity: Entity, line: int, value: Marked) -> None:
        names = [item.text for item in value]
        if not isinstance(value.value, list) or None in names:
            self._problem(
                "update-mask", line, f"update_mask of {entity.guid} must be a list, each in a line with a dash"
            )
            entity.update_mask = ()
            return
        entity.update_mask = tuple(str(name) for name in names)
        for name in names:
            if name not in _KNOWN and name != "connection":  # as some write it
                self._problem("update-mask", line, f"update_mask of {entity.guid} has {name}, which no entity has")
        if len(set(names)) < len(names):
            self._problem("update-mask", line, f"update_mask of {entity.guid} names something twice")

    def _connections(self, entity: Entity, value: Marked) -> None:
        self._duplicates(value, f"the connections of {entity.guid}")
        for source, line, kinds in value.items():
            listed = list(kinds) if isinstance(kinds.value, list) else [kinds]
            for kind in listed:
                if kind.text is None:
                    self._problem("connection", line, f"the connection from {source} to {entity.guid} has no kind")
                else:
                    entity.connections.append(Connection(source, kind.text, kind.line))

    def _links(self, entity: Entity, value: Marked) -> None:
        self._duplicates(value, f"the links of {entity.guid}")
        for source, line, fields in value.items():
            if not isinstance(fields.value, dict):
                self._problem("link", line, f"the link of {entity.guid} to {source} must be a mapping of fields")
                continue
            self._duplicates(fields, f"the link of {entity.guid} to {source}")
            for field, at, source_field in fields.items():
                if source_field.text is None:
                    self._problem("link", at, f"the link {field} of {entity.guid} names no field of {source}")
                else:
                    entity.links.append(Link(source, field, source_field.text, at))

    def _translations(self, entity: Entity, line: int, value: Marked) -> None:
        if value.text == _COMPLIANT:
            return
        if not isinstance(value.value, dict):
            message = f"translation of {entity.guid} must be a mapping of fields, or {_COMPLIANT}"
            self._problem("translation", line, message)
            return
        self._duplicates(value, f"the translation of {entity.guid}")
        for field, at, content in value.items():
            entity.translation[field] = self._translation(entity, field, at, content)

    def _translation(self, entity: Entity, field: str, line: int, value: Marked) -> Translation:
        found = Translation(field, line)
        if value.text == "MISSING":
            found.missing = True
        elif value.text is not None:  # the older format: the field's name in the message
            found.present_value = f"points.{value.text}.present_value"
        elif isinstance(value.value, dict):
            self._duplicates(value, f"{field} of {entity.guid}")
            for name, at, member in value.items():
                self._detail(entity, found, name, at, member)
            if found.present_value is None:
                self._problem("present-value", line, f"{field} of {entity.guid} has no present_value")
        else:
            self._problem(
                "translation", line, f"{field} of {entity.guid} says nothing; give present_value, or MISSING"
            )
        return found

    def _detail(self, entity: Entity, found: Translation, name: str, line: int, value: Marked) -> None:
        where = f"{found.name} of {entity.guid}"
        match name:
            case "present_value" | "value_range":
                if value.text is None:
                    self._problem("not-a-text", line, f"{name} of {where} must be a text")
                else:
                    setattr(found, name, value.text)
            case "units":
                self._units(found, line, value, where)
            case "unit_values":  # the older format, which has the units without their key
                found.units = self._names(value, where, "unit_values")
            case "states":
                self._states(found, value, where)
            case _:
                known = ", ".join(sorted(_TRANSLATION))
                self._problem("translation-key", line, f"{where} has the key {name}; the known ones are {known}")

    def _units(self, found: Translation, line: int, value: Marked, where: str) -> None:
        key, values = value.get("key"), value.get("values")
        if key is None or key.text is None or values is None:
            self._problem("units", line, f"units of {where} must have key and values")
        else:
            found.units_key = key.text
        if values is not None:
            found.units = self._names(values, where, "units")

    def _names(self, value: Marked, where: str, what: str) -> dict[str, str]:
        self._duplicates(value, f"{what} of {where}")
        named = {key: member.text for key, _, member in value.items() if member.text is not None}
        for key, line, member in value.items():
            if member.text is None:
                self._problem(what, line, f"{key} in {what} of {where} has no value")
        return named

    def _states(self, found: Translation, value: Marked, where: str) -> None:
        self._duplicates(value, f"states of {where}")
        seen: dict[str, str] = {}
        for state, line, member in value.items():
            raw = [item.text for item in (member if isinstance(member.value, list) else [member])]
            if None in raw or not raw:
                self._problem("state-value", line, f"the state {state} of {where} has no value of the device")
                continue
            found.states[state] = tuple(str(item) for item in raw)
            for item in found.states[state]:
                if item in seen:
                    message = f"{item!r} stands for {seen[item]} and for {state} in {where}; keep one"
                    self._problem("state-duplicate", line, message)
                seen[item] = state
