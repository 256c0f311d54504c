"""Literal values: texts, texts in languages, whole numbers and truth values, plain or as JSON-LD value objects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ontologies.dtdl.dtmi import is_own
from ontologies.dtdl.findings import Findings, Place
from ontologies.dtdl.metamodel import Kind, Property

Literal = str | int | bool

_XSD = ("xsd:", "http://www.w3.org/2001/XMLSchema#")
_LANGUAGE = re.compile(r"[a-z]{2,4}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?")
_WORDS = {Kind.TEXT: "string", Kind.WHOLE: "integer", Kind.TRUTH: "boolean", Kind.LITERAL: "string"}
_TYPES: dict[str, type] = {"string": str, "integer": int, "boolean": bool}
_DEFAULT_LANGUAGE = "en"
_INTEGER = range(-(2**31), 2**31)


class LiteralReader:
    """Reads the literals of one version of DTDL; what is wrong with one goes into the findings."""

    def __init__(self, findings: Findings, version: int) -> None:
        self._findings = findings
        self._version = version

    def read(self, prop: Property, value: object, place: Place) -> Literal | dict[str, str] | None:
        """Return a property's value, a text by language for a localized one; None where it has none or is wrong."""
        if value is None:
            self._findings.add("propertyValueNull", f"{prop.name} is null; leave it out", place)
            return None
        match prop.kind:
            case Kind.LOCALIZED:
                return self._localized(prop, value, place)
            case Kind.DTMI:
                return self._dtmi(value, place)
            case _:
                return self._limited(prop, self._single(prop, value, place), place)

    def _single(self, prop: Property, value: object, place: Place) -> Literal | None:
        word = _WORDS[prop.kind]
        if isinstance(value, list):
            if not value:
                if prop.required:
                    self._findings.add(f"{word}CountBelowMin", f"{prop.name} is empty; it needs a value", place)
                return None
            if len(value) > 1:
                self._findings.add(f"{word}MultipleValues", f"{prop.name} has {len(value)} values; keep one", place)
                return None
            value = value[0]
        if isinstance(value, dict):
            return self._value_object(prop, word, value, place)
        if prop.kind is Kind.LITERAL:
            return self._either(value, place)
        if type(value) is not _TYPES[word]:
            message = f"{prop.name} must be {prop.kind.value}, not {_shown(value)}"
            self._findings.add(f"{word}Not{word.title()}", message, place)
            return None
        return value  # type: ignore[return-value]  # its type was just looked at

    def _either(self, value: object, place: Place) -> Literal | None:
        if type(value) in (str, int):
            return value  # type: ignore[return-value]  # its type was just looked at
        self._findings.add("incorrectPropertyValue", f"needs a text or a whole number, not {_shown(value)}", place)
        return None

    def _value_object(self, prop: Property, word: str, value: Mapping[str, object], place: Place) -> Literal | None:
        if not self._members_allowed(value, place):
            return None
        if "@value" not in value:
            self._findings.add(f"{word}ObjectNoValue", f"{prop.name} is an object without @value", place)
            return None
        declared = value.get("@type")
        if isinstance(declared, list) and len(declared) == 1:
            declared = declared[0]
        if "@type" in value and not isinstance(declared, str):
            self._findings.add("literalTypeNotSingular", "@type of a value must be one text, as xsd:string", place)
            return None
        given = _local(declared) if isinstance(declared, str) else None
        if given is not None and (given not in _TYPES or (prop.kind is not Kind.LITERAL and given != word)):
            self._findings.add(f"{word}TypeNot{word.title()}", f"@type must be xsd:{word}, not {declared}", place)
            return None
        inner, wanted = value["@value"], given or word
        if prop.kind is Kind.LITERAL and given is None:
            return self._either(inner, place)
        if type(inner) is not _TYPES[wanted]:
            self._findings.add(f"{wanted}ValueNot{wanted.title()}", f"@value {_shown(inner)} is no {wanted}", place)
            return None
        if prop.kind is Kind.LITERAL and given == "boolean":
            self._findings.add("literalNotValid", f"{prop.name} must be a text or a whole number", place)
            return None
        return inner  # type: ignore[return-value]  # its type was just looked at

    def _members_allowed(self, value: Mapping[str, object], place: Place) -> bool:
        before = len(self._findings.items)
        for key in value:
            if key in ("@context", "@graph", "@id"):
                self._findings.add(f"valueObject{key[1:].title()}", f"a value cannot have {key}", place)
            elif not key.startswith("@"):
                self._findings.add("valueObjectInvalidProp", f"a value has @value and @type, not {key!r}", place)
            elif self._version >= 3 and key == "@language":
                self._findings.add("valueObjectLanguage", "a value that is not localized has no @language", place)
            elif self._version >= 3 and key not in ("@value", "@type"):
                self._findings.add("valueObjectKeyword", f"a value cannot have {key}", place)
        return len(self._findings.items) == before

    def _limited(self, prop: Property, value: Literal | None, place: Place) -> Literal | None:
        found = None
        match value:
            case bool() | None:
                pass
            case int():
                found = _number_problem(prop, value)
            case str():
                found = _text_problem(prop, value)
        if found:
            self._findings.add(*found, place)
            return None
        return value

    def _dtmi(self, value: object, place: Place) -> str | None:
        if isinstance(value, list) and len(value) <= 1:
            if not value:
                return None
            value = value[0]
        if not isinstance(value, str):
            self._findings.add("identifierNotString", f"a DTMI is needed, not {_shown(value)}", place)
        elif not is_own(value, self._version):
            self._findings.add("identifierNotDtmi", f"{value!r} is no DTMI, as dtmi:com:example:Room;1", place)
        else:
            return value
        return None

    def _localized(self, prop: Property, value: object, place: Place) -> dict[str, str]:
        texts: dict[str, str] = {}
        for language, text in self._by_language(value, place):
            if not _LANGUAGE.fullmatch(language):
                code = "langStringInvalidCode" if isinstance(value, dict) else "langStringElementInvalidCode"
                self._findings.add(code, f"{language!r} is no language code, as en or en-US", place)
            elif language in texts:
                self._findings.add("langStringElementCodeNotUnique", f"two texts in {language}; keep one", place)
            elif prop.longest is not None and len(text) > prop.longest:
                message = f"{prop.name} has {len(text)} characters; {prop.longest} are the most"
                self._findings.add("langStringValueTooLong", message, place)
            else:
                texts[language] = text
        return texts

    def _by_language(self, value: object, place: Place) -> Iterator[tuple[str, str]]:
        match value:
            case str():
                yield _DEFAULT_LANGUAGE, value
            case list():
                for at, element in enumerate(value):
                    yield from self._element(element, place.at(at))
            case dict():
                yield from self._map(value, place)
            case _:
                self._findings.add(
                    "langStringNotLangString", f"text, or texts by language, not {_shown(value)}", place
                )

    def _map(self, value: Mapping[str, object], place: Place) -> Iterator[tuple[str, str]]:
        hint = 'write {"en": ...}, or an array of objects with @value and @language'
        for language, text in value.items():
            if language.startswith("@"):
                self._findings.add("langMapObjKeyword", f"{language} cannot stand here; {hint}", place)
            elif isinstance(text, dict):
                self._findings.add("langTagValueInLangMap", "a text here is plain; its key is its language", place)
            elif not isinstance(text, str):
                self._findings.add("langStringValueNotString", f"a text is needed, not {_shown(text)}", place)
            else:
                yield language, text

    def _element(self, element: object, place: Place) -> Iterator[tuple[str, str]]:
        if isinstance(element, str):
            yield _DEFAULT_LANGUAGE, element
            return
        if not isinstance(element, dict):
            self._findings.add(
                "langStringElementNotStringOrObject", f"a text or an object, not {_shown(element)}", place
            )
            return
        if not self._element_members_allowed(element, place):
            return
        language, text = element.get("@language", _DEFAULT_LANGUAGE), element.get("@value")
        if "@value" not in element:
            self._findings.add("langStringElementNoValue", "the object has no @value", place)
        elif not isinstance(text, str):
            self._findings.add("langStringElementValueNotString", f"@value must be a text, not {_shown(text)}", place)
        elif not isinstance(language, str):
            self._findings.add("langStringElementCodeNotString", "@language must be a text, as en", place)
        else:
            yield language, text

    def _element_members_allowed(self, element: Mapping[str, object], place: Place) -> bool:
        before = len(self._findings.items)
        for key in element:
            if key in ("@context", "@graph", "@id"):
                self._findings.add(f"langStringElement{key[1:].title()}", f"a text cannot have {key}", place)
            elif not key.startswith("@"):
                self._findings.add("langStringElementInvalidProp", f"@value and @language, not {key!r}", place)
            elif self._version >= 3 and key == "@type":
                self._findings.add("langStringElementType", "a text in a language has no @type", place)
            elif self._version >= 3 and key not in ("@value", "@language"):
                self._findings.add("langStringElementKeyword", f"a text cannot have {key}", place)
        return len(self._findings.items) == before


def _number_problem(prop: Property, value: int) -> tuple[str, str] | None:
    if value not in _INTEGER:
        return "integerNotInteger", f"{value} does not fit into 32 bits"
    if prop.exactly is not None and value != prop.exactly:
        return "valueNotExact", f"{prop.name} must be {prop.exactly}, not {value}"
    if prop.least is not None and value < prop.least:
        return "valueBelowMin", f"{prop.name} must be {prop.least} or more, not {value}"
    if prop.most is not None and value > prop.most:
        return "valueAboveRange", f"{prop.name} must be {prop.most} or less, not {value}"
    return None


def _text_problem(prop: Property, value: str) -> tuple[str, str] | None:
    if prop.longest is not None and len(value) > prop.longest:
        return "stringTooLong", f"{prop.name} has {len(value)} characters; {prop.longest} are the most"
    if prop.pattern is not None and not prop.pattern.fullmatch(value):
        return "stringInvalid", f"{prop.name} {value!r} must be letters, digits and _, beginning with a letter"
    return None


def _local(iri: str) -> str:
    return next((iri[len(prefix) :] for prefix in _XSD if iri.startswith(prefix)), "")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
