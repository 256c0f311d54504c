"""A twin graph of Azure Digital Twins, as any of its files holds it: models, twins and relationships."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Any  # what json.loads gives
LONGEST_ID = 128


@dataclass(frozen=True, slots=True)
class Twin:
    """A digital twin: its ``$dtId``, the DTMI of its model, and its properties and components without metadata."""

    id: str
    model: str
    properties: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Relationship:
    """A relationship between two twins: its ``$relationshipId``, which its source has once, and its properties."""

    id: str
    source: str
    target: str
    name: str
    properties: Mapping[str, Json] = field(default_factory=dict)


@dataclass(slots=True)
class TwinGraph:
    """Models as parsed DTDL, twins, and relationships. ``places`` tells where in the file a twin or one is."""

    models: list[dict[str, Json]] = field(default_factory=list)
    twins: list[Twin] = field(default_factory=list)
    relationships: list[Relationship] = field(default_factory=list)
    places: dict[str | tuple[str, str], str] = field(default_factory=dict)
