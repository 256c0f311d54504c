"""What XML 1.0 cannot hold as the engine writes it: some characters not at all, a carriage return only escaped."""

from __future__ import annotations

from storage.errors import NotInFormat

_CONTROLS = bytes(code for code in range(0x20) if code not in b"\t\n\r")
_NONCHARACTERS = ("\ufffe".encode(), "\uffff".encode())


def escaped(xml: bytes, before: bytes = b"") -> bytes:
    """Return XML in which a carriage return stays one (XML 1.0, section 2.11); `before` are the bytes before it.

    Raises NotInFormat where it has a character that is none of XML (section 2.2), which no escape can stand for.
    """
    if len(xml.translate(None, _CONTROLS)) != len(xml):
        raise _not_in_xml(next(code for code in xml if code in _CONTROLS))
    seen = before[-2:] + xml
    for noncharacter in _NONCHARACTERS:
        if noncharacter in seen:
            raise _not_in_xml(ord(noncharacter.decode()))
    return xml.replace(b"\r", b"&#13;")


def _not_in_xml(code: int) -> NotInFormat:
    return NotInFormat(f"the answer has the character U+{code:04X}, which XML cannot hold")
