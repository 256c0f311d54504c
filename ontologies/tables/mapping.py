"""Which column of a table plays which role: guessed, written as TOML for a person to change, and read again."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from ontologies.errors import FormatError


class Role(Enum):
    """What a column tells of a row's point or equipment."""

    ID = "id"
    NAME = "name"
    LABEL = "label"
    DESCRIPTION = "description"
    CLASS = "class"
    UNIT = "unit"
    EQUIPMENT = "equipment"
    EQUIPMENT_CLASS = "equipment class"
    ROOM = "room"
    FLOOR = "floor"
    BUILDING = "building"
    SERIES = "series"
    STORED_AT = "stored at"
    BACNET_DEVICE = "bacnet device"
    BACNET_OBJECT = "bacnet object"
    OBJECT_TYPE = "object type"
    OBJECT_INSTANCE = "object instance"
    FEEDS = "feeds"
    PART_OF = "part of"
    KEEP = "keep"
    IGNORE = "ignore"


POINTS, EQUIPMENT = "points", "equipment"
KINDS = (POINTS, EQUIPMENT)
_MANY = frozenset((Role.KEEP, Role.IGNORE))


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """What the rows of a table are, points or equipment, and the role of each column by its name."""

    kind: str
    columns: Mapping[str, Role]

    def column(self, role: Role) -> str | None:
        """Return the column that plays a role."""
        return next((name for name, each in self.columns.items() if each is role), None)


def mapping_toml(mapping: ColumnMapping) -> str:
    """Return a mapping as TOML, with what may stand there."""
    roles = ", ".join(role.value for role in Role)
    lines = [f'rows = "{mapping.kind}"  # or "{EQUIPMENT if mapping.kind == POINTS else POINTS}"']
    lines += ["", f"# {roles}", "[columns]"]
    # A JSON text is a TOML basic string as well.
    lines += [
        f"{json.dumps(name, ensure_ascii=False)} = {json.dumps(role.value)}" for name, role in mapping.columns.items()
    ]
    return "\n".join(lines) + "\n"


def read_mapping(text: str) -> ColumnMapping:
    """Read a mapping from TOML, or from JSON of the same shape. Raises FormatError, which names what is wrong."""
    try:
        document = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except ValueError as error:  # of both
        raise FormatError(f"the mapping is not TOML: {error}") from None
    kind, columns = document.get("rows"), document.get("columns")
    if kind not in KINDS:
        raise FormatError(f"rows of the mapping must be {' or '.join(KINDS)}, not {kind!r}")
    if not isinstance(columns, dict):
        raise FormatError("the mapping has no table columns")
    return ColumnMapping(kind, {name: _role(name, value) for name, value in columns.items()})


def _role(column: str, value: object) -> Role:
    try:
        return Role(value)
    except ValueError:
        roles = ", ".join(role.value for role in Role)
        raise FormatError(f"column {column!r} of the mapping is {value!r}; there are {roles}") from None


def check_mapping(mapping: ColumnMapping, header: tuple[str, ...]) -> None:
    """Raise FormatError where a mapping does not fit a table: a column that it lacks, a role that is played twice."""
    for name in mapping.columns:
        if name not in header:
            raise FormatError(f"the mapping has a column {name!r}; the table has {', '.join(header)}")
    played: dict[Role, str] = {}
    for name, role in mapping.columns.items():
        if role not in _MANY and role in played:
            raise FormatError(f"columns {played[role]!r} and {name!r} are both {role.value}; one can be")
        played[role] = name
    if not {Role.ID, Role.NAME, Role.EQUIPMENT, Role.LABEL} & set(played):
        raise FormatError(f"no column tells the {mapping.kind} apart: one must be id or name")
