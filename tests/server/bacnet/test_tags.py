"""Tagged values against the encodings of ASHRAE 135, clause 20.2, and what devices make of them."""

from __future__ import annotations

import random

import pytest
from bacpypes3 import primitivedata

from server.bacnet import tags
from server.bacnet.errors import Malformed
from server.bacnet.tags import Bits, Context, Date, ObjectId, Time, Value


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("00", None),
        ("11", True),
        ("2148", 72),
        ("3148", 72),
        ("31ff", -1),
        ("4442900000", 72.0),
        ("4441aa6666", 21.3),
        ("447f7fffff", 3.4028234663852886e38),
        ("443eaaaaab", 0.3333333432674408),
        ("447f800000", float("inf")),
        ("55084052000000000000", 72.0),
        ("631234ff", b"\x12\x34\xff"),
        ("75190054686973206973206120424143 6e657420737472696e6721", "This is a BACnet string!"),
        ("8203a8", Bits((True, False, True, False, True))),
        ("9100", 0),
        ("a45b011804", Date(1991, 1, 24, 4)),
        ("b411232d11", Time(17, 35, 45, 17)),
        ("c400c0000f", ObjectId(3, 15)),
        ("0c00c0000f", Context(0, bytes.fromhex("00c0000f"))),
        ("2e21112f", Context(2, (17,))),
    ],
)
def test_values_as_the_standard_has_them(octets: str, value: Value) -> None:
    data = bytes.fromhex(octets)
    assert tags.read_value(data, 0) == (value, len(data))


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"\x00Vorlauf K\xc3\xbcche", "Vorlauf Küche"),
        (b"\x00Vorlauf K\xfcche", "Vorlauf Küche"),  # says UTF-8, is Windows-1252
        (b"\x05Temp\xe9rature", "Température"),
        (b"\x04\x00K\x00\xfc", "Kü"),
        (b"\x03\x00\x00\x00K", "K"),
        (b"\x01\x03\xa4\x82\xa0", "あ"),  # code page 932
        (b"\x00AHU-1\x00\x00", "AHU-1"),
        (b"\x09odd", "odd"),
        (b"", ""),
    ],
)
def test_names_in_odd_encodings(octets: bytes, text: str) -> None:
    assert tags.read_text(octets) == text


@pytest.mark.parametrize(
    "octets", ["", "75", "7505", "44429000", "4242", "2f", "c400c000", "2e2111", "2e21113f", "f5"]
)
def test_what_is_no_value_is_malformed(octets: str) -> None:
    with pytest.raises(Malformed):
        tags.read_value(bytes.fromhex(octets), 0)


def test_deep_nesting_ends() -> None:
    with pytest.raises(Malformed, match="deeply"):
        tags.read_value(b"\x0e" * 10_000, 0)


def test_random_bytes_are_values_or_malformed() -> None:
    chance = random.Random(4)
    for _ in range(20_000):
        data = chance.randbytes(chance.randrange(1, 40))
        try:
            _, end = tags.read_value(data, 0)
        except Malformed:
            continue
        assert 0 < end <= len(data) + 8


@pytest.mark.parametrize("number", [0, 1, 127, 128, 255, 256, 65535, 65536, 2**32 - 1])
def test_numbers_are_written_as_another_stack_writes_them(number: int) -> None:
    assert tags.application(tags.UNSIGNED, number) == primitivedata.Unsigned(number).encode()[0].encode().pduData
    for signed in (number // 2, -number // 2):
        expected = primitivedata.Integer(signed).encode()[0].encode().pduData
        assert tags.application(tags.INTEGER, signed) == expected
    assert tags.application(tags.REAL, number) == primitivedata.Real(number).encode()[0].encode().pduData


@pytest.mark.parametrize(("number", "value"), [(tags.UNSIGNED, 1.5), (tags.UNSIGNED, -1), (tags.REAL, "warm")])
def test_values_that_a_type_does_not_have_are_refused(number: int, value: float | str) -> None:
    with pytest.raises(ValueError, match="no"):
        tags.application(number, value)
