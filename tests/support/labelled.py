"""Buildings whose points somebody has classed by hand: names with their Brick class, from the shared data."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pyoxigraph import NamedNode, RdfFormat, parse

from ontologies.namespaces import BRICK
from ontologies.point_terms import is_point_class
from ontologies.tagging.classes import point_classes
from ontologies.tagging.evidence import PointText

DEVELOPED_ON = ("mortar-bldg1", "ciee", "rice", "soda", "medium-office", "alpha", "hhw-a")
HELD_BACK = ("bravo", "hhw-b", "carytown")
# Heating plants, of one set and one hand: some to develop on, the others held back.
_PLANTS = {"hhw-a": ("29", "53", "105"), "hhw-b": ("34", "110", "124", "127")}
_MODELS = {
    "mortar-bldg1": "mortar-bldg1/model.ttl",
    "ciee": "ciee.ttl",
    "rice": "rice_brick.ttl",
    "soda": "soda_brick.ttl",
    "medium-office": "mediumOffice_brick.ttl",
}
_SITES = {
    "alpha": "project-haystack-examples/alpha.trio",
    "bravo": "project-haystack-examples/bravo.trio",
    "carytown": "carytown/carytown.trio",
}
_LABELS = ("pointname", "schema#label")
_HAYSTACK = {"temp": "temperature", "sp": "setpoint", "cmd": "command", "cool": "cooling", "heat": "heating"}
# What the class does not say: the record's own business, and equipment.
_BESIDE = set("point his cur writable sensor cmd sp equip ahu vav elec hvac summary sitePoint".split())  # noqa: SIM905
_TYPES = {"Number": "analog", "Bool": "binary", "Str": "multi-state"}


@dataclass(frozen=True, slots=True)
class Labelled:
    """A point's texts and its class; for points of Haystack sites also the tags."""

    text: PointText
    truth: str
    tags: frozenset[str] = frozenset()


def labelled(folder: Path, name: str) -> list[Labelled]:
    """Return the points of a building. Classes that Brick has replaced stand as what replaced them."""
    if name in _SITES:
        return list(_site(folder / "haystack" / "sites" / _SITES[name]))
    brick = folder / "brick"
    plants = [path for number in _PLANTS.get(name, ()) for path in (brick / "hhw").glob(f"building_{number}_*.ttl")]
    models = plants or [brick / _MODELS[name]]
    return [point for model in models for point in _model(model)]


def _model(path: Path) -> Iterator[Labelled]:
    classes: defaultdict[str, set[str]] = defaultdict(set)
    names: dict[str, str] = {}
    for quad in parse(path=str(path), format=RdfFormat.TURTLE, lenient=True):
        if isinstance(quad.object, NamedNode) and is_point_class(quad.object.value):
            classes[str(quad.subject.value)].add(re.split("[#/]", quad.object.value)[-1])
        elif quad.predicate.value.endswith(_LABELS):
            names[str(quad.subject.value)] = str(quad.object.value)
    for iri, found in sorted(classes.items()):
        if len(found) == 1 and found != {"Point"}:
            name = re.sub(r"^https?://.*/building/", "", iri.split("#")[-1])
            label = names.get(iri, "")
            described = label if _plain(label) != _plain(name) else ""
            yield Labelled(PointText(name, described), current(found.pop()))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name)


def current(name: str) -> str:
    """Return a class of an older Brick by its present name, where Brick tells it."""
    return point_classes().replaced.get(BRICK.iri + name, name).removeprefix(BRICK.iri)


def _site(path: Path) -> Iterator[Labelled]:
    records = [_record(text) for text in re.split(r"\n-{3,}\n", path.read_text("utf-8"))]
    equipment = {record["id"]: record.get("dis") or record.get("navName", "") for record in records if "id" in record}
    by_words = {frozenset(found.name.lower().split("_")): found.name for found in point_classes().classes}
    for record in records:
        tags = frozenset(tag for tag, value in record.items() if value in ("", "M"))
        truth = _class(tags, by_words) if "point" in tags else None
        holder = equipment.get(record.get("equipRef", ""), "")
        name = _point_name(record, holder)
        if truth and name:
            yield Labelled(PointText(name, type=_object_type(record, tags), context=(holder,)), truth, tags)


def _record(text: str) -> dict[str, str]:
    found = re.findall(r"^([a-zA-Z0-9]+)(?::[ ]?(.*))?$", text, re.MULTILINE)
    record = {name: value.strip('"') for name, value in found}
    for reference in ("id", "equipRef"):
        if reference in record:
            record[reference] = record[reference].split(" ")[0]
    return record


def _point_name(record: dict[str, str], holder: str) -> str:
    """Return the name that the controller had, as far as the site keeps it."""
    source = re.search(r'(?:sourcePointName|description):"([^"]*)"', record.get("custom", ""))
    return record.get("navName") or (source[1] if source else record.get("dis", "").removeprefix(holder).strip())


def _object_type(record: dict[str, str], tags: frozenset[str]) -> str | None:
    kind = _TYPES.get(record.get("kind", ""))
    way = "input" if "sensor" in tags else "output" if "cmd" in tags else "value"
    return f"{kind}-{way}" if kind else None


def _class(tags: frozenset[str], by_words: dict[frozenset[str], str]) -> str | None:
    words = {_HAYSTACK.get(tag, tag) for tag in tags - _BESIDE}
    kinds = {"sensor": ("sensor", "status"), "cmd": ("command",), "sp": ("setpoint",)}
    choices = (kind for tag, named in kinds.items() if tag in tags for kind in named)
    named = (by_words.get(frozenset(words | {kind})) for kind in choices)
    return next((name for name in named if name and "_" in name), None)
