"""Values of RDF as values of twins: JSON, the schema that DTDL has for it, and what says the rest."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from pyoxigraph import Literal, NamedNode

from ontologies.adt.twins import Json
from ontologies.namespaces import XSD

_DIGITS = re.compile(r"-?(0|[1-9]\d{0,15})")  # written back as they are
_INTEGER = range(-(2**31), 2**31)
_WHOLE = frozenset(
    XSD[name].value
    for name in (
        *("integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger", "unsignedInt"),
        *("unsignedLong", "unsignedShort", "unsignedByte", "negativeInteger", "nonPositiveInteger"),
    )
)
_REAL = frozenset(XSD[name].value for name in ("decimal", "double", "float"))
_PLAIN = {"boolean": "boolean", "integer": "integer", "long": "integer", "double": "double"}
# DTDL's are of RFC 3339: a time of day or a date and time needs its zone.
_LEXICAL = {
    XSD["date"].value: ("date", re.compile(r"\d{4}-\d\d-\d\d")),
    XSD["dateTime"].value: ("dateTime", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")),
    XSD["duration"].value: ("duration", re.compile(r"-?P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T[\dHMS.]+)?")),
    XSD["time"].value: ("time", re.compile(r"\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")),
}


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema of DTDL: its term, or the fields of an object; ``kind`` is what a comment says of the values.

    ``many`` tells an array of them.
    """

    term: str
    kind: str | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)
    many: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """A property, or a field of an object: the property in RDF that it stands for, and its schema."""

    iri: str
    schema: Schema


def value_of(term: NamedNode | Literal) -> tuple[Json, Schema]:
    """Return an IRI or a literal as JSON, with its schema."""
    if isinstance(term, NamedNode):
        return term.value, Schema("string", "iri")
    if term.language is not None:
        return term.value, Schema("string", f"@{term.language}")
    datatype = term.datatype.value
    for known, convert in _CONVERSIONS:
        if datatype in known:
            found = convert(term.value)
            if found is not None:
                value, name = found
                plain = XSD[_PLAIN[name]].value == datatype
                return value, Schema(name, None if plain else f"<{datatype}>")
    if datatype in _LEXICAL and _LEXICAL[datatype][1].fullmatch(term.value):
        return term.value, Schema(_LEXICAL[datatype][0])
    return term.value, Schema("string", None if datatype == XSD["string"].value else f"<{datatype}>")


def _boolean(text: str) -> tuple[Json, str] | None:
    return ({"true": True, "1": True, "false": False, "0": False}[text], "boolean") if text in _TRUTHS else None


_TRUTHS = frozenset(("true", "false", "1", "0"))


def _whole(text: str) -> tuple[Json, str] | None:
    try:
        value = int(text)
    except ValueError:
        return None
    return value, "integer" if value in _INTEGER else "long"


def _real(text: str) -> tuple[Json, str] | None:
    try:
        value = float(text)
    except ValueError:
        return None
    if not math.isfinite(value):
        return None
    return (int(text) if _DIGITS.fullmatch(text) else value), "double"


_CONVERSIONS: tuple[tuple[frozenset[str], Callable[[str], tuple[Json, str] | None]], ...] = (
    (frozenset((XSD["boolean"].value,)), _boolean),
    (_WHOLE, _whole),
    (_REAL, _real),
)


def merged(schemas: Iterable[Schema]) -> Schema | None:
    """Return one schema that holds values of all, None where there is none: they are then texts."""
    result: Schema | None = None
    for schema in schemas:
        result = schema if result is None else _merged(result, schema)
        if result is None:
            return None
    return result


def _merged(one: Schema, other: Schema) -> Schema | None:
    many = one.many or other.many
    if one.kind != other.kind:
        return None
    terms = {one.term, other.term}
    if one.term == other.term == "Object":
        fields = dict(one.fields)
        for name, item in other.fields.items():
            both = _merged(fields[name].schema, item.schema) if name in fields else item.schema
            if both is None:
                return None
            fields[name] = Field(item.iri, both)
        return Schema("Object", None, fields, many)
    if terms == {"integer", "long"}:
        return Schema("long", one.kind, many=many)
    if terms <= {"integer", "long", "double"} and "double" in terms:
        return Schema("double", one.kind, many=many)
    return Schema(one.term, one.kind, many=many) if one.term == other.term else None
