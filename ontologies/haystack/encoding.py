"""Haystack's values as RDF terms and back, without loss: our own encoding, since the standard's drops units and more.

A record is a node with its id (see ``ontologies.identifiers``) and a triple for each of its tags, ``hstag:`` and the
tag's name:

    marker, NA, remove      hs:marker, hs:na, hs:remove
    Str                     a plain literal
    Bool, Number            xsd:boolean, xsd:double
    Ref                     the node of the record that it refers to, which has its id as well
    Uri                     xsd:anyURI
    Date, Time, DateTime    xsd:date, xsd:time, xsd:dateTime
    all others              a literal of the datatype hs:zinc: the value as Zinc

What RDF's own terms have no place for stands beside it, under the tag's name: ``hsunit:`` the unit of a Number,
``hstz:`` the timezone of a DateTime, ``hsdis:`` the name that a Ref brought along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, time

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from ontologies.haystack.kinds import MARKER, NA, REMOVE, DateTime, Number, Ref, Sign, Uri, Value
from ontologies.haystack.zinc import read_value
from ontologies.haystack.zinc_text import number_text, value_text
from ontologies.namespaces import HAYSTACK, TAG, XSD, Namespace

ZINC = HAYSTACK["zinc"]
UNIT_OF = Namespace(HAYSTACK.iri + "unit:")
TZ_OF = Namespace(HAYSTACK.iri + "tz:")
DIS_OF = Namespace(HAYSTACK.iri + "dis:")
QUALIFIERS = (UNIT_OF, TZ_OF, DIS_OF)

_SIGNS: dict[Sign, NamedNode] = {sign: HAYSTACK[sign.value] for sign in (MARKER, NA, REMOVE)}
_OF_SIGN: dict[object, Sign] = {node: sign for sign, node in _SIGNS.items()}
_DOUBLE, _BOOLEAN, _ANY_URI = XSD["double"], XSD["boolean"], XSD["anyURI"]
_DATE, _TIME, _DATE_TIME, _STRING = XSD["date"], XSD["time"], XSD["dateTime"], XSD["string"]

Term = NamedNode | BlankNode | Literal | Triple
Qualified = tuple[Namespace, str]


def encode(value: Value, target: Callable[[Ref], NamedNode]) -> tuple[NamedNode | Literal, Qualified | None]:
    """Return a value as a term, and what has to stand beside it; ``target`` tells the node that a ref refers to."""
    match value:
        case Sign():
            return _SIGNS[value], None
        case bool():
            return Literal(value), None
        case Number():
            unit = (UNIT_OF, value.unit) if value.unit else None
            return Literal(number_text(value.value), datatype=_DOUBLE), unit
        case str():
            return Literal(value), None
        case Ref():
            return target(value), None if value.dis is None else (DIS_OF, value.dis)
        case Uri():
            return Literal(value.text, datatype=_ANY_URI), None
        case DateTime():
            return Literal(value.value.isoformat(), datatype=_DATE_TIME), (TZ_OF, value.tz)
        case date():
            return Literal(value.isoformat(), datatype=_DATE), None
        case time():
            return Literal(value.isoformat(), datatype=_TIME), None
        case _:
            return Literal(value_text(value), datatype=ZINC), None


def decode(term: Term, beside: dict[Namespace, str], ids: dict[object, str]) -> Value:
    """Return the value of a term, with what stands beside it; ``ids`` are those of the records, by node.

    Raises FormatError for what is of datatype hs:zinc and no Zinc. A term that `encode` never makes is its text.
    """
    if term in _OF_SIGN:
        return _OF_SIGN[term]
    if not isinstance(term, Literal):
        return Ref(ids[term], beside.get(DIS_OF)) if term in ids else Uri(getattr(term, "value", str(term)))
    text, kind = term.value, term.datatype
    if kind == _DOUBLE:
        return Number(float(text), beside.get(UNIT_OF))
    if kind == _BOOLEAN:
        return text in ("true", "1")
    if kind == ZINC:
        return read_value(text)
    if kind == _ANY_URI:
        return Uri(text)
    return _moment(text, kind, beside)


def _moment(text: str, kind: NamedNode, beside: dict[Namespace, str]) -> Value:
    try:
        if kind == _DATE_TIME:
            return DateTime(datetime.fromisoformat(text), beside.get(TZ_OF, "UTC"))
        if kind == _DATE:
            return date.fromisoformat(text)
        if kind == _TIME:
            return time.fromisoformat(text)
    except ValueError:  # RDF allows what Python does not, such as a year of five digits
        return text
    return text


def refs_of(value: Value) -> Iterator[Ref]:
    """Yield the refs of a tag: itself, or those in its list."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from refs_of(item)


def tag_name(predicate: NamedNode) -> str | None:
    """Return the name of the tag that a predicate stands for; None for any other predicate."""
    return predicate.value[len(TAG.iri) :] if predicate in TAG else None
