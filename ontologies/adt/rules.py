"""What Azure's importers ask of a twin graph: sound models, and twins and relationships as their models say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ontologies.adt.records import is_identifier
from ontologies.adt.twins import Json, Relationship, Twin, TwinGraph
from ontologies.dtdl import Element, Models
from ontologies.dtdl.elements import Reference
from ontologies.dtdl.vocabulary import Standard

LONGEST_TEXT = 4096
_LEXICAL = {
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "dateTime": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
    "duration": re.compile(r"-?P[\dYMWDTHS.]+"),
    "time": re.compile(r"\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"),
}
_TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "double": (int, float),
    "float": (int, float),
    "integer": (int,),
    "long": (int,),
    "string": (str,),
}

Breach = tuple[str, str]
"""Where in the file, and what is wrong."""


class Rules:
    """Checks a twin graph against its own models. A twin whose model is not in the file is left alone."""

    def __init__(self, graph: TwinGraph, models: Models) -> None:
        self._graph = graph
        self._models = models
        self._contents: dict[str, Mapping[str, Element]] = {}
        self._by_id = {twin.id: twin for twin in graph.twins}

    def breaches(self) -> Iterator[Breach]:
        """Yield what is wrong."""
        for twin in self._graph.twins:
            where = self._graph.places.get(twin.id, twin.id)
            if not is_identifier(twin.id):
                yield where, f"$dtId {twin.id!r} has characters or a length that Azure refuses"
            if twin.model in self._models.interfaces:
                yield from self._twin(twin, where)
        for item in self._graph.relationships:
            yield from self._relationship(item, self._graph.places.get((item.source, item.id), item.id))

    def _declared(self, model: str) -> Mapping[str, Element]:
        if model not in self._contents:
            self._contents[model] = self._models.contents(model)
        return self._contents[model]

    def _twin(self, twin: Twin, where: str) -> Iterator[Breach]:
        declared = self._declared(twin.model)
        for name, value in twin.properties.items():
            element = declared.get(name)
            if element is None or element.kind not in ("Property", "Component"):
                yield f"{where}.{name}", f"{twin.model} has no property {name}"
            elif element.kind == "Property":
                yield from self._value(value, element, f"{where}.{name}")

    def _value(self, value: Json, element: Element, where: str) -> Iterator[Breach]:
        for schema in element.many("schema") or element.many("elementSchema"):
            problem = self._problem(value, schema)
            if problem:
                yield where, problem

    def _problem(self, value: Json, schema: Element | Standard | Reference) -> str | None:
        match schema:
            case Reference():
                return None
            case Standard():
                return _primitive_problem(value, schema.term)
            case Element(kind="Enum"):
                allowed = [item.properties.get("enumValue") for item in schema.inside("enumValues")]
                return None if value in allowed else f"{value!r} is none of {allowed}"
            case Element(kind="Array"):
                if not isinstance(value, list):
                    return f"an array is needed, not {value!r}"
                inner = schema.many("elementSchema")
                return next((found for item in value for each in inner if (found := self._problem(item, each))), None)
            case Element(kind="Object"):
                return self._object_problem(value, schema)
            case _:
                return None if isinstance(value, dict) else f"an object is needed, not {value!r}"

    def _object_problem(self, value: Json, schema: Element) -> str | None:
        if not isinstance(value, dict):
            return f"an object is needed, not {value!r}"
        fields = {field.name: field for field in schema.inside("fields")}
        for name, item in value.items():
            if name not in fields:
                return f"the object has no field {name}"
            for each in fields[name].many("schema"):
                problem = self._problem(item, each)
                if problem:
                    return f"{name}: {problem}"
        return None

    def _relationship(self, item: Relationship, where: str) -> Iterator[Breach]:
        if not is_identifier(item.id):
            yield where, f"$relationshipId {item.id!r} has characters or a length that Azure refuses"
        for end in (item.source, item.target):
            if end not in self._by_id:
                yield where, f"{item.name}: the twin {end!r} is not in the file"
        source = self._by_id.get(item.source)
        if source is None or source.model not in self._models.interfaces:
            return
        element = self._declared(source.model).get(item.name)
        if element is None or element.kind != "Relationship":
            yield where, f"{source.model} has no relationship {item.name}"
            return
        target, wanted = self._by_id.get(item.target), element.properties.get("target")
        if target is not None and isinstance(wanted, str) and wanted not in self._models.bases(target.model):
            yield where, f"{item.name} leads to {wanted}, which {item.target} ({target.model}) is not"
        declared = {each.name: each for each in element.inside("properties")}
        for name, value in item.properties.items():
            if name not in declared:
                yield f"{where}.{name}", f"the relationship {item.name} of {source.model} has no property {name}"
            else:
                yield from self._value(value, declared[name], f"{where}.{name}")


def _primitive_problem(value: Json, term: str) -> str | None:
    if term in _LEXICAL:
        fits = isinstance(value, str) and _LEXICAL[term].fullmatch(value) is not None
        return None if fits else f"{value!r} is no {term}"
    types = _TYPES.get(term)
    if types is None:
        return None if isinstance(value, dict) else f"a GeoJSON object is needed, not {value!r}"
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        return f"{value!r} is no {term}"
    if isinstance(value, str) and len(value.encode()) > LONGEST_TEXT:
        return f"the text has {len(value.encode())} bytes; Azure takes {LONGEST_TEXT}"
    return None
