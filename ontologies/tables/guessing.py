"""The roles of a table's columns, guessed by their names, and where these say nothing by what is in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from ontologies.data_tables import read_table
from ontologies.identity import parse_uuid
from ontologies.tables.mapping import EQUIPMENT, POINTS, ColumnMapping, Role
from ontologies.tables.sheets import Sheet
from ontologies.tables.vocabulary import class_named, object_named, object_type, plain, unit_named

_HEADERS = Path(__file__).parent / "data" / "headers.csv"
_LOOKED_AT = 200
_FLAGS = frozenset(
    ("", "x", "y", "n", "yes", "no", "true", "false", "ja", "nein", "j", "oui", "non", "0", "1", "on", "off")
)
_MOST = 0.6  # of the cells that must be of a kind
_OF_POINTS = frozenset(
    (Role.UNIT, Role.SERIES, Role.BACNET_DEVICE, Role.BACNET_OBJECT, Role.OBJECT_TYPE, Role.OBJECT_INSTANCE)
)
_BY_CONTENT: tuple[tuple[Role, Callable[[str], object]], ...] = (
    (Role.BACNET_OBJECT, object_named),
    (Role.SERIES, parse_uuid),
    (Role.CLASS, class_named),
    (Role.UNIT, unit_named),
)


@lru_cache(maxsize=1)
def _headers() -> Mapping[str, Role]:
    rows = read_table(_HEADERS, ("header", "role"))
    return MappingProxyType({plain(row["header"]): Role(row["role"]) for row in rows})


def guess(sheet: Sheet) -> ColumnMapping:
    """Return the mapping of a table, all of whose columns it has."""
    roles: dict[str, Role] = {}
    for name in sheet.header.cells:
        role = _of_content(_headers().get(plain(name)), sheet, name)
        if role is not None and role not in roles.values():
            roles[name] = role
    for at, name in enumerate(sheet.header.cells):
        if name not in roles:
            roles[name] = _by_content(sheet.column(at)[:_LOOKED_AT], set(roles.values()))
    _name_something(sheet, roles)
    kind = _kind(roles)
    if kind == EQUIPMENT:
        roles = {name: _of_equipment(role, roles) for name, role in roles.items()}
    return ColumnMapping(kind, {name: roles[name] for name in sheet.header.cells})


def _of_content(role: Role | None, sheet: Sheet, name: str) -> Role | None:
    """Return what a column is whose name says one thing, and its cells another."""
    cells = sheet.column(sheet.header.cells.index(name))[:_LOOKED_AT]
    if role is Role.SERIES and (len(set(cells)) < len(cells) or _FLAGS.issuperset(map(plain, cells))):
        return None  # whether there is a trend, not which
    if role is Role.CLASS and cells and sum(object_type(cell) is not None for cell in cells) >= _MOST * len(cells):
        return Role.OBJECT_TYPE
    return role


def is_table(sheet: Sheet) -> bool:
    """Tell whether a table is one of points or equipment: it has names, and tells something of them that we know."""
    roles = {_headers().get(plain(name)) for name in sheet.header.cells} - {None, Role.DESCRIPTION, Role.LABEL}
    return bool(roles & {Role.ID, Role.NAME, Role.EQUIPMENT}) and len(roles) > 1


def _by_content(cells: Sequence[str], played: set[Role]) -> Role:
    for role, is_one in _BY_CONTENT:
        if role not in played and cells and sum(is_one(cell) is not None for cell in cells) >= _MOST * len(cells):
            return role
    return Role.KEEP


def _name_something(sheet: Sheet, roles: dict[str, Role]) -> None:
    """Where no column has the names, take the first whose cells are all different."""
    if {Role.ID, Role.NAME, Role.EQUIPMENT} & set(roles.values()):
        return
    for at, name in enumerate(sheet.header.cells):
        cells = sheet.column(at)
        if roles[name] is Role.KEEP and len(cells) == len(sheet.rows) == len(set(cells)):
            roles[name] = Role.NAME
            return


def _kind(roles: Mapping[str, Role]) -> str:
    played = set(roles.values())
    named = {Role.ID, Role.NAME} & played
    if played & _OF_POINTS or (named and Role.EQUIPMENT in played):
        return POINTS
    return EQUIPMENT if played & {Role.EQUIPMENT, Role.FEEDS, Role.EQUIPMENT_CLASS, Role.PART_OF} else POINTS


def _of_equipment(role: Role, roles: Mapping[str, Role]) -> Role:
    """In a table of equipment its column is the name, and the class is its class."""
    named = {Role.ID, Role.NAME} & set(roles.values())
    if role is Role.EQUIPMENT:
        return Role.KEEP if named else Role.NAME
    if role is Role.EQUIPMENT_CLASS and Role.CLASS not in roles.values():
        return Role.CLASS
    return role
