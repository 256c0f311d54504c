"""Models that came with twins, and are written with them again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import cast

from ontologies.adt.terms import class_of, property_of
from ontologies.adt.twins import Json
from ontologies.dtdl import Element, Undefined, read_models


class StoredModels:
    """Models by DTMI, in an order in which each stands after what it needs."""

    def __init__(self, documents: Iterable[dict[str, Json]]) -> None:
        found = {str(document["@id"]): document for document in documents}
        self._models = read_models(list(found.values()), Undefined.ALWAYS)
        self.documents = _ordered(found)
        self._classes = {class_of(name).value: name for name in found}
        self._contents: dict[str, dict[str, Element]] = {}
        self._names: dict[str, dict[tuple[str, bool], str]] = {}

    def __contains__(self, model: str) -> bool:
        return model in self._models.interfaces

    def model_of(self, iri: str) -> str | None:
        """Return the model of a class."""
        return self._classes.get(iri)

    def _declared(self, model: str) -> Mapping[str, Element]:
        if model not in self._contents:
            self._contents[model] = self._models.contents(model)
        return self._contents[model]

    def name(self, model: str, predicate: str, *, is_relationship: bool) -> str | None:
        """Return what a model calls a property of RDF, as a relationship or else as a property or component."""
        if model not in self._names:
            self._names[model] = {
                (property_of(name, element.interface).value, element.kind == "Relationship"): name
                for name, element in self._declared(model).items()
                if element.kind in ("Property", "Component", "Relationship")
            }
        return self._names[model].get((predicate, is_relationship))

    def shaped(self, model: str, name: str, values: list[Json]) -> Json:
        """Return values as the model wants them: structures from their JSON, and components without a type."""
        element = self._declared(model)[name]
        schema = next(iter(element.many("schema")), None)
        value = values[0]
        if element.kind == "Component" and isinstance(value, dict):
            return {"$metadata": {}, **{key: item for key, item in value.items() if key != "type"}}
        structured = not isinstance(schema, Element) or schema.kind != "Enum"
        if isinstance(value, str) and isinstance(schema, Element) and structured:
            return _parsed(value)
        return value

    def with_components(self, model: str, properties: dict[str, Json]) -> dict[str, Json]:
        """Add the components of a model that a twin says nothing of: Azure wants each to be there."""
        absent: dict[str, Json] = {
            name: {"$metadata": {}}
            for name, element in self._declared(model).items()
            if element.kind == "Component" and name not in properties
        }
        return {**properties, **absent}


def _parsed(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _ordered(documents: Mapping[str, dict[str, Json]]) -> list[dict[str, Json]]:
    done: dict[str, dict[str, Json]] = {}

    def visit(name: str, above: frozenset[str]) -> None:
        if name in done or name in above or name not in documents:
            return
        for needed in _needed(documents[name]):
            visit(needed, above | {name})
        done[name] = documents[name]

    for name in sorted(documents):
        visit(name, frozenset())
    return list(done.values())


def _needed(document: Mapping[str, Json]) -> list[str]:
    extends = document.get("extends") or []
    needed = extends if isinstance(extends, list) else [extends]
    contents = document.get("contents") or []
    parts = contents if isinstance(contents, list) else [contents]
    needed = [*needed, *(part.get("schema") for part in parts if isinstance(part, dict))]
    return cast("list[str]", [name for name in needed if isinstance(name, str)])
