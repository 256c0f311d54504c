"""A building config of Google's Digital Buildings: its entities with their translations, links and connections."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ontologies.digital_buildings.origins import Origin

INITIALIZE, UPDATE, EXPORT = "INITIALIZE", "UPDATE", "EXPORT"
CONFIG_OPERATIONS = (INITIALIZE, UPDATE, EXPORT)
ENTITY_OPERATIONS = ("ADD", "DELETE", "EXPORT", "UPDATE")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a config: its kind, line, and in words with what to do."""

    code: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


@dataclass(slots=True)
class Translation:
    """How a device's messages hold a field: ``units`` and ``states`` are its own words for the standard ones."""

    name: str
    line: int
    missing: bool = False
    present_value: str | None = None
    units_key: str | None = None
    units: dict[str, str] = field(default_factory=dict)
    states: dict[str, tuple[str, ...]] = field(default_factory=dict)
    value_range: str | None = None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A field of a virtual entity that is another entity's field."""

    source: str
    field: str
    source_field: str
    line: int


@dataclass(frozen=True, slots=True)
class Connection:
    """A relation from a source to the entity that lists it."""

    source: str
    kind: str
    line: int


@dataclass(slots=True)
class Entity:
    """An entity, by its GUID, or by its code in the older format (``keyed_by_code``)."""

    guid: str
    line: int
    code: str | None = None
    type: str | None = None
    display_name: str | None = None
    cloud_device_id: str | None = None
    etag: str | None = None
    operation: str | None = None
    update_mask: tuple[str, ...] | None = None
    keyed_by_code: bool = False
    connections: list[Connection] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    translation: dict[str, Translation] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    origin: Origin | None = None

    def at(self, member: str) -> int:
        """Return the line of a member, or the entity's own."""
        return self.lines.get(member, self.line)

    @property
    def namespace(self) -> str:
        return (self.type or "").rpartition("/")[0]

    @property
    def type_name(self) -> str:
        return (self.type or "").rpartition("/")[2]


@dataclass(slots=True)
class Config:
    """The entities of a config by GUID, and its operation; ``declared`` where the file says it."""

    operation: str = INITIALIZE
    declared: bool = False
    entities: dict[str, Entity] = field(default_factory=dict)

    def does(self, entity: Entity) -> str:
        """Return the operation on an entity: its own, or the one that the config's implies."""
        if entity.operation:
            return entity.operation
        if self.operation == INITIALIZE:
            return "ADD"
        return "UPDATE" if entity.update_mask is not None and self.operation == UPDATE else "EXPORT"


def summary(problems: Iterable[Problem], most: int = 5) -> str:
    """Return the first problems in words."""
    ordered = sorted(problems, key=lambda problem: problem.line)
    shown = "; ".join(map(str, ordered[:most]))
    return shown + (f"; and {len(ordered) - most} more" if len(ordered) > most else "")
