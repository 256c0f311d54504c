"""The classes of DTDL 2 and 3, their properties and the limits on these, as the two specifications list them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from types import MappingProxyType

VERSIONS = (2, 3)
DEEPEST_EXTENDS = 10
DEEPEST_SCHEMA = 5
MOST_CONTENTS = MappingProxyType({2: 300, 3: 100_000})
MOST_EXTENDS = MappingProxyType({2: 2, 3: 1024})


class Kind(Enum):
    """What a property's value is."""

    TEXT = "text"
    LOCALIZED = "text in languages"
    WHOLE = "a whole number"
    TRUTH = "true or false"
    DTMI = "a DTMI"
    LITERAL = "a text or a whole number"
    ELEMENT = "an element or a reference to one"


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a class. ``classes`` may be its value; ``implied`` is the class where ``@type`` is left out."""

    name: str
    kind: Kind
    required: bool = False
    plural: bool = False
    classes: tuple[str, ...] = ()
    implied: str | None = None
    needs_id: bool = False
    longest: int | None = None
    pattern: re.Pattern[str] | None = None
    least: int | None = None
    most: int | None = None
    exactly: int | None = None
    fewest_items: int = 0
    most_items: int | None = None
    unique: tuple[str, ...] = ()


PRIMITIVES = ("boolean", "date", "dateTime", "double", "duration", "float", "integer", "long", "string", "time")
NUMERIC = frozenset(("double", "float", "integer", "long"))
GEOSPATIAL = ("lineString", "multiLineString", "multiPoint", "multiPolygon", "point", "polygon")
COMMAND_TYPES = ("asynchronous", "synchronous")

CONTENT = ("Command", "Component", "Property", "Relationship", "Telemetry")
COMPLEX = ("Array", "Enum", "Map", "Object")
SCHEMA = (*COMPLEX, "PrimitiveSchema", "GeospatialSchema")
ABSTRACT = (
    *("CommandType", "ComplexSchema", "Content", "Entity", "NamedEntity", "NumericSchema", "PrimitiveSchema"),
    *("Schema", "SchemaField", "TemporalSchema", "Unit", "UnitAttribute", "CapabilityModel", "Boolean", "Date"),
    *("DateTime", "Double", "Duration", "Float", "Integer", "Long", "String", "Time"),
)

_NAME = re.compile(r"[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?")


@lru_cache(maxsize=2)
def classes(version: int) -> Mapping[str, Mapping[str, Property]]:
    """Return the classes of a version of DTDL by name, each with its properties by name."""
    table = _TABLE | (_TABLE_2 if version == 2 else _TABLE_3)
    return MappingProxyType(
        {
            name: MappingProxyType({p.name: _limited(p, version) for p in (*_common(version), *properties)})
            for name, properties in table.items()
        }
    )


def _common(version: int) -> tuple[Property, ...]:
    longest = 64 if version == 2 else 512
    return (
        Property("comment", Kind.TEXT, longest=512),
        Property("description", Kind.LOCALIZED, longest=512),
        Property("displayName", Kind.LOCALIZED, longest=longest),
    )


def _limited(prop: Property, version: int) -> Property:
    """Give a property the limits that only one of the versions sets."""
    if prop.name == "name":
        return replace(prop, longest=64 if version == 2 else 512)
    limits = _LIMITS.get((prop.name, version), {})
    return replace(prop, **limits)  # type: ignore[arg-type]  # the table names fields of Property


_LIMITS: dict[tuple[str, int], dict[str, int | bool]] = {
    ("contents", 2): {"most_items": MOST_CONTENTS[2]},
    ("extends", 2): {"most_items": MOST_EXTENDS[2]},
    ("enumValues", 2): {"required": True, "fewest_items": 1, "most_items": 100},
    ("fields", 2): {"required": True, "most_items": 30},
    ("properties", 2): {"most_items": 300},
    ("maxMultiplicity", 2): {"most": 500},
}

_named = Property("name", Kind.TEXT, required=True, longest=64, pattern=_NAME)
_schema = Property("schema", Kind.ELEMENT, required=True, classes=SCHEMA)
_writable = Property("writable", Kind.TRUTH)
_NAMED_SCHEMA = (_named, _schema)

_TABLE: dict[str, tuple[Property, ...]] = {
    "Interface": (
        Property("contents", Kind.ELEMENT, plural=True, classes=CONTENT, unique=("name",)),
        Property("extends", Kind.ELEMENT, plural=True, classes=("Interface",), needs_id=True),
        Property("schemas", Kind.ELEMENT, plural=True, classes=COMPLEX, needs_id=True),
    ),
    "Telemetry": _NAMED_SCHEMA,
    "Property": (*_NAMED_SCHEMA, _writable),
    "Relationship": (
        _named,
        Property("maxMultiplicity", Kind.WHOLE, least=1),
        Property("minMultiplicity", Kind.WHOLE, exactly=0),
        Property("properties", Kind.ELEMENT, plural=True, classes=("Property",), unique=("name",)),
        Property("target", Kind.DTMI),
        _writable,
    ),
    "Component": (
        _named,
        Property("schema", Kind.ELEMENT, required=True, classes=("Interface",), needs_id=True),
    ),
    "Array": (Property("elementSchema", Kind.ELEMENT, required=True, classes=SCHEMA),),
    "Enum": (
        Property(
            "enumValues",
            Kind.ELEMENT,
            plural=True,
            classes=("EnumValue",),
            implied="EnumValue",
            unique=("name", "enumValue"),
        ),
        Property("valueSchema", Kind.ELEMENT, required=True, classes=("PrimitiveSchema",)),
    ),
    "EnumValue": (_named, Property("enumValue", Kind.LITERAL, required=True)),
    "Map": (
        Property("mapKey", Kind.ELEMENT, required=True, classes=("MapKey",), implied="MapKey"),
        Property("mapValue", Kind.ELEMENT, required=True, classes=("MapValue",), implied="MapValue"),
    ),
    "MapKey": (_named, Property("schema", Kind.ELEMENT, required=True, classes=("PrimitiveSchema",))),
    "MapValue": _NAMED_SCHEMA,
    "Object": (Property("fields", Kind.ELEMENT, plural=True, classes=("Field",), implied="Field", unique=("name",)),),
    "Field": _NAMED_SCHEMA,
}


def _command(request: str, response: str) -> tuple[Property, ...]:
    return (
        _named,
        Property("commandType", Kind.ELEMENT, classes=("CommandType",)),
        Property("request", Kind.ELEMENT, classes=(request,), implied=request),
        Property("response", Kind.ELEMENT, classes=(response,), implied=response),
    )


_TABLE_2: dict[str, tuple[Property, ...]] = {
    "Command": _command("CommandPayload", "CommandPayload"),
    "CommandPayload": _NAMED_SCHEMA,
}
_TABLE_3: dict[str, tuple[Property, ...]] = {
    "Command": _command("CommandRequest", "CommandResponse"),
    "CommandRequest": _NAMED_SCHEMA,
    "CommandResponse": _NAMED_SCHEMA,
}
