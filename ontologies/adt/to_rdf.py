"""Twin graphs into quads.

A twin is an entity of its model's class; its properties and relationships are statements. A relationship that has
properties of its own is besides a node with ``adt:source``, ``adt:target``, ``adt:relationship`` and these. Maps,
objects and arrays that RDF has no structure for are JSON literals. A model that is not one of REC's or Brick's
is a class, with its definition.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from pyoxigraph import BlankNode, Literal, NamedNode, Quad

from ontologies.adt.comments import Meaning, meaning
from ontologies.adt.modelling import ID_PROPERTY
from ontologies.adt.terms import ADT, class_of, is_mirrored, known_names, property_of
from ontologies.adt.twins import Json, Relationship, Twin, TwinGraph
from ontologies.dtdl import Element, Models
from ontologies.dtdl.elements import Reference
from ontologies.dtdl.vocabulary import Standard
from ontologies.formats import repair_iri
from ontologies.identifiers import Scheme, identifier_quad
from ontologies.models.form import Options
from ontologies.models.report import WITHOUT_CLASS, Report
from ontologies.namespaces import OWL, RDF, RDFS, XSD

DEFINITION = ADT["definition"]
SOURCE, TARGET, RELATIONSHIP = ADT["source"], ADT["target"], ADT["relationship"]
_JSON = RDF["JSON"]
_TYPE = RDF["type"]
_NOTHING = RDFS["Resource"]  # the class of what has none
_TYPED = {
    "boolean": "boolean",
    "date": "date",
    "dateTime": "dateTime",
    "double": "double",
    "duration": "duration",
    "float": "double",
    "integer": "integer",
    "long": "integer",
    "time": "time",
}

Node = NamedNode | BlankNode
Term = NamedNode | BlankNode | Literal


class ToRdf:
    """Turns one twin graph into quads; ``models`` are its own, read."""

    def __init__(self, graph: TwinGraph, models: Models, options: Options, report: Report) -> None:
        self._graph = graph
        self._models = models
        self._options = options
        self._report = report
        self._contents: dict[str, dict[str, Element]] = {}
        self._known: dict[tuple[str, str], tuple[NamedNode, _Shape]] = {}
        self._model_of = {twin.id: twin.model for twin in graph.twins}
        self._entities = {twin.id: self._entity(twin) for twin in graph.twins}

    def quads(self) -> Iterator[Quad]:
        """Yield the quads; the report is complete once the last one has been."""
        yield from self._classes()
        self._report_unknown()
        for twin in self._graph.twins:
            yield from self._twin(twin)
        for relationship in self._graph.relationships:
            yield from self._relationship(relationship)
        self._report.counts.update(
            models=len(self._graph.models), twins=len(self._graph.twins), relationships=len(self._graph.relationships)
        )

    def _report_unknown(self) -> None:
        missing = Counter(
            twin.model
            for twin in self._graph.twins
            if twin.model not in self._models.interfaces and not is_mirrored(twin.model)
        )
        for model, count in sorted(missing.items()):
            message = f"{count} twins have this model, which is not in the file; add it, to know their datatypes"
            self._report.add(WITHOUT_CLASS, model, message, count)

    def _quad(self, subject: Node, predicate: NamedNode, term: Term) -> Quad:
        return Quad(subject, predicate, term, self._options.graph)

    def _classes(self) -> Iterator[Quad]:
        for document in self._graph.models:
            element = self._models.interfaces.get(str(document.get("@id"))) if isinstance(document, dict) else None
            if element is not None and _meaning(element) is None:
                text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
                yield self._quad(NamedNode(element.id), DEFINITION, Literal(text, datatype=_JSON))
        for element in self._models.interfaces.values():
            if not is_mirrored(element.id) and _meaning(element) is None:
                yield from self._class(element)

    def _class(self, element: Element) -> Iterator[Quad]:
        node = self._class_of(element.id)
        yield self._quad(node, RDF["type"], OWL["Class"])
        for name, predicate in (("displayName", RDFS["label"]), ("description", RDFS["comment"])):
            texts = element.properties.get(name)
            for language, text in texts.items() if isinstance(texts, dict) else ():
                yield self._quad(node, predicate, Literal(text, language=language))
        for base in element.many("extends"):
            name = base.id if isinstance(base, Element) else base.dtmi
            yield self._quad(node, RDFS["subClassOf"], self._class_of(name))

    def _class_of(self, model: str) -> NamedNode:
        element = self._models.interfaces.get(model)
        said = _meaning(element) if element is not None else None
        return _iri(said.iri) if said is not None and said.iri else class_of(model)

    def _entity(self, twin: Twin) -> NamedNode:
        iri = twin.properties.get(ID_PROPERTY)
        element = self._declared(twin.model).get(ID_PROPERTY) if isinstance(iri, str) else None
        said = _meaning(element) if element is not None else None
        return _iri(str(iri)) if said is not None and said.is_id else self._named(twin.id)

    def _named(self, identifier: str) -> NamedNode:
        return NamedNode(self._options.base + quote(identifier, safe="!$&'()*+,;=:@-._~"))

    def _declared(self, model: str) -> Mapping[str, Element]:
        if model not in self._contents:
            self._contents[model] = self._models.contents(model)
        return self._contents[model]

    def _twin(self, twin: Twin) -> Iterator[Quad]:
        entity = self._entities[twin.id]
        kind = self._class_of(twin.model)
        if kind != _NOTHING:
            yield self._quad(entity, _TYPE, kind)
        yield identifier_quad(entity, Scheme.ADT, twin.id, self._options.graph)
        for name, value in twin.properties.items():
            yield from self._property(entity, twin.model, name, value)

    def _property(self, entity: Node, model: str, name: str, value: Json) -> Iterator[Quad]:
        key = (model, name)
        if key not in self._known:
            element = self._declared(model).get(name)
            self._known[key] = (self._predicate(name, element, model), _Shape.of(name, element))
        predicate, shape = self._known[key]
        if shape.said is None or not shape.said.is_id:
            yield from self._statements(entity, predicate, value, shape, model)

    def _predicate(self, name: str, element: Element | None, model: str) -> NamedNode:
        said = _meaning(element) if element is not None else None
        if said is not None and said.iri:
            return _iri(said.iri)
        return property_of(name, element.interface if element is not None else model)

    def _statements(
        self, entity: Node, predicate: NamedNode, value: Json, shape: _Shape, model: str
    ) -> Iterator[Quad]:
        if isinstance(value, list) and shape.said is not None:
            for item in value:
                yield from self._statements(entity, predicate, item, shape.of_items(), model)
            return
        if (
            isinstance(value, dict)
            and isinstance(fields := self._fields(shape, model), dict)
            and set(value) <= set(fields)
        ):
            node = BlankNode()
            yield self._quad(entity, predicate, node)
            if shape.component is not None:
                yield self._quad(node, RDF["type"], self._class_of(shape.component))
            for name, item in value.items():
                inner, field = fields[name]
                yield from self._statements(node, inner, item, field, model)
            return
        yield self._quad(entity, predicate, shape.term(value))

    def _fields(self, shape: _Shape, model: str) -> dict[str, tuple[NamedNode, _Shape]] | None:
        """Return the property and shape of each field of an object or component, None where one is not known."""
        if shape.component is None:
            return shape.fields(model)
        declared = self._declared(shape.component)
        return {
            name: (self._predicate(name, element, shape.component), _Shape.of(name, element))
            for name, element in declared.items()
        } or None

    def _relationship(self, item: Relationship) -> Iterator[Quad]:
        place = self._graph.places.get((item.source, item.id), item.id)
        for end in (item.source, item.target):
            if end not in self._entities:
                self._report.add(WITHOUT_CLASS, place, f"{item.name}: the twin {end!r} is not in the file")
        source = self._entities.get(item.source) or self._named(item.source)
        target = self._entities.get(item.target) or self._named(item.target)
        model = self._model_of.get(item.source, "")
        element = self._declared(model).get(item.name)
        predicate = self._predicate(item.name, element, model)
        yield self._quad(source, predicate, target)
        if item.properties:
            yield from self._qualified(item, source, predicate, target, element)

    def _qualified(
        self, item: Relationship, source: NamedNode, predicate: NamedNode, target: NamedNode, element: Element | None
    ) -> Iterator[Quad]:
        node = NamedNode(f"{source.value}/relationship/{quote(item.id, safe='')}")
        yield self._quad(node, SOURCE, source)
        yield self._quad(node, RELATIONSHIP, predicate)
        yield self._quad(node, TARGET, target)
        yield identifier_quad(node, Scheme.ADT, item.id, self._options.graph)
        declared = {each.name: each for each in element.inside("properties")} if element is not None else {}
        for name, value in item.properties.items():
            inner = declared.get(name)
            yield self._quad(node, self._predicate(name, inner, ""), _Shape.of(name, inner).term(value))


class _Shape:
    """What is known of a value: its name, its schema in the model, and what a generated model says of it."""

    def __init__(self, name: str, schema: object, said: Meaning | None) -> None:
        self.name = name
        self.schema = schema
        self.said = said

    @classmethod
    def of(cls, name: str, element: Element | None) -> _Shape:
        if element is None:
            return cls(name, None, None)
        return cls(name, next(iter(element.many("schema")), None), _meaning(element))

    @property
    def component(self) -> str | None:
        """Return the interface of a component."""
        match self.schema:
            case Reference():
                return self.schema.dtmi
            case Element(kind="Interface"):
                return self.schema.id
            case _:
                return None

    def of_items(self) -> _Shape:
        inner = next(iter(self.schema.many("elementSchema")), None) if isinstance(self.schema, Element) else None
        return _Shape(self.name, inner, self.said)

    def fields(self, model: str) -> dict[str, tuple[NamedNode, _Shape]] | None:
        """Return the property and shape of each field of an object, None where one is not known in RDF."""
        if isinstance(self.schema, Element):
            if self.schema.kind != "Object":
                return None
            found: dict[str, tuple[NamedNode, _Shape]] = {}
            for field in self.schema.inside("fields"):
                said, name = _meaning(field), field.name or ""
                known = _iri(said.iri) if said is not None and said.iri else _known(name, model)
                if known is None:
                    return None
                found[name] = (known, _Shape.of(name, field))
            return found
        if self.schema is None and is_mirrored(model) and self.name == "lastKnownValue":
            return {name: (known_names()[name][0], _Shape(name, None, None)) for name in ("timestamp", "value")}
        return None

    def term(self, value: Json) -> Term:
        kind = self.said.kind if self.said is not None else None
        if isinstance(value, str) and kind == "iri":
            return _iri(value)
        if isinstance(value, str) and kind is not None and kind.startswith("@"):
            return Literal(value, language=kind[1:])
        if isinstance(value, (dict, list)):
            return Literal(json.dumps(value, ensure_ascii=False, sort_keys=True), datatype=_JSON)
        if kind is not None:
            return Literal(_lexical(value), datatype=_iri(kind[1:-1]))
        return Literal(_lexical(value), datatype=XSD[self._datatype(value)])

    def _datatype(self, value: Json) -> str:
        schema = self.schema
        if isinstance(schema, Element) and schema.kind == "Enum":
            schema = next(iter(schema.many("valueSchema")), None)
        term = schema.term if isinstance(schema, Standard) else None
        if term is None and self.name in known_names():
            term = known_names()[self.name][1]
        fits = term in _TYPED and (isinstance(value, str) == (term in ("date", "dateTime", "duration", "time")))
        if term is not None and fits:
            return _TYPED[term]
        match value:
            case bool():
                return "boolean"
            case int():
                return "integer"
            case float():
                return "double"
            case _:
                return "string"


def _iri(text: str) -> NamedNode:
    return NamedNode(repair_iri(text))


def _known(name: str, model: str) -> NamedNode | None:
    return known_names()[name][0] if is_mirrored(model) and name in known_names() else None


def _meaning(element: Element) -> Meaning | None:
    return meaning(element.text("comment"))


def _lexical(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)
