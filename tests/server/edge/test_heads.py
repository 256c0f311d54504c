"""What the headers of a request say."""

from __future__ import annotations

import pytest

from server.edge.heads import fields_of, read_head


def test_headers_of_one_name_are_a_list() -> None:
    assert fields_of([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]) == {b"a": b"1, 3", b"b": b"2"}


@pytest.mark.parametrize(
    ("hosts", "has", "clear"),
    [
        ([], False, True),
        *[([host], True, True) for host in (b"a:80", b"[::1]:80", b"")],
        *[(hosts, True, False) for hosts in ([b"a b"], [b"a", b"a"], [b"a@b"])],
    ],
)
def test_there_is_one_host(hosts: list[bytes], has: bool, clear: bool) -> None:
    head = read_head(tuple((b"host", host) for host in hosts))
    assert (head.has_host, head.is_host_clear) == (has, clear)


def test_lines_are_counted_and_expectations_found() -> None:
    head = read_head(((b"expect", b"100-Continue"), (b"a", b"bc")))
    assert head.size == len(b"expect: 100-Continue\r\n" + b"a: bc\r\n")
    assert head.expects_100_continue
    assert not read_head(((b"expect", b"more"),)).expects_100_continue
