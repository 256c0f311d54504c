"""Quads into twin graphs.

Each named entity becomes a twin of its first class, those of Brick and RealEstateCore before others; statements
between twins become relationships, all others properties. A model that came with twins is kept; other classes get
one. What a twin has and its own model does not declare cannot be said, and is reported.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, unquote
from uuid import uuid5

from pyoxigraph import BlankNode, Literal, NamedNode, Quad

from ontologies.adt.modelling import ID_PROPERTY, Draft
from ontologies.adt.records import is_identifier
from ontologies.adt.stored import StoredModels
from ontologies.adt.terms import ADT, known_names, model_of, name_of
from ontologies.adt.to_rdf import DEFINITION, RELATIONSHIP, SOURCE, TARGET
from ontologies.adt.twins import Json, Relationship, Twin, TwinGraph
from ontologies.adt.values import Field, Schema, merged, value_of
from ontologies.identifiers import NOTATION, Scheme
from ontologies.identity import TWINHOUSE
from ontologies.models.form import Options
from ontologies.models.report import NOT_EXPRESSED, Report
from ontologies.namespaces import BRICK, OWL, RDF, RDFS, REC, SH

_TYPE = RDF["type"]
_RESOURCE = RDFS["Resource"].value
_NOT_ENTITIES = frozenset(
    term.value
    for term in (
        *(OWL[name] for name in ("Class", "Ontology", "ObjectProperty", "DatatypeProperty", "AnnotationProperty")),
        *(RDFS["Class"], RDF["Property"], RDFS["Datatype"], SH["NodeShape"], SH["PropertyShape"]),
    )
)
_DEEPEST = 4  # of objects inside objects: DTDL allows five levels of schemas, and arrays take some

Term = NamedNode | BlankNode | Literal
Statements = Mapping[NamedNode, list[Term]]


class FromRdf:
    """Turns quads into one twin graph."""

    def __init__(self, quads: Iterable[Quad], options: Options, report: Report) -> None:
        self._options = options
        self._report = report
        self._about: dict[NamedNode | BlankNode, dict[NamedNode, list[Term]]] = {}
        self._collect(quads)
        self._stored = StoredModels(self._definitions())
        self._qualified = [node for node, said in self._about.items() if RELATIONSHIP in said]
        self._entities = self._find_entities()
        self._ids = self._identify()
        self._names: dict[tuple[str, bool], str] = {}
        self._taken: dict[str, tuple[str, bool]] = {}
        self._drafts: dict[str, Draft] = {}
        self._models: dict[str, str] = {}
        self._without_models = options.settings.get("models") == "none"
        self._unkept = 0

    def graph(self) -> TwinGraph:
        """Return the twin graph."""
        graph = TwinGraph()
        rows = [self._row(entity) for entity in self._entities]
        self._models = {self._ids[row.entity]: row.model for row in rows}
        shapes = self._shapes(rows)
        graph.twins = [self._twin(row, shapes) for row in rows]
        graph.relationships = [item for row in rows for item in self._relationships(row)]
        graph.relationships = self._with_properties(graph.relationships)
        if self._unkept:
            message = f"{self._unkept} twins have no place for their IRIs: read the file with the base that they have"
            self._report.add(NOT_EXPRESSED, "", message, self._unkept)
        if not self._without_models:
            graph.models = [*self._stored.documents, *(self._drafts[key].document() for key in sorted(self._drafts))]
        self._report.counts.update(
            models=len(graph.models), twins=len(graph.twins), relationships=len(graph.relationships)
        )
        return graph

    def _collect(self, quads: Iterable[Quad]) -> None:
        seen: set[tuple[object, object, object]] = set()
        for quad in quads:
            subject, term = quad.subject, quad.object
            key = (subject, quad.predicate, term)
            if not isinstance(subject, (NamedNode, BlankNode)) or not isinstance(
                term, (NamedNode, BlankNode, Literal)
            ):
                self._report.add(
                    NOT_EXPRESSED, str(quad.subject), "statements about statements have no place in a twin"
                )
            elif key not in seen:
                seen.add(key)
                self._about.setdefault(subject, {}).setdefault(quad.predicate, []).append(term)

    def _definitions(self) -> Iterator[dict[str, Json]]:
        for said in self._about.values():
            for term in said.get(DEFINITION, ()):
                if isinstance(term, Literal):
                    yield json.loads(term.value)

    def _find_entities(self) -> list[NamedNode]:
        skipped = 0
        found: list[NamedNode] = []
        qualified = set(self._qualified)
        for node, said in self._about.items():
            types = {term.value for term in said.get(_TYPE, ()) if isinstance(term, NamedNode)}
            if not isinstance(node, NamedNode) or node in qualified or DEFINITION in said:
                continue
            if types & _NOT_ENTITIES:
                skipped += 1
            else:
                found.append(node)
        if skipped:
            self._report.add(NOT_EXPRESSED, "", f"{skipped} classes, properties and shapes are no twins", skipped)
        return sorted(found, key=lambda node: node.value)

    def _identify(self) -> dict[NamedNode, str]:
        ids: dict[NamedNode, str] = {}
        taken: dict[str, NamedNode] = {}
        for entity in self._entities:
            for wanted in self._wanted(entity):
                if is_identifier(wanted) and wanted not in taken:
                    ids[entity], taken[wanted] = wanted, entity
                    break
        return ids

    def _wanted(self, entity: NamedNode) -> Iterator[str]:
        for term in sorted(self._about[entity].get(NOTATION, ()), key=str):
            if isinstance(term, Literal) and term.datatype == Scheme.ADT.value:
                yield term.value
        local = entity.value.removeprefix(self._options.base)
        if local != entity.value:
            yield unquote(local)
        name = name_of(entity.value)
        yield name
        yield f"{name[:100]}-{hashlib.sha256(entity.value.encode()).hexdigest()[:12]}"

    def _row(self, entity: NamedNode) -> _Row:
        types = sorted(
            {term for term in self._about[entity].get(_TYPE, ()) if isinstance(term, NamedNode)},
            key=lambda term: (term not in BRICK, term not in REC, term.value),
        )
        iri = types[0].value if types else _RESOURCE
        row = _Row(entity, self._stored.model_of(iri) or self._model(iri))
        if row.model not in self._stored:
            self._drafts.setdefault(row.model, Draft(row.model, iri))
        for predicate, terms in self._about[entity].items():
            for term in terms:
                self._sort(row, predicate, term, types[:1])
        return row

    def _model(self, iri: str) -> str:
        dtmi = model_of(iri)
        while dtmi in self._drafts and self._drafts[dtmi].iri != iri:
            dtmi = model_of(f"{dtmi.partition(';')[0]}_2;1")
        return dtmi

    def _sort(self, row: _Row, predicate: NamedNode, term: Term, main: list[NamedNode]) -> None:
        if predicate == _TYPE and term in main:
            return
        if predicate == NOTATION and isinstance(term, Literal) and term.datatype == Scheme.ADT.value:
            return
        is_relationship = isinstance(term, NamedNode) and term in self._ids
        name = self._name(row.model, predicate, is_relationship=is_relationship)
        if name is None:
            message = f"{row.model} declares nothing for {predicate.value}"
            self._report.add(NOT_EXPRESSED, row.entity.value, message)
        elif isinstance(term, NamedNode) and is_relationship:
            row.relationships.append((name, predicate, term))
        else:
            row.values[name].append((predicate, *self._value(term, 0)))

    def _name(self, model: str, predicate: NamedNode, *, is_relationship: bool) -> str | None:
        if model in self._stored:
            return self._stored.name(model, predicate.value, is_relationship=is_relationship)
        key = (predicate.value, is_relationship)
        if key not in self._names:
            name = _known_names().get(predicate.value) or name_of(predicate.value.removeprefix(ADT.iri))
            while name in self._taken or name == ID_PROPERTY:
                name += "Value" if not is_relationship else "To"
            self._names[key], self._taken[name] = name, key
        if is_relationship:
            self._drafts[model].relationships[self._names[key]] = predicate.value
        return self._names[key]

    def _value(self, term: Term, depth: int) -> tuple[Json, Schema]:
        if not isinstance(term, BlankNode):
            return value_of(term)
        if depth >= _DEEPEST:
            self._report.add(NOT_EXPRESSED, str(term), "blank nodes are nested deeper than DTDL allows objects")
            return {}, Schema("Object")
        value: dict[str, Json] = {}
        fields: dict[str, Field] = {}
        for predicate, terms in self._about.get(term, {}).items():
            name = _known_names().get(predicate.value) or name_of(predicate.value)
            while name in fields:
                name += "Value"
            items = [self._value(inner, depth + 1) for inner in terms]
            schema = merged(schema for _, schema in items) or Schema("string")
            many = len(items) > 1
            fields[name] = Field(predicate.value, Schema(schema.term, schema.kind, schema.fields, many))
            value[name] = [item for item, _ in items] if many else items[0][0]
        return value, Schema("Object", None, fields)

    def _shapes(self, rows: list[_Row]) -> dict[tuple[str, str], Field]:
        """Return the one schema of each property of a model that is to be made."""
        schemas: defaultdict[tuple[str, str], list[Schema]] = defaultdict(list)
        predicates: dict[tuple[str, str], NamedNode] = {}
        for row in rows:
            for name, values in row.values.items():
                key = (row.model, name)
                predicates[key] = values[0][0]
                schemas[key] += [
                    Schema(schema.term, schema.kind, schema.fields, len(values) > 1) for _, _, schema in values
                ]
        shapes: dict[tuple[str, str], Field] = {}
        for key, found in schemas.items():
            model, name = key
            one = merged(found)
            if one is None:
                one = Schema("string", many=any(schema.many for schema in found))
                if model not in self._stored:
                    message = f"{model}.{name} has values of several datatypes; they are written as texts"
                    self._report.add(NOT_EXPRESSED, predicates[key].value, message)
            shapes[key] = Field(predicates[key].value, one)
            if model not in self._stored:
                self._drafts[model].properties[name] = shapes[key]
        return shapes

    def _twin(self, row: _Row, shapes: Mapping[tuple[str, str], Field]) -> Twin:
        properties: dict[str, Json] = {}
        for name, values in row.values.items():
            shape = shapes[row.model, name].schema
            if row.model in self._stored:
                properties[name] = self._stored.shaped(row.model, name, [value for _, value, _ in values])
            else:
                items = [_fitted(value, shape) for _, value, _ in values]
                properties[name] = items if shape.many else items[0]
        identifier = self._ids[row.entity]
        if row.model in self._stored:
            properties = self._stored.with_components(row.model, properties)
        if self._options.base + quote(identifier, safe="!$&'()*+,;=:@-._~") != row.entity.value:
            if row.model in self._stored or self._without_models:
                self._unkept += 1
            else:
                properties[ID_PROPERTY] = row.entity.value
                self._drafts[row.model].has_id = True
        return Twin(identifier, row.model, properties)

    def _relationships(self, row: _Row) -> Iterator[Relationship]:
        for name, _, target in row.relationships:
            source, end = self._ids[row.entity], self._ids[target]
            yield Relationship(str(uuid5(TWINHOUSE, json.dumps([source, name, end]))), source, end, name)

    def _with_properties(self, plain: list[Relationship]) -> list[Relationship]:
        """Give relationships the properties and ids that nodes beside them say."""
        by_ends = {(item.source, item.name, item.target): item for item in plain}
        added: list[Relationship] = []
        for node in self._qualified:
            said = self._about[node]
            terms = [term for key in (SOURCE, TARGET) for term in said.get(key, ())]
            ends = [self._ids.get(term) for term in terms if isinstance(term, NamedNode)]
            if len(ends) != 2 or None in ends:
                self._report.add(NOT_EXPRESSED, str(node), "a relationship of which an end is no twin")
                continue
            source, target = str(ends[0]), str(ends[1])
            predicate = said[RELATIONSHIP][0]
            model = self._models[source]
            name = self._name(model, predicate, is_relationship=True) if isinstance(predicate, NamedNode) else None
            if name is not None:
                added.append(self._qualifying(node, said, model, Relationship("", source, target, name)))
                by_ends.pop((source, name, target), None)
        return [*by_ends.values(), *added]

    def _qualifying(
        self, node: NamedNode | BlankNode, said: Statements, model: str, plain: Relationship
    ) -> Relationship:
        properties: dict[str, Json] = {}
        identifier = str(uuid5(TWINHOUSE, str(node)))
        for predicate, terms in said.items():
            if predicate == NOTATION and isinstance(terms[0], Literal):
                identifier = terms[0].value
            elif predicate not in (SOURCE, TARGET, RELATIONSHIP):
                value, schema = self._value(terms[0], 0)
                name = name_of(predicate.value.removeprefix(ADT.iri))
                is_json = isinstance(terms[0], Literal) and terms[0].datatype == RDF["JSON"]
                properties[name] = json.loads(value) if is_json and model in self._stored else value
                if model not in self._stored:
                    self._drafts[model].qualifiers.setdefault(plain.name, {})[name] = Field(predicate.value, schema)
        return Relationship(identifier, plain.source, plain.target, plain.name, properties)


class _Row:
    """An entity on its way to be a twin."""

    __slots__ = ("entity", "model", "relationships", "values")

    def __init__(self, entity: NamedNode, model: str) -> None:
        self.entity = entity
        self.model = model
        self.values: defaultdict[str, list[tuple[NamedNode, Json, Schema]]] = defaultdict(list)
        self.relationships: list[tuple[str, NamedNode, NamedNode]] = []


def _fitted(value: Json, schema: Schema) -> Json:
    """Return a value as its schema wants it: arrays where another value has several, texts where they differ."""
    if isinstance(value, dict):
        return {name: _fitted_field(item, schema.fields.get(name)) for name, item in value.items()}
    if schema.term == "string" and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return value


def _fitted_field(value: Json, field: Field | None) -> Json:
    if field is None:
        return value
    items = value if isinstance(value, list) else [value]
    fitted = [_fitted(item, field.schema) for item in items]
    return fitted if field.schema.many else fitted[0]


def _known_names() -> Mapping[str, str]:
    return {term.value: name for name, (term, _) in known_names().items()}
