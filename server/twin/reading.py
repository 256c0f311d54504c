"""What a query's text tells before it runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from storage.errors import QueryRefused
from storage.graph.guard import Form, form, keywords, refuse_outbound

_CHANGING = frozenset({"NOW", "RAND", "UUID", "STRUUID"})  # functions whose value is another each time
_MARKS = ("NOW", "RAND", "UUID", "BNODE", "SERVICE", "LOAD", "\\U")  # what most queries have nowhere
_BEGINNING = re.compile(
    r"""(?: \s*+ (?:PREFIX \s++ (?:[^\W\d_][\w.-]*+)? : | BASE) \s*+ <[^<>"{}|^`\\\x00-\x20]*+> )*+
        \s*+ (SELECT|ASK|CONSTRUCT|DESCRIBE) \b""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class About:
    """The form of a query; whether its answer `lasts` as long as the graph does, and `repeats` to the letter.

    One that `asks` other servers needs a lease (see `storage.graph.federation`).
    """

    form: Form
    lasts: bool
    repeats: bool
    asks: bool = False


_FORMS = {form.value: form for form in Form}
_PLAIN = {form: About(form, lasts=True, repeats=True) for form in Form}


@lru_cache(4096)
def about_query(text: str) -> About:
    """Read a query."""
    capitals = text.upper()
    if not any(map(capitals.__contains__, _MARKS)):
        return _PLAIN[_form(text)]
    marks = {mark for mark in _MARKS if mark in capitals}
    if _asks(text):
        return About(_form(text), lasts=False, repeats=False, asks=True)
    # A keyword may be hidden by an escape, and that of SERVICE where section 19.8 has none (see storage.graph.guard).
    lasts = marks.isdisjoint({"\\U", "SERVICE"}) and _CHANGING.isdisjoint(keywords(text))
    return About(_form(text), lasts, lasts and "BNODE" not in marks)


def _asks(text: str) -> bool:
    try:
        refuse_outbound(text)
    except QueryRefused:
        return True
    return False


def _form(text: str) -> Form:
    """Return the form; where a plain prologue at most precedes it, without reading tokens."""
    begins = _BEGINNING.match(text)
    return _FORMS[begins.group(1).upper()] if begins else form(text)
