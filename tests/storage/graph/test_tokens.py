"""What passes over many tokens at once sees the same ones as what looks at each."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.graph.tokens import (
    TOKEN,
    brackets_of,
    content_without_keywords,
    depth_behind,
    ends_with_iri,
    without_comments,
    without_keywords,
    words,
)

KEYWORD = re.compile("SERVICE|LOAD", re.IGNORECASE)
PIECES = [
    "SERVICE", "LOAD", "ſervice", "service:a", "a.service:x", "1.service", "loa", "s", "l", "word ", "ex:name", ":",
    "x:.", "x:%41\\-b", "<http://e/a>", "<a#b>", "<a'b>", "<a(b>", "<service>", "<", ">", "(", ")", "{", "}", "'",
    '"', "'''", '"""', "'a'", '"(" ', "\\", "\\'", "#", "# (", "\n", ".", ";", "?s", "?load ", "5", "1e5-", "@en-US",
    "_", "__a", "-", "é", "²", "٣", " ", "  ", "a." * 60, "a-" * 60, "<<(", "^^", "\\u0053",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def tokens_of(text: str) -> list[re.Match[str]]:
    return [token for token in TOKEN.finditer(text) if token.lastgroup != "comment"]


@settings(max_examples=500, deadline=None)
@given(text=TEXTS)
def test_words_are_the_tokens_that_are_words(text: str) -> None:
    assert [word.span("word") for word in words(text)] == [t.span() for t in tokens_of(text) if t.lastgroup == "word"]


def is_operand(token: re.Match[str]) -> bool:
    return token.lastgroup != "other" or token.group() in set(")}>")


@settings(max_examples=1000, deadline=None)
@given(text=TEXTS, inside=st.booleans())
def test_what_is_passed_over_is_whole_tokens_without_a_keyword(text: str, inside: bool) -> None:
    found = without_keywords(text, 0, inside=inside)
    passed = [token for token in tokens_of(text) if token.start() < found.end()]
    assert all(token.end() <= found.end() for token in passed)
    others = [token for token in passed if token.start() >= found.start("rest")]
    assert not any(is_operand(token) for token in others)
    assert without_comments(found["rest"])[-1:] == (others[-1].group()[-1] if others else "")
    operands = passed[: len(passed) - len(others)]
    assert not operands or is_operand(operands[-1])
    assert not operands or operands[-1].lastgroup != "iri" or ends_with_iri(text, operands[-1].end())
    for token in passed:
        assert inside or token.group() != "("
        if token.lastgroup == "iri" and inside:
            assert not re.search(r"['#();]|SERVICE|LOAD", token.group(), re.IGNORECASE)
        if token.lastgroup in ("word", "number", "name"):
            assert not KEYWORD.search(token.group().partition(":")[0])
    assert brackets_of(found.group()) == "".join(token.group() for token in passed if token.group() in set("(){}"))


@pytest.mark.parametrize("inside", [False, True])
def test_all_of_a_text_without_keywords_is_passed_over(inside: bool) -> None:
    text = "PREFIX x: <u> ASK { ?s x:p 'SERVICE', \"LOAD\", 5, true, x:service, ?load ; a <http://e/x> } # LOAD"
    assert without_keywords(text, 0, inside=inside).group() == text


def test_the_content_of_an_iri_ends_where_it_would_matter() -> None:
    for iri in ("<http://e/a>", "<http://e/a#service>", "<a'b>", "<a;b>", "<x/service>", "<(>"):
        rest = iri[content_without_keywords(iri, 1) :]
        assert re.match(r"[>#'(;]|service", rest)


@given(signs=st.text("(){}"), depth=st.integers(0, 3), pair=st.sampled_from(["()", "{}"]))
def test_a_bracket_that_closes_none_does_nothing(signs: str, depth: int, pair: str) -> None:
    expected = depth
    for sign in signs:
        expected = max(0, expected + (sign == pair[0]) - (sign == pair[1]))
    assert depth_behind(signs, pair, depth) == expected
