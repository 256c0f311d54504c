"""Columns of values as the texts of literals and IRIs, written as the graph's engine does."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from server.twin.hybrid import vocabulary as terms

Values: TypeAlias = "pa.Array[Any]"
_SECONDS = pa.timestamp("s")


def doubles(values: Values) -> Values:
    """Return numbers as xsd:double has them, shortest and without exponents; null where there is none."""
    texts = _without_exponents(values.cast(pa.string()))
    finite = pc.is_finite(values)
    if pc.all(finite).as_py() is not False:
        return texts
    infinite = pc.if_else(pc.greater(values, pa.scalar(0.0)), "INF", "-INF")
    found: Values = pc.if_else(finite, texts, pc.if_else(pc.is_nan(values), "NaN", infinite))
    return found


def _without_exponents(texts: Values) -> Values:
    with_exponent = pc.match_substring(texts, "e")
    if not pc.any(with_exponent).as_py():
        return texts
    encoded = pc.if_else(with_exponent, texts, None).dictionary_encode()
    plain = pa.array([format(Decimal(str(text)), "f") for text in encoded.dictionary.to_pylist()], pa.string())
    found: Values = pc.if_else(with_exponent, plain.take(encoded.indices), texts)
    return found


def times(values: Values) -> Values:
    """Return times as xsd:dateTime has them in UTC, but for the Z at the end."""
    try:
        texts = values.cast(_SECONDS).cast(pa.string())
    except pa.ArrowInvalid:  # some are not of whole seconds
        texts = pc.utf8_rtrim(pc.utf8_rtrim(values.cast(pa.string()), "0"), ".")
    found: Values = pc.binary_replace_slice(texts, 10, 11, "T")
    return found


def observations(values: Values, public_url: str) -> Values:
    """Return the IRIs of readings, which are structs of `id` and `time`; null where there is none."""
    head, separator = (f"{public_url}/observations/", "/") if public_url else (terms.OBSERVATION_IRI, ":")
    ids, moments = values.field(0), times(values.field(1))  # type: ignore[attr-defined]
    for sign in ("-", ":"):
        moments = pc.replace_substring(moments, sign, "")
    found: Values = pc.binary_join_element_wise(head, ids, separator, moments, "Z", "")
    return found
