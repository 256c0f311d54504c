"""``@context``: which version of DTDL and which extensions are in force for an element and what is inside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from ontologies.dtdl import dtmi
from ontologies.dtdl.findings import Findings, Place
from ontologies.dtdl.metamodel import VERSIONS
from ontologies.dtdl.vocabulary import IOT_CENTRAL, QUANTITATIVE, Vocabulary, vocabulary

_LANGUAGE = "dtmi:dtdl:context"
_KNOWN = {QUANTITATIVE: (3,), IOT_CENTRAL: (2,)}


class Undefined(Enum):
    """Whether contexts, types and properties that nothing known defines are allowed.

    ``BY_VERSION`` is the default of the specifications: yes in DTDL 2, no in DTDL 3.
    """

    NEVER = "never"
    BY_VERSION = "by version"
    ALWAYS = "always"

    def allowed(self, version: int) -> bool:
        return self is Undefined.ALWAYS or (self is Undefined.BY_VERSION and version == 2)


@dataclass(frozen=True, slots=True)
class Context:
    """What is in force: the version of DTDL, the known extensions, and whether there are unknown ones."""

    version: int
    extensions: frozenset[str] = frozenset()
    incomplete: bool = False

    @property
    def terms(self) -> Vocabulary:
        return vocabulary(self.version, self.extensions)


class _Refused(Exception):
    """A context that cannot be read on: a code, and what to do."""


class ContextReader:
    """Reads ``@context`` members; what is wrong with one goes into the findings."""

    def __init__(self, findings: Findings, undefined: Undefined, newest: int = VERSIONS[-1]) -> None:
        self._findings = findings
        self._undefined = undefined
        self._newest = newest

    def root(self, value: object, place: Place) -> Context | None:
        """Return the context of a top-level element, None where it cannot be read on."""
        try:
            return self._applied(Context(VERSIONS[0]), self._root_specifiers(value), nested=False)
        except _Refused as refused:
            self._report(refused, place)
            return None

    def nested(self, value: object, outer: Context, place: Place) -> Context | None:
        """Return the context of an element inside another, whose own is ``outer``."""
        try:
            return self._applied(outer, _specifiers(value), nested=True)
        except _Refused as refused:
            self._report(refused, place)
            return None

    def _report(self, refused: _Refused, place: Place) -> None:
        code, message = refused.args
        self._findings.add(code, message, place.at("@context"))

    def _root_specifiers(self, value: object) -> list[str]:
        if value is None:
            raise _Refused("missingContext", f'no @context; add "@context": "{_LANGUAGE};3"')
        specifiers = _specifiers(value)
        if not specifiers:
            raise _Refused("emptyContext", f"@context is empty; it must name {_LANGUAGE};2 or ;3")
        languages = [text for text in specifiers if _is_language(text)]
        if not languages:
            raise _Refused("missingDtdlContext", f"@context must begin with {_LANGUAGE};2 or ;3")
        if self._language(languages[-1]) >= 3 and specifiers[0] not in languages:
            raise _Refused("missingDtdlContext", f"{languages[0]} must come before the extensions")
        return specifiers

    def _applied(self, outer: Context, specifiers: list[str], *, nested: bool) -> Context:
        context = outer
        for at, text in enumerate(specifiers):
            if not _is_language(text):
                context = self._extended(context, text)
                continue
            version, before = self._language(text), set(specifiers[:at])
            # DTDL 2 lets IoT Central's context come first.
            if not all(map(_is_language, before)) and (version >= 3 or before != {IOT_CENTRAL}):
                raise _Refused("dtdlContextFollowsAffiliate", f"{text} must come before extensions")
            if nested and version > outer.version:
                message = f"DTDL {version} cannot be inside DTDL {outer.version}; define the element apart"
                raise _Refused("disallowedVersionDefinition", message)
            context = replace(context, version=version)
        return context

    def _language(self, text: str) -> int:
        version, _, fragment = text.partition(";")[2].partition("#")
        if fragment:
            raise _Refused("disallowedContextFragment", f"{text}: limits cannot be chosen in a context")
        if not version:
            raise _Refused("missingContextVersion", f"{text} has no version; write {_LANGUAGE};3")
        if not version.isdecimal() or int(version) not in VERSIONS:
            message = f"{text}: DTDL 2 and 3 are read, not {version}; convert the model"
            raise _Refused("unrecognizedContextVersion", message)
        if int(version) > self._newest:
            raise _Refused("disallowedContextVersion", f"{text}: DTDL {self._newest} at most here")
        return int(version)

    def _extended(self, context: Context, text: str) -> Context:
        _check_extension(text, context.version)
        if context.version in _KNOWN.get(text, ()):
            return replace(context, extensions=context.extensions | {text})
        if self._undefined.allowed(context.version):
            return replace(context, incomplete=True)
        known = dtmi.without_version(text) in {dtmi.without_version(name) for name in _KNOWN}
        code = "unresolvableContextVersion" if known else "unresolvableContextSpecifier"
        raise _Refused(code, f"no extension {text} is known here; remove it, or allow undefined terms")


def _is_language(text: str) -> bool:
    return dtmi.without_version(text) == _LANGUAGE


def _check_extension(text: str, version: int) -> None:
    if not dtmi.looks_like_dtmi(text):
        raise _Refused("nonDtmiContextSpecifier", f"{text!r} is no DTMI")
    if not dtmi.is_dtmi(text):
        raise _Refused("invalidContextSpecifier", f"{text!r} is no valid DTMI")
    if ";" not in text:
        raise _Refused("missingContextVersion", f"{text} has no version, as in {text};1")
    if version == 2 and not dtmi.is_own(text, 2):
        raise _Refused("invalidContextSpecifierForVersion", f"{text}: in DTDL 2 a version is a whole number")


def _specifiers(value: object) -> list[str]:
    """Return a context's members as texts."""
    members = value if isinstance(value, list) else [value]
    texts = [member for member in members if isinstance(member, str)]
    if any(isinstance(member, dict) for member in members):
        raise _Refused("disallowedLocalContext", "terms cannot be defined in @context; name a DTMI")
    if len(texts) < len(members):
        raise _Refused("invalidContext", "@context must be a DTMI or an array of DTMIs")
    return texts
