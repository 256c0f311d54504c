"""DTDL documents into elements: what can be said of each element by itself is checked here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ontologies.dtdl import dtmi
from ontologies.dtdl.contexts import Context, ContextReader, Undefined
from ontologies.dtdl.element_types import TypeReader, Types
from ontologies.dtdl.elements import Element, Reference
from ontologies.dtdl.findings import Findings, Place
from ontologies.dtdl.literals import LiteralReader
from ontologies.dtdl.metamodel import VERSIONS, Kind, Property, classes
from ontologies.dtdl.vocabulary import IOT_CENTRAL, Standard

_ROOT = Property("", Kind.ELEMENT, classes=("Interface",))
_UNIT = Property("unit", Kind.ELEMENT, required=True)
# A definition of an older version may stand inside a newer one, except in these.
_OF_ONE_VERSION = frozenset(("enumValues", "fields", "mapKey", "mapValue", "request", "response", "schemas"))
_DEEPEST = 100  # by far more than anything may be nested: what limits there are is checked afterwards
_STRUCTURE = frozenset(("@context", "@id", "@type"))


class DocumentReader:
    """Reads documents one after the other; elements are in ``elements`` by DTMI, problems in the findings."""

    def __init__(self, findings: Findings, undefined: Undefined, newest: int = VERSIONS[-1]) -> None:
        self.elements: dict[str, Element] = {}
        self.everything: list[Element] = []
        self._findings = findings
        self._contexts = ContextReader(findings, undefined, newest)
        self._types = TypeReader(findings)
        self._literals = {version: LiteralReader(findings, version) for version in VERSIONS}

    def read(self, document: object, path: str = "") -> None:
        """Read a parsed JSON document: an interface, or an array of them."""
        place = Place("", path)
        items = document if isinstance(document, list) else [document]
        for at, item in enumerate(items):
            where = place.at(at) if isinstance(document, list) else place
            if isinstance(item, dict):
                self._root(item, where)
            else:
                self._findings.add("notJsonObject", f"an interface is a JSON object, not {item!r}", where)

    def _root(self, value: Mapping[str, object], place: Place) -> None:
        given = value.get("@id")
        place = place.of(given) if isinstance(given, str) else place
        context = self._contexts.root(value.get("@context"), place)
        if context is None:
            return
        for key in value:
            if key == "@graph":
                self._findings.add("topLevelGraphDisallowed", "@graph is not allowed; give an array", place)
            elif context.version >= 3 and key.startswith("@") and key not in _STRUCTURE:
                self._findings.add("topLevelKeywordDisallowed", f"{key} is not allowed here", place)
        if "@id" not in value:
            self._findings.add(
                "missingTopLevelId", "no @id; an interface needs a DTMI, as dtmi:com:example:Room;1", place
            )
            return
        self._element(value, _ROOT, context, place, ())

    def _element(
        self,
        value: Mapping[str, object],
        prop: Property,
        context: Context,
        place: Place,
        parents: tuple[Element, ...],
    ) -> Element | None:
        """Read an element that a property of the last of ``parents`` has."""
        if len(parents) > _DEEPEST:
            self._findings.add("excessiveDepthNarrow", f"elements are nested deeper than {_DEEPEST} levels", place)
            return None
        types = self._types.read(value.get("@type", ()), prop, context, place)
        identifier = self._identifier(value, prop, context, place, parents)
        if types is None or identifier is None:
            return None
        if types.kind == "Interface" and len(identifier) > dtmi.LONGEST_OF_INTERFACE:
            message = f"an interface's DTMI has at most {dtmi.LONGEST_OF_INTERFACE} characters, not {len(identifier)}"
            self._findings.add("idTooLongForType", message, place)
        place = place.of(identifier)
        owner = identifier if types.kind == "Interface" or not parents else parents[-1].interface
        element = Element(identifier, types.kind, context.version, place, owner, types.semantic, types.undefined)
        self._register(element, place)
        self._properties(element, value, types, context, (*parents, element))
        return element

    def _register(self, element: Element, place: Place) -> None:
        self.everything.append(element)
        if element.id in self.elements:
            other = self.elements[element.id].place.path or "the document's root"
            message = f"{element.id} is defined twice; the other is at {other}; give one another @id"
            self._findings.add("duplicateDefinition", message, place)
        else:
            self.elements[element.id] = element

    def _identifier(
        self,
        value: Mapping[str, object],
        prop: Property,
        context: Context,
        place: Place,
        parents: tuple[Element, ...],
    ) -> str | None:
        if "@id" not in value:
            if prop.needs_id:
                self._findings.add("missingRequiredId", f"no @id; what {prop.name} has needs a DTMI", place)
                return None
            return _derived(value, prop, place, parents)
        given = value["@id"]
        if not isinstance(given, str) or not given:
            self._findings.add("idNotString", f"@id must be a DTMI, not {given!r}", place)
        elif len(given) > dtmi.LONGEST:
            self._findings.add("idTooLong", f"a DTMI has at most {dtmi.LONGEST} characters", place)
        elif not dtmi.is_own(given, context.version):
            self._findings.add("invalidId", _bad_identifier(given, context.version), place)
        elif dtmi.is_reserved(given, iot_central=IOT_CENTRAL in context.extensions):
            self._findings.add("reservedId", f"{given}: DTMIs of the language itself cannot be defined", place)
        else:
            return given
        return None

    def _properties(
        self, element: Element, value: Mapping[str, object], types: Types, context: Context, path: tuple[Element, ...]
    ) -> None:
        known = classes(context.version)[element.kind]
        given = dict(self._named(element, value, types, context))
        for name, (key, content) in given.items():
            prop = _UNIT if name == "unit" else known[name]
            place = element.place.at(key)
            if prop.kind is Kind.ELEMENT:
                element.properties[name] = list(self._objects(prop, content, context, place, path))
            else:
                literal = self._literals[context.version].read(prop, content, place)
                if literal is not None:
                    element.properties[name] = literal
        for name, prop in known.items():
            if prop.required and name not in given:
                code = "missingObjectProperty" if prop.kind is Kind.ELEMENT else "missingLiteralProperty"
                self._findings.add(code, f"{element.kind} has no {name}; it needs one", element.place)
        if any(kind.unit_type and kind.unit_needed for kind in element.semantic) and "unit" not in given:
            message = f"{element.semantic[0].term} needs a unit"
            self._findings.add("missingSupplementalObjectProperty", message, element.place)

    def _named(
        self, element: Element, value: Mapping[str, object], types: Types, context: Context
    ) -> Iterator[tuple[str, tuple[str, object]]]:
        """Yield what the element's class and types define: property, and its key and content in the document."""
        known = classes(context.version)[element.kind]
        names = context.terms.properties
        seen: set[str] = set()
        for key, content in value.items():
            if key in _STRUCTURE:
                continue
            if key.startswith("@"):
                self._keyword(key, context, element.place)
                continue
            name = names.get(key)
            is_unit = name == "unit" and any(kind.unit_type for kind in element.semantic)
            if name is not None and (name in known or is_unit):
                if name in seen:
                    self._findings.add("duplicatePropertyName", f"{name} is given twice; keep one", element.place)
                else:
                    seen.add(name)
                    yield name, (key, content)
            elif self._types.is_undefined_property(key, types, context, element):
                element.extra.append(key)

    def _keyword(self, key: str, context: Context, place: Place) -> None:
        if key == "@graph":
            self._findings.add("graphDisallowed", "@graph is not allowed", place)
        elif context.version >= 3 and place.path:
            self._findings.add("keywordDisallowed", f"{key} is not allowed here", place)

    def _objects(
        self, prop: Property, content: object, context: Context, place: Place, path: tuple[Element, ...]
    ) -> Iterator[Element | Standard | Reference]:
        """Yield the elements and references that a property has."""
        items = content if isinstance(content, list) else [content]
        if len(items) > 1 and not prop.plural:
            self._findings.add("objectMultipleValues", f"{prop.name} has {len(items)} values; keep one", place)
            return
        found = 0
        for at, item in enumerate(items):
            where = place.at(at) if isinstance(content, list) else place
            got = self._object(prop, item, context, where, path)
            found += got is not None
            if got is not None:
                yield got
        if not found and (prop.required or (prop.fewest_items and prop.plural)) and not items:
            self._findings.add("objectCountBelowMin", f"{prop.name} is empty; it needs a value", place)
        if prop.most_items is not None and len(items) > prop.most_items:
            message = f"{prop.name} has {len(items)} values; {prop.most_items} are the most"
            self._findings.add("objectCountAboveMax", message, place)

    def _object(
        self, prop: Property, item: object, outer: Context, place: Place, path: tuple[Element, ...]
    ) -> Element | Standard | Reference | None:
        match item:
            case None:
                self._findings.add("propertyValueNull", f"{prop.name} is null; leave it out", place)
            case str():
                return self._reference(prop, item, outer, place)
            case dict() if prop is _UNIT:
                self._findings.add("refObjectNotAllowed", "a unit is named by its term, as degreeCelsius", place)
            case dict() if set(item) == {"@id"}:
                self._findings.add(
                    "idReference", f"write {item['@id']!r} itself, without the object around it", place
                )
            case dict():
                context = self._contexts.nested(item["@context"], outer, place) if "@context" in item else outer
                if context is not None and self._same_version(prop, outer, context, place):
                    return self._element(item, prop, context, place, path)
            case _:
                self._findings.add("refNotStringOrObject", f"a DTMI or an object is needed, not {item!r}", place)
        return None

    def _same_version(self, prop: Property, outer: Context, inner: Context, place: Place) -> bool:
        if inner.version != outer.version and prop.name in _OF_ONE_VERSION:
            message = f"what {prop.name} has must be of DTDL {outer.version} too, not {inner.version}"
            self._findings.add("disallowedVersionDefinition", message, place)
            return False
        return True

    def _reference(self, prop: Property, text: str, context: Context, place: Place) -> Standard | Reference | None:
        standard = context.terms.standards.get(text)
        if standard is not None:
            return standard
        if not dtmi.is_own(text, context.version):
            hint = "it is no term of the contexts in force, and no DTMI"
            self._findings.add("badDtmiOrTerm", f"{prop.name} cannot be {text!r}: {hint}", place)
        elif dtmi.is_reserved(text, iot_central=True):
            self._findings.add("undefinedReservedId", f"the language defines no {text}", place)
        else:
            return Reference(text)
        return None


def _derived(value: Mapping[str, object], prop: Property, place: Place, parents: tuple[Element, ...]) -> str:
    """Return a DTMI for an element that has none: its parent's, its property, and its name or position."""
    name = value.get("name")
    segments = [f"_{prop.name}"]
    if prop.plural:
        segments.append(f"__{name}" if isinstance(name, str) else f"__{place.path.rpartition('[')[2].rstrip(']')}")
    identifier = dtmi.derived(parents[-1].id, *segments)
    taken = {item.id for item in parents[-1].inside(prop.name)} if prop.plural else set()
    return identifier if identifier not in taken else dtmi.derived(parents[-1].id, *segments, f"_{place.path}")


def _bad_identifier(text: str, version: int) -> str:
    if not dtmi.looks_like_dtmi(text):
        return f"@id {text!r} is no DTMI; write it as dtmi:com:example:Room;1"
    if "#" in text:
        return f"@id {text!r}: DTDL {version} has no fragments"
    number = "a whole number, as ;1" if version == 2 else "a number, as ;1 or ;1.2, or left out"
    return f"@id {text!r} is no DTMI of DTDL {version}: segments are letters, digits and _; the version is {number}"
