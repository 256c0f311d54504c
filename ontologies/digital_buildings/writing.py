"""Building configs as YAML."""

from __future__ import annotations

from typing import Any

import yaml

from ontologies.digital_buildings.config import Config, Entity, Translation
from ontologies.digital_buildings.origins import commented

_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def write_config(config: Config) -> str:
    """Return a config as the instance validator reads it: metadata first, then each entity by its GUID."""
    parts = [_dumped({"CONFIG_METADATA": {"operation": config.operation}})]
    for guid, entity in sorted(config.entities.items()):
        origins = {item.name: item.origin for item in entity.translation.values() if item.origin is not None}
        parts += commented(_dumped({guid: _entity(entity)}), entity.origin, origins)
    return "".join(parts)


def _dumped(document: dict[str, Any]) -> str:
    return yaml.dump(document, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=1000)


def _entity(entity: Entity) -> dict[str, Any]:
    content: dict[str, Any] = {"type": entity.type, "code": entity.code}
    for name in ("display_name", "cloud_device_id", "etag"):
        if getattr(entity, name) is not None:
            content[name] = getattr(entity, name)
    if entity.connections:
        kinds: dict[str, list[str]] = {}
        for item in sorted(entity.connections, key=lambda each: (each.source, each.kind)):
            kinds.setdefault(item.source, []).append(item.kind)
        content["connections"] = kinds
    if entity.links:
        links: dict[str, dict[str, str]] = {}
        for link in sorted(entity.links, key=lambda each: (each.source, each.field)):
            links.setdefault(link.source, {})[link.field] = link.source_field
        content["links"] = links
    if entity.translation:
        content["translation"] = {name: _translation(item) for name, item in sorted(entity.translation.items())}
    return content


def _translation(item: Translation) -> str | dict[str, Any]:
    if item.missing:
        return "MISSING"
    content: dict[str, Any] = {"present_value": item.present_value}
    if item.value_range is not None:
        content["value_range"] = item.value_range
    if item.units:
        content["units"] = {"key": item.units_key, "values": dict(item.units)}
    if item.states:
        states = {state: raw[0] if len(raw) == 1 else list(raw) for state, raw in item.states.items()}
        content["states"] = states
    return content
