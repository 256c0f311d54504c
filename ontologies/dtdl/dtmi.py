"""Digital Twin Model Identifiers (DTMI), as DTDL 2 and 3 define them: ``dtmi:com:example:Thermostat;1``."""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST = 2048
LONGEST_OF_INTERFACE = 128

_SEGMENT = r"[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?"
_SYSTEM_SEGMENT = r"(?:[A-Za-z]|_+[A-Za-z0-9])(?:[A-Za-z0-9_]*[A-Za-z0-9])?"
_VERSION = r"[1-9][0-9]{0,8}"
_MINOR = r"[1-9][0-9]{0,5}"

_OWN = {
    2: re.compile(rf"dtmi:{_SEGMENT}(?::{_SEGMENT})*;{_VERSION}"),
    3: re.compile(rf"dtmi:{_SEGMENT}(?::{_SEGMENT})*(?:;{_VERSION}(?:\.{_MINOR})?)?"),
}
_ANY = re.compile(
    rf"dtmi:{_SYSTEM_SEGMENT}(?::{_SYSTEM_SEGMENT})*"
    rf"(?:;{_VERSION}(?:\.{_MINOR})?)?(?:\#(?:{_SYSTEM_SEGMENT})?)?"
)
_RESERVED = ("dtmi:dtdl:", "dtmi:standard:")
_RESERVED_BY_IOT_CENTRAL = "dtmi:iotcentral:"


def is_dtmi(text: str) -> bool:
    """Tell whether a text is a DTMI at all, with or without a version, a fragment, or segments made by a parser."""
    return _ANY.fullmatch(text) is not None


@lru_cache(maxsize=65536)
def is_own(text: str, version: int) -> bool:
    """Tell whether an author may give this identifier in DTDL 2, which needs a version, or DTDL 3."""
    return _OWN[version].fullmatch(text) is not None


def looks_like_dtmi(text: str) -> bool:
    """Tell whether a text was meant to be one."""
    return text.startswith("dtmi:")


def is_reserved(text: str, *, iot_central: bool) -> bool:
    """Tell whether an identifier belongs to the language itself, or to IoT Central where its context is in force."""
    return text.startswith(_RESERVED) or (iot_central and text.startswith(_RESERVED_BY_IOT_CENTRAL))


def without_version(text: str) -> str:
    """Return the identifier without the version."""
    return text.partition(";")[0]


def derived(parent: str, *segments: str) -> str:
    """Return the identifier that an element without one gets, from its parent's (DTDL: "assigned automatically")."""
    path, _, version = parent.partition(";")
    return ":".join([path, *segments]) + (f";{version}" if version else "")
