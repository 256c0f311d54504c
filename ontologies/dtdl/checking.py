"""What only all elements together tell: references, extends, depth, names that must differ, units and schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ontologies.dtdl.elements import Element, Reference
from ontologies.dtdl.findings import Findings
from ontologies.dtdl.metamodel import (
    COMPLEX,
    DEEPEST_EXTENDS,
    DEEPEST_SCHEMA,
    GEOSPATIAL,
    MOST_CONTENTS,
    MOST_EXTENDS,
    NUMERIC,
    Kind,
    Property,
    classes,
)
from ontologies.dtdl.vocabulary import Standard

_INSTANCES = frozenset(("geopoint", "vector", *GEOSPATIAL))
_VALUE_SCHEMAS = {"integer": int, "string": str}


class Checker:
    """Checks the elements of all documents that belong together."""

    def __init__(self, elements: Mapping[str, Element], everything: list[Element], findings: Findings) -> None:
        self._elements = elements
        self._everything = everything
        self._findings = findings

    def check(self) -> None:
        for element in self._everything:
            self._references(element)
            self._unique(element)
            self._semantic(element)
            self._of_kind(element)

    def _of_kind(self, element: Element) -> None:
        match element.kind:
            case "Interface":
                self._extends(element)
            case "Component":
                self._component(element)
            case "Enum":
                self._enum(element)
            case "MapKey":
                self._map_key(element)
            case "Property" if element.version == 2:
                self._without_arrays(element)
        if element.kind in COMPLEX:
            self._depth(element)

    def resolve(self, item: Element | Standard | Reference) -> Element | Standard | None:
        """Return the element that is referred to, None where there is none."""
        return self._elements.get(item.dtmi) if isinstance(item, Reference) else item

    def _references(self, element: Element) -> None:
        for name, prop in classes(element.version)[element.kind].items():
            if prop.kind is not Kind.ELEMENT:
                continue
            for item in element.many(name):
                if isinstance(item, Reference):
                    self._reference(element, prop, item)
                elif isinstance(item, Standard) and item.kind not in prop.classes and item.kind != "IotCentralSchema":
                    self._bad_type(element, prop, item.term)

    def _reference(self, element: Element, prop: Property, item: Reference) -> None:
        place, target = element.place.at(prop.name), self._elements.get(item.dtmi)
        if target is None:
            message = f"{item.dtmi} is not defined here; give the model that defines it together with this one"
            self._findings.add("undefinedReference", message, place)
        elif target.kind not in prop.classes:
            self._bad_type(element, prop, f"{item.dtmi}, a {target.kind}")
        elif target.kind != "Interface" and target.interface != element.interface:
            message = f"{item.dtmi} is part of {target.interface}; only an interface can be named from outside"
            self._findings.add("crossPartitionReference", message, place)
        elif target.version > element.version:
            message = f"{item.dtmi} is of DTDL {target.version}, which DTDL {element.version} cannot use"
            self._findings.add("disallowedVersionReference", message, place)

    def _bad_type(self, element: Element, prop: Property, given: str) -> None:
        wanted = ", ".join(prop.classes)
        self._findings.add("badType", f"{prop.name} is {given}; it must be {wanted}", element.place.at(prop.name))

    def _unique(self, element: Element) -> None:
        for prop in classes(element.version)[element.kind].values():
            for key in prop.unique:
                seen: set[object] = set()
                for item in element.inside(prop.name):
                    value = item.properties.get(key)
                    if value is not None and (type(value), value) in seen:
                        message = f"two of {prop.name} have the {key} {value!r}; change one"
                        self._findings.add("nonUniquePropertyValue", message, item.place)
                    seen.add((type(value), value))

    def _extends(self, element: Element) -> None:
        depth = self._chain(element, "extends", DEEPEST_EXTENDS)
        if depth is None:
            message = f"{element.id} extends itself, directly or through others; remove one extends"
            self._findings.add("recursiveStructureNarrow", message, element.place)
            return
        if depth > DEEPEST_EXTENDS:
            message = f"extends goes {depth} levels deep; {DEEPEST_EXTENDS} are the most"
            self._findings.add("excessiveDepthNarrow", message, element.place)
        self._inherited(element)

    def _inherited(self, element: Element) -> None:
        bases = list(self._bases(element))
        if len(bases) > MOST_EXTENDS[3]:
            message = f"{len(bases)} interfaces are extended; {MOST_EXTENDS[3]} are the most"
            self._findings.add("propertyCountAboveMax", message, element.place.at("extends"))
        owners: dict[str, Element] = {}
        for interface in (element, *bases):
            for item in interface.inside("contents"):
                other = owners.setdefault(item.name or "", interface)
                if other is not interface and item.name:
                    message = f"{item.name} is in {other.id} and in {interface.id}, which it extends; rename one"
                    self._findings.add("nonUniqueImportedPropertyValue", message, element.place.at("contents"))
        total = sum(len(interface.many("contents")) for interface in (element, *bases))
        if element.version >= 3 and total > MOST_CONTENTS[3]:
            message = f"{total} contents with those that are extended; {MOST_CONTENTS[3]} are the most"
            self._findings.add("propertyCountAboveMax", message, element.place.at("contents"))

    def _bases(self, element: Element) -> Iterator[Element]:
        """Yield each interface that one extends, directly or not, once."""
        seen = {element.id}
        waiting = [element]
        while waiting:
            for item in waiting.pop().many("extends"):
                base = self.resolve(item)
                if isinstance(base, Element) and base.id not in seen:
                    seen.add(base.id)
                    waiting.append(base)
                    yield base

    def _chain(self, element: Element, name: str, deepest: int) -> int | None:
        """Return how many steps the longest chain has, None where it comes back to its beginning."""
        level, depth = {element.id: element}, 0
        while level and depth <= deepest:
            following: dict[str, Element] = {}
            for item in level.values():
                for target in map(self.resolve, item.many(name)):
                    if target is element:
                        return None
                    if isinstance(target, Element):
                        following[target.id] = target
            level = following
            depth += bool(level)
        return depth

    def _component(self, element: Element) -> None:
        for target in map(self.resolve, element.many("schema")):
            if not isinstance(target, Element):
                continue
            for interface in (target, *self._bases(target)):
                if any(item.kind == "Component" for item in interface.inside("contents")):
                    message = f"{target.id} has components itself; a component's interface must have none"
                    self._findings.add("excludedType", message, element.place.at("schema"))
                    break

    def _enum(self, element: Element) -> None:
        for schema in element.many("valueSchema"):
            term = schema.term if isinstance(schema, Standard) else ""
            wanted = _VALUE_SCHEMAS.get(term)
            if wanted is None:
                message = f"valueSchema must be integer or string, not {term or schema}"
                self._findings.add("incorrectPropertyValue", message, element.place.at("valueSchema"))
                continue
            for value in element.inside("enumValues"):
                given = value.properties.get("enumValue")
                if given is not None and type(given) is not wanted:
                    message = f"enumValue {given!r} is no {term}, as valueSchema says"
                    self._findings.add("nonConformantDatatype", message, value.place.at("enumValue"))

    def _map_key(self, element: Element) -> None:
        for schema in element.many("schema"):
            if not isinstance(schema, Standard) or schema.term != "string":
                message = "the schema of a map's key must be string"
                self._findings.add("badType", message, element.place.at("schema"))

    def _depth(self, element: Element) -> None:
        depth = self._schema_depth(element, frozenset())
        if depth is None:
            message = "the schema contains itself; break the circle"
            self._findings.add("recursiveStructureWide", message, element.place)
        elif depth > DEEPEST_SCHEMA:
            message = f"schemas are nested {depth} levels deep; {DEEPEST_SCHEMA} are the most"
            self._findings.add("excessiveDepthWide", message, element.place)

    def _schema_depth(self, element: Element, above: frozenset[str]) -> int | None:
        """Return how deep complex schemas are nested, None where one contains itself."""
        if element.id in above:
            return None
        deepest = 0
        for part in self._parts(element):
            depth = self._schema_depth(part, above | {element.id})
            if depth is None:
                return None
            deepest = max(deepest, depth)
        return deepest + 1

    def _parts(self, element: Element) -> Iterator[Element]:
        """Yield the complex schemas directly inside one."""
        holders = [element, *element.inside("fields"), *element.inside("mapValue")]
        for holder in holders:
            name = "elementSchema" if holder.kind == "Array" else "schema"
            for target in map(self.resolve, holder.many(name)):
                if isinstance(target, Element) and target.kind in COMPLEX:
                    yield target

    def _without_arrays(self, element: Element) -> None:
        """DTDL 2: neither an Array nor a geospatial schema, which are arrays, in a Property at any depth."""
        for target in map(self.resolve, element.many("schema")):
            if target is not None and self._has_array(target, frozenset()):
                message = "a Property of DTDL 2 has no Array and no geospatial schema; use a Telemetry or DTDL 3"
                self._findings.add("excludedType", message, element.place.at("schema"))

    def _has_array(self, schema: Element | Standard, above: frozenset[str]) -> bool:
        if isinstance(schema, Standard):
            return schema.kind == "GeospatialSchema"
        if schema.kind == "Array" or schema.id in above:
            return schema.kind == "Array"
        return any(
            self._has_array(target, above | {schema.id})
            for holder in (*schema.inside("fields"), *schema.inside("mapValue"))
            for target in map(self.resolve, holder.many("schema"))
            if target is not None
        )

    def _semantic(self, element: Element) -> None:
        for kind in element.semantic:
            if kind.unit_type is not None:
                self._unit(element, kind.term, kind.unit_type)
            if kind.schemas is not None:
                self._schema_of(element, kind.term, kind.schemas)
            elif kind.unit_type is not None:
                self._numeric(element, kind.term)

    def _numeric(self, element: Element, term: str) -> None:
        for schema in element.many("schema"):
            if not isinstance(schema, Standard) or schema.term not in NUMERIC:
                message = f"{term} needs a numeric schema: {', '.join(sorted(NUMERIC))}"
                self._findings.add("notRequiredType", message, element.place.at("schema"))

    def _unit(self, element: Element, term: str, unit_type: str) -> None:
        for unit in element.many("unit"):
            if not isinstance(unit, Standard) or unit.kind != unit_type:
                given = unit.term if isinstance(unit, Standard) else unit
                message = f"{term} is measured in a {unit_type}, which {given} is not"
                code = "notRequiredType" if element.version == 2 else "badType"
                self._findings.add(code, message, element.place.at("unit"))

    def _schema_of(self, element: Element, term: str, schemas: frozenset[str]) -> None:
        for schema in map(self.resolve, element.many("schema")):
            name = schema.term if isinstance(schema, Standard) else schema.kind if schema is not None else None
            if name is not None and name not in schemas:
                message = f"{term} needs one of the schemas {', '.join(sorted(schemas))}, not {name}"
                code = "notRequiredValue" if schemas <= _INSTANCES else "notRequiredType"
                self._findings.add(code, message, element.place.at("schema"))
