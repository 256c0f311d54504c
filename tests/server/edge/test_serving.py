"""The frame of the application."""

from __future__ import annotations

from server.edge.serving import fields_of


def test_headers_of_one_name_are_a_list() -> None:
    assert fields_of([(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]) == {b"a": b"1, 3", b"b": b"2"}
