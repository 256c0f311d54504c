"""Models for twins that have none: an interface of DTDL 3 for each class, with what its twins have.

Comments say what each stands for in RDF (see ``comments``), so that reading gives the same graph back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ontologies.adt.comments import IS_ID, Meaning
from ontologies.adt.terms import name_of
from ontologies.adt.twins import Json
from ontologies.adt.values import Field, Schema

ID_PROPERTY = "iri"


@dataclass(slots=True)
class Draft:
    """A class to be made a model: its properties and relationships by name, as its twins have them."""

    dtmi: str
    iri: str
    properties: dict[str, Field] = field(default_factory=dict)
    relationships: dict[str, str] = field(default_factory=dict)
    qualifiers: dict[str, dict[str, Field]] = field(default_factory=dict)
    has_id: bool = False

    def document(self) -> dict[str, Json]:
        """Return the interface."""
        contents = [_property(name, item, "Property") for name, item in sorted(self.properties.items())]
        if self.has_id:
            contents.append({"@type": "Property", "name": ID_PROPERTY, "comment": IS_ID, "schema": "string"})
        contents += [self._relationship(name, iri) for name, iri in sorted(self.relationships.items())]
        return {
            "@context": "dtmi:dtdl:context;3",
            "@id": self.dtmi,
            "@type": "Interface",
            "displayName": name_of(self.iri),
            "comment": str(Meaning(self.iri)),
            **({"contents": contents} if contents else {}),
        }

    def _relationship(self, name: str, iri: str) -> dict[str, Json]:
        properties = self.qualifiers.get(name, {})
        return {
            "@type": "Relationship",
            "name": name,
            "comment": str(Meaning(iri)),
            **(
                {"properties": [_property(key, item, "Property") for key, item in sorted(properties.items())]}
                if properties
                else {}
            ),
        }


def _property(name: str, item: Field, kind: str | None) -> dict[str, Json]:
    return {
        **({"@type": kind} if kind else {}),
        "name": name,
        "comment": str(Meaning(item.iri, item.schema.kind)),
        "schema": _schema(item.schema),
    }


def _schema(schema: Schema) -> Json:
    inner: Json = schema.term
    if schema.term == "Object":
        inner = {"@type": "Object", "fields": _fields(schema.fields)}
    return {"@type": "Array", "elementSchema": inner} if schema.many else inner


def _fields(fields: Mapping[str, Field]) -> list[dict[str, Json]]:
    return [_property(name, item, None) for name, item in sorted(fields.items())]
