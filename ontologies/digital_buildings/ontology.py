"""The YAML ontology of Digital Buildings: types with their fields, states, units and connections, from its folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ontologies.digital_buildings.marked_yaml import Marked, load
from ontologies.errors import FormatError

_NUMBERED = re.compile(r"(.+?)(?:_\d+)+")


@dataclass(slots=True)
class EntityType:
    """A type: what it implements and uses by itself; ``required`` and ``optional`` are all of its fields."""

    name: str
    is_abstract: bool = False
    is_canonical: bool = False
    allows_undefined: bool = False
    implements: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    opt_uses: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()

    @property
    def fields(self) -> frozenset[str]:
        return self.required | self.optional


@dataclass(slots=True)
class Ontology:
    """Types by qualified name (``HVAC/FAN_SS``), states of each field, units by measurement, and connections."""

    types: dict[str, EntityType] = field(default_factory=dict)
    states: dict[str, frozenset[str]] = field(default_factory=dict)
    fields: set[str] = field(default_factory=set)
    units: dict[str, frozenset[str]] = field(default_factory=dict)
    connections: frozenset[str] = frozenset()

    @property
    def namespaces(self) -> frozenset[str]:
        return frozenset(name.partition("/")[0] for name in self.types if "/" in name)

    def standard_field(self, name: str) -> str | None:
        """Return the field that a name is, without its numbers; None for a name that is no field."""
        if name in self.fields:
            return name
        found = _NUMBERED.fullmatch(name)
        return found[1] if found and found[1] in self.fields else None

    def units_of(self, name: str) -> frozenset[str] | None:
        """Return the units that a field may have, None for one that measures nothing."""
        if name in self.states:
            return None
        measured = [part for part in name.split("_") if part in self.units]
        return self.units[measured[-1]] if measured else None


@lru_cache(maxsize=2)
def read_ontology(folder: Path) -> Ontology:
    """Read the folder that has ``fields``, ``units``, ``entity_types`` and a folder for each namespace.

    ``folder`` may be above it. Raises FormatError, with file and line.
    """
    root = _root(folder)
    ontology = Ontology()
    _read_fields(root, ontology)
    ontology.connections = frozenset(key for each in _files(root / "connections") for key, _, _ in each.items())
    for each in _files(root / "units"):
        for measured, _, units in each.items():
            ontology.units[measured] = frozenset(name for name, _, _ in units.items())
    for path in sorted(root.glob("**/entity_types/*.yaml")):
        namespace = path.parent.parent.relative_to(root).as_posix()
        for document in _load(path):
            _read_types(document, "" if namespace == "." else namespace, ontology)
    for name in ontology.types:
        _expand(name, ontology, frozenset())
    return ontology


def _root(folder: Path) -> Path:
    for candidate in (folder, folder / "resources", folder / "yaml" / "resources"):
        if (candidate / "fields").is_dir() and (candidate / "units").is_dir():
            return candidate
    raise FormatError(f"{folder} is no ontology of Digital Buildings: it has no folders fields and units")


def _files(folder: Path) -> Iterator[Marked]:
    for path in sorted(folder.glob("*.yaml")):
        yield from _load(path)


def _load(path: Path) -> Iterator[Marked]:
    try:
        document = load(path.read_text(encoding="utf-8"))
    except FormatError as error:
        raise FormatError(f"{path.name}: {error}", line=error.line) from None
    if document is not None:
        yield document


def _read_fields(root: Path, ontology: Ontology) -> None:
    for document in _files(root / "fields"):
        for item in document.get("literals") or ():
            if item.text is not None:
                ontology.fields.add(item.text)
            for name, _, content in item.items():
                ontology.fields.add(name)
                if isinstance(content.value, list):
                    ontology.states[name] = frozenset(state.text or "" for state in content)


def _read_types(document: Marked, namespace: str, ontology: Ontology) -> None:
    for name, _, content in document.items():
        qualified = f"{namespace}/{name}" if namespace else name
        ontology.types[qualified] = EntityType(
            qualified,
            is_abstract=_flag(content, "is_abstract"),
            is_canonical=_flag(content, "is_canonical"),
            allows_undefined=_flag(content, "allow_undefined_fields"),
            implements=_names(content, "implements"),
            uses=_names(content, "uses"),
            opt_uses=_names(content, "opt_uses"),
        )


def _flag(content: Marked, name: str) -> bool:
    found = content.get(name)
    return found is not None and found.text == "true"


def _names(content: Marked, name: str) -> tuple[str, ...]:
    found = content.get(name)
    return tuple(item.text for item in found if item.text) if found is not None else ()


def _expand(name: str, ontology: Ontology, above: frozenset[str]) -> EntityType:
    """Give a type the fields of all that it implements."""
    own = ontology.types[name]
    if own.required or own.optional or name in above:
        return own
    namespace = name.rpartition("/")[0]
    required = {_local(each) for each in own.uses}
    optional = {_local(each) for each in own.opt_uses}
    for each in own.implements:
        parent = _find(each, namespace, ontology.types)
        if parent is not None:
            expanded = _expand(parent, ontology, above | {name})
            required |= expanded.required
            optional |= expanded.optional
            own.allows_undefined = own.allows_undefined or expanded.allows_undefined
    own.required, own.optional = frozenset(required), frozenset(optional - required)
    return own


def _local(name: str) -> str:
    return name.rpartition("/")[2]


def _find(name: str, namespace: str, types: Mapping[str, EntityType]) -> str | None:
    """Return the type that a name stands for in a namespace: ``/SS`` is the global one."""
    if "/" in name:
        found = name.removeprefix("/")
        return found if found in types else None
    return next((each for each in (f"{namespace}/{name}", name) if each in types), None)
