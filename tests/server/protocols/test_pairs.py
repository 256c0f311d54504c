from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.protocols.pairs import parse_pairs

PIECES = [
    "%",
    "%4",
    "%41",
    "%e2%82%ac",
    "%E2",
    "%3D",
    "%0A",
    "=",
    "+",
    "&",
    "a",
    "Z",
    " ",
    "\n",
    "\r",
    "\t",
    "é",
    "€",
    "_",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_the_pairs_are_those_of_the_standard_library(text: str) -> None:
    try:
        expected = parse_qsl(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            parse_pairs(text)
    else:
        assert parse_pairs(text) == expected


@given(st.lists(st.tuples(st.text(min_size=1), st.text())))
def test_what_was_written_is_read(pairs: list[tuple[str, str]]) -> None:
    assert parse_pairs(urlencode(pairs)) == pairs
    assert parse_pairs(urlencode(pairs, quote_via=quote)) == pairs


@pytest.mark.parametrize("end", ["\n", " ", "=", "\t ", " \r\n"])
def test_the_end_of_a_value_is_kept(end: str) -> None:
    assert parse_pairs("query=" + quote(f"ASK {{}}{end}", safe=" \n\r\t")) == [("query", f"ASK {{}}{end}")]
