"""Which class a record's markers mean, and which markers a class has: two tables in ``data/``, and no guesses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pyoxigraph import NamedNode

from ontologies.catalog import find
from ontologies.data_tables import read_table
from ontologies.haystack.kinds import MARKER, Dict
from ontologies.namespaces import BRICK, OWL, RDFS, expand, modern_brick

_DATA = Path(__file__).parent / "data"
TYPES = ("point", "equip", "site", "space")
"""The types that a marker gives a record, the first that it has; without any it is `other`."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table of classes."""

    type: str
    markers: frozenset[str]
    kind: str | None
    cls: NamedNode


@dataclass(frozen=True, slots=True)
class Relation:
    """What a ref means: a relation from the record, or to it; none at all where the predicate is None.

    It is meant by a record that has all of the markers and none of the tags of ``unless``, by a ref to something of
    the kind of ``target``, if that is not empty: see `kind_of_target`.
    """

    predicate: NamedNode | None
    reverse: bool
    markers: frozenset[str]
    unless: frozenset[str]
    target: str

    def fits(self, record: Dict, target: str) -> bool:
        """Tell whether a record means it, by a ref to something of that kind."""
        return (
            self.target in ("", target)
            and all(record.get(name) is MARKER for name in self.markers)
            and self.unless.isdisjoint(record)
        )


def type_of(record: Dict) -> str:
    """Return what a record is: a point, a piece of equipment, a site, a space, or something else."""
    return next((name for name in TYPES if record.get(name) is MARKER), "other")


def class_of(record: Dict) -> Row | None:
    """Return the row of the table that fits a record best: all its markers are there, and most of them are asked for.

    Of equals the first counts.
    """
    kind = record.get("kind")
    markers = frozenset(_synonyms().get(name, name) for name, value in record.items() if value is MARKER)
    return _class_of(type_of(record), markers, kind if isinstance(kind, str) else None)


@lru_cache(maxsize=4096)
def _class_of(kind_of_record: str, markers: frozenset[str], kind: str | None) -> Row | None:
    fits = [row for row in _rows().get(kind_of_record, ()) if row.markers <= markers and row.kind in (None, kind)]
    return max(fits, key=lambda row: (len(row.markers), row.kind is not None), default=None)


def row_of(classes: Iterable[NamedNode]) -> Row | None:
    """Return the first row of the nearest of some classes, or of those above them, that the table has.

    Where several are as near, that with the most markers counts. Classes of older releases of Brick count as today's.
    """
    edge, seen = _with_names(map(modern_brick, classes)), set[NamedNode]()
    while edge:
        found = [row for cls in edge if (row := _by_class().get(cls)) is not None]
        if found:
            return max(found, key=lambda row: (len(row.markers), row.cls.value))
        seen |= edge
        edge = _with_names(above for cls in edge for above in _hierarchy().above.get(cls, ())) - seen
    return None


def _with_names(classes: Iterable[NamedNode]) -> set[NamedNode]:
    """Return classes and those that are the same under another name."""
    found = set(classes)
    edge = found
    while edge:
        edge = {same for cls in edge for same in _hierarchy().same.get(cls, ())} - found
        found |= edge
    return found


def relations_of(kind_of_record: str, tag: str) -> tuple[Relation, ...]:
    """Return what a ref of that name can mean for a record of that type; the first that fits counts."""
    return _relations().get((kind_of_record, tag), ())


def kind_of_target(cls: NamedNode | None) -> str:
    """Return what a class is to relations that lead to it: ``system``, ``meter of a building``, or nothing."""
    name = cls.value.rpartition("#")[2] if cls is not None else ""
    if name.endswith(("System", "_Loop", "_Array", "Collection")):
        return "system"
    return "meter of a building" if name.startswith("Building_") and name.endswith("_Meter") else ""


@lru_cache(maxsize=1)
def relation_predicates() -> frozenset[NamedNode]:
    """Return the relations that refs can mean."""
    relations = (relation.predicate for found in _relations().values() for relation in found)
    return frozenset(predicate for predicate in relations if predicate is not None)


@lru_cache(maxsize=1)
def _rows() -> Mapping[str, tuple[Row, ...]]:
    rows: defaultdict[str, list[Row]] = defaultdict(list)
    for row in read_table(_DATA / "classes.csv", ("type", "markers", "kind", "class")):
        read = Row(row["type"], frozenset(row["markers"].split()), row["kind"] or None, expand(row["class"]))
        rows[read.type].append(read)
    return {name: tuple(found) for name, found in rows.items()}


@lru_cache(maxsize=1)
def _by_class() -> Mapping[NamedNode, Row]:
    first: dict[NamedNode, Row] = {}
    for row in (row for rows in _rows().values() for row in rows):
        first.setdefault(row.cls, row)
    return first


@lru_cache(maxsize=1)
def _synonyms() -> Mapping[str, str]:
    return {row["marker"]: row["now"] for row in read_table(_DATA / "synonyms.csv", ("marker", "now"))}


@lru_cache(maxsize=1)
def _relations() -> Mapping[tuple[str, str], tuple[Relation, ...]]:
    found: defaultdict[tuple[str, str], list[Relation]] = defaultdict(list)
    columns = ("type", "tag", "relation", "reverse", "markers", "unless", "target")
    for row in read_table(_DATA / "relations.csv", columns):
        predicate = expand(row["relation"]) if row["relation"] else None
        markers, unless = frozenset(row["markers"].split()), frozenset(row["unless"].split())
        relation = Relation(predicate, row["reverse"] == "true", markers, unless, row["target"])
        found[row["type"], row["tag"]].append(relation)
    return {key: tuple(relations) for key, relations in found.items()}


@dataclass(frozen=True, slots=True)
class _Hierarchy:
    """What is above each class of Brick and REC, and what is the same; what replaced a class is the same."""

    above: Mapping[NamedNode, set[NamedNode]]
    same: Mapping[NamedNode, set[NamedNode]]


@lru_cache(maxsize=1)
def _hierarchy() -> _Hierarchy:
    above: defaultdict[NamedNode, set[NamedNode]] = defaultdict(set)
    same: defaultdict[NamedNode, set[NamedNode]] = defaultdict(set)
    for quad in find("brick").quads():
        subject, target = quad.subject, quad.object
        if not isinstance(subject, NamedNode) or not isinstance(target, NamedNode):
            continue
        if quad.predicate == RDFS["subClassOf"]:
            above[subject].add(target)
        elif quad.predicate in (BRICK["isReplacedBy"], OWL["equivalentClass"]):
            same[subject].add(target)
            if quad.predicate == OWL["equivalentClass"]:
                same[target].add(subject)
    return _Hierarchy(above, same)
