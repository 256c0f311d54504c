"""Which lines the quick path takes: if too few were plain, everything would be right, and slow."""

from __future__ import annotations

import pytest

from server.tables.line_protocol.tokens import lines_of

PLAIN = (
    "m f=1",
    "m f=1 1700000000000000000",
    "cpu,cpu=cpu0,host=a usage_idle=99.5,usage_user=0.5,n=5i,ok=true 1700000000000000000",
    r"my\ m,ta\,g=va\=lue,room=Room\ 101 f\ 1=1 17",
    r"disk,path=C:\Windows\Temp free=5i",
    'm s="a b, c=d",f=1,t="" 17',
    r'm,room=Room\ 1 s="it is open",f=1',
    "°C,entity=küche value=21.5",
)
ODD = (
    "m  f=1",
    " m f=1",
    "m f=1 ",
    "a=b f=1",
    "m,t=a\tb f=1",
    r'm s="a\"b"',
    r'm s="a\\"',
    'm,t="a" f=1',
    'm s="a',
    'm s="a"b',
    'm s=a"b"',
    "m f=1\\",
    "m",
    "m,t f=1",
    "m,t= f=1",
    "m f=",
    "m f=1,",
    "m f=1,,g=2",
    "m f=1 17 18",
    "m f=1\r",
)
SKIPPED = ("", "# a comment", '#m s="a')


@pytest.mark.parametrize("line", PLAIN)
def test_a_usual_line_is_plain(line: str) -> None:
    lines = lines_of(f"{line}\n".encode())
    assert (lines.plain.tolist(), lines.odd.tolist()) == ([True], [False])


@pytest.mark.parametrize("line", ODD)
def test_an_unusual_or_wrong_line_is_odd(line: str) -> None:
    lines = lines_of(f"{line}\n".encode())
    assert (lines.plain.tolist(), lines.odd.tolist()) == ([False], [True])


@pytest.mark.parametrize("line", SKIPPED)
def test_an_empty_line_or_a_comment_is_neither(line: str) -> None:
    lines = lines_of(f"{line}\n".encode())
    assert (lines.plain.tolist(), lines.odd.tolist()) == ([False], [False])


def test_a_line_is_what_it_is_whatever_is_beside_it() -> None:
    block = "\n".join((*ODD, *PLAIN, *SKIPPED, *PLAIN, *ODD)) + "\n"
    lines = lines_of(block.encode())
    kinds = [False] * len(ODD) + [True] * len(PLAIN) + [False] * len(SKIPPED)
    assert lines.plain.tolist() == [*kinds, *[True] * len(PLAIN), *[False] * len(ODD)]
    assert lines.odd.sum() == 2 * len(ODD)


def test_the_fields_of_plain_lines_are_found() -> None:
    lines = lines_of(b"m,t=a f=1,g=2 17\nm f=\nm h=3\n")
    assert lines.tokens.at[lines.fields].tolist() == [7, 11, 25]
