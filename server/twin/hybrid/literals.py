"""Which literals have a lexical form of their datatype (XML Schema 1.1, part 2): others are errors in expressions."""

from __future__ import annotations

import re

import pyoxigraph as ox

from ontologies.namespaces import XSD

INTEGERS = ("integer", "int", "long", "short", "byte", "nonNegativeInteger")
_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"
_DOUBLE = rf"{_NUMBER}(?:[eE][+-]?\d+)?|[+-]?INF|NaN"
_FORMS = {
    XSD[name].value: re.compile(form, re.ASCII)
    for name, form in {
        **dict.fromkeys(INTEGERS, r"[+-]?\d+"),
        "decimal": _NUMBER,
        "double": _DOUBLE,
        "float": _DOUBLE,
        "boolean": r"true|false|0|1",
        "dateTime": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?",
        "dayTimeDuration": r"-?P(?=.)(?:\d+D)?(?:T(?=.)(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?",
    }.items()
}


def is_well_formed(literal: ox.Literal) -> bool:
    """Tell whether a literal is one of its datatype, as far as that is known here."""
    form = _FORMS.get(literal.datatype.value)
    return form is None or form.fullmatch(literal.value) is not None
