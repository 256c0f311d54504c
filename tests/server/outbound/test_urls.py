from __future__ import annotations

import pytest

from server.outbound.urls import BadUrl, parse_url


@pytest.mark.parametrize(
    ("text", "authority", "target"),
    [
        ("http://a.org", "a.org", "/"),
        ("https://a.org:443/x?y=%20&z=ü#f", "a.org", "/x?y=%20&z=%C3%BC"),
        ("http://[::1]:8080/a/../b", "[::1]:8080", "/a/../b"),
        ("HTTP://A.ORG.:81/Grüße?q", "a.org:81", "/Gr%C3%BC%C3%9Fe?q"),
        ("http://１２７.0.0.1/", "127.0.0.1", "/"),
    ],
)
def test_the_parts_of_a_url(text: str, authority: str, target: str) -> None:
    url = parse_url(text)
    assert (url.authority, url.target) == (authority, target)


@pytest.mark.parametrize(
    "text",
    [
        *("", "a.org", "//a.org/", "ftp://a.org/", "file:///etc/passwd", "urn:a", "http:a.org", "http:///x"),
        *("http://u@a.org/", "http://u:p@a.org/", "http://@a.org/", "http://a.org@b.org/"),
        *("http://2130706433/", "http://0177.0.0.1/", "http://0x7f.1/", "http://0x7f000001/", "http://127.1/"),
        *("http://1.2.3.4.5/", "http://256.1.1.1/", "http://a.0x/", "http://１２７.1/"),
        *("http://a%2eorg/", "http://%31.1.1.1/", "http://a.org:/", "http://a.org:0/", "http://a.org:99999/"),
        *("http://[::1/", "http://[::1]x/", "http://[fe80::1%25eth0]/", "http://a..org/", "http://-a.org/"),
        *("http://a.org\\@b.org/", "http://a.org/ b", "http://a.org/\r\nx", "http://a.org/\tx", "\thttp://a.org/"),
        *("http://a.org/\x00", "http://a_b'.org/", "http://a.org/" + "x" * 9000, "http://a.org:80:80/"),
    ],
)
def test_what_is_no_url_to_ask(text: str) -> None:
    with pytest.raises(BadUrl):
        parse_url(text)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/x", "http://a.org/x"),
        ("y?z", "http://a.org/b/y?z"),
        ("//c.org/", "http://c.org/"),
        ("https://d.org", "https://d.org"),
    ],
)
def test_a_location_is_relative(location: str, expected: str) -> None:
    assert parse_url("http://a.org/b/c").join(location).text == expected


@pytest.mark.parametrize("location", ["http://u@a.org/", "ftp://a.org/", "\\\\b.org/", "/\r\nX: y"])
def test_a_location_that_is_none(location: str) -> None:
    with pytest.raises(BadUrl):
        parse_url("http://a.org/b/c").join(location)
