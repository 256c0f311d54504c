"""``@type``: the class of an element, and the types beside it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ontologies.dtdl import dtmi
from ontologies.dtdl.contexts import Context
from ontologies.dtdl.elements import Element
from ontologies.dtdl.findings import Findings, Place
from ontologies.dtdl.metamodel import Property
from ontologies.dtdl.vocabulary import SemanticType


@dataclass(slots=True)
class Types:
    """The class of an element, its semantic types, and the types that nothing known defines."""

    kind: str
    semantic: list[SemanticType] = field(default_factory=list)
    undefined: list[str] = field(default_factory=list)


class TypeReader:
    """Reads ``@type`` members; what is wrong with one goes into the findings."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def read(self, value: object, prop: Property, context: Context, place: Place) -> Types | None:
        """Return the types of an element that a property has, None where its class is missing or not allowed.

        ``value`` is ``()`` where there is no ``@type``.
        """
        names = self._names(value, prop, place)
        if names is None:
            return None
        before = len(self._findings.items)
        kinds: set[str] = set()
        types = Types("")
        for name in names:
            self._sort(name, kinds, types, context, place)
        if len(kinds) > 1:
            self._findings.add(
                "multipleMaterialTypes", f"{' and '.join(sorted(kinds))}: an element has one class", place
            )
            return None
        if not kinds and prop.implied:
            kinds = {prop.implied}
            if value != ():  # given, but without the class
                self._findings.add("badType", f"@type must include {prop.implied}", place)
        return self._finished(kinds, types, prop, place, before)

    def _finished(self, kinds: set[str], types: Types, prop: Property, place: Place, before: int) -> Types | None:
        allowed = _listed(prop.classes)
        if not kinds:
            if len(self._findings.items) == before:
                self._findings.add("badType", f"no class in @type; {allowed} is needed", place)
            return None
        types.kind = kinds.pop()
        if types.kind not in prop.classes:
            if prop.name:
                self._findings.add("badType", f"{prop.name} has a {types.kind}; {allowed} is needed", place)
            else:
                message = f"a {types.kind} cannot stand at the top; only an Interface can"
                self._findings.add("typeNotRootable", message, place)
            return None
        self._check_semantic(types, place)
        return types

    def _names(self, value: object, prop: Property, place: Place) -> list[str] | None:
        if value == () and prop.implied:
            return []
        names = value if isinstance(value, list) else [value]
        texts = [name for name in names if isinstance(name, str)]
        if not texts or len(texts) < len(names):
            what = "no @type" if value == () else f"@type must be a text or texts, not {value!r}"
            self._findings.add("badType", f"{what}; {_listed(prop.classes)} is needed", place)
            return None
        return texts

    def _sort(self, name: str, kinds: set[str], types: Types, context: Context, place: Place) -> None:
        terms = context.terms
        if name in terms.classes:
            kinds.add(terms.classes[name])
        elif name in terms.semantic:
            if terms.semantic[name].abstract:
                self._findings.add("abstractSupplementalType", f"{name} is abstract; name one of its kinds", place)
            elif terms.semantic[name] not in types.semantic:
                types.semantic.append(terms.semantic[name])
        elif name in terms.abstract:
            self._findings.add("badType", f"{name} is abstract; name one of its kinds", place)
        else:
            self._undefined_type(name, types, context, place)

    def _undefined_type(self, name: str, types: Types, context: Context, place: Place) -> None:
        is_iri = ":" in name
        if is_iri and not dtmi.looks_like_dtmi(name):
            if context.version == 2:
                types.undefined.append(name)
            else:
                self._findings.add("typeNotDtmiNorTerm", f"@type {name!r} is no term and no DTMI", place)
        elif is_iri and not dtmi.is_dtmi(name):
            self._findings.add("typeInvalidDtmi", f"@type {name!r} is no valid DTMI", place)
        elif context.incomplete or (context.version == 2 and not is_iri and not context.terms.defines(name)):
            types.undefined.append(name)
        elif is_iri or context.terms.defines(name):
            self._findings.add("typeIrrelevantDtmiOrTerm", f"{name} is no type", place)
        else:
            hint = "add the context of the extension that defines it, or remove it"
            self._findings.add("typeUndefinedTerm", f"no context in force defines the type {name}; {hint}", place)

    def _check_semantic(self, types: Types, place: Place) -> None:
        for kind in types.semantic:
            if types.kind not in kind.classes:
                message = f"{kind.term} cannot go with {types.kind}, only with {_listed(kind.classes)}"
                self._findings.add("invalidCotype", message, place)
        if len(types.semantic) > 1:
            both = " and ".join(kind.term for kind in types.semantic)
            self._findings.add("conflictingSupplementalTypes", f"{both} both set the unit; keep one", place)

    def is_undefined_property(self, key: str, types: Types, context: Context, element: Element) -> bool:
        """Tell whether a property that the element's types do not define may stand nevertheless."""
        place = element.place.at(key)
        if context.version == 2 and types.undefined:
            return True
        if ":" in key:
            if not dtmi.looks_like_dtmi(key):
                self._findings.add("propertyNotDtmiNorTerm", f"property {key!r} is no term and no DTMI", place)
                return False
            if not dtmi.is_dtmi(key):
                self._findings.add("propertyInvalidDtmi", f"property {key!r} is no valid DTMI", place)
                return False
        if types.undefined:
            return True
        if ":" in key or context.terms.defines(key):
            self._findings.add(
                "propertyIrrelevantDtmiOrTerm", f"{element.kind} has no property {key}; remove it", place
            )
        else:
            hint = "mend its name, or add the type and context of the extension that defines it"
            self._findings.add("propertyUndefinedTerm", f"{element.kind} has no property {key}; {hint}", place)
        return False


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:-1]) + (" or " if len(names) > 1 else "") + names[-1] if names else "none"
