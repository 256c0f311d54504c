"""Columns become the cells that the graph's engine writes, value by value."""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta

import pyarrow as pa
import pyoxigraph as ox
import pytest

from server.twin.hybrid.bindings import Terms
from server.twin.hybrid.cells import CSV, FORMATS, JSON, TSV, XML
from server.twin.hybrid.rendering import Texts
from server.twin.hybrid.typed_sql import Column
from storage.errors import NotInFormat
from storage.graph.functions import time_literal

_TERMS = Terms(pa.array([], pa.string()))
_SPECIAL = [None, 0.0, -0.0, math.nan, math.inf, -math.inf, 1e300, 5e-324, 1e16, 1e-7, 0.1 + 0.2, 2.0**53, -21.5]


def _texts(form: str, public_url: str = "") -> Texts:
    return Texts(FORMATS[form], _TERMS, public_url)


@pytest.mark.parametrize("form", [JSON, XML, CSV, TSV])
@pytest.mark.parametrize("times", [1, 100], ids=["each", "many alike"])
def test_doubles(form: str, times: int) -> None:
    values = _SPECIAL * times
    wanted = [None if v is None else FORMATS[form].cell(ox.Literal(v)) for v in values]
    column = Column("x", "double")
    assert _texts(form).cells(column, pa.array(values, pa.float64())).to_pylist() == wanted


def test_doubles_of_which_none_is_like_another() -> None:
    chance = random.Random(1)
    values = [round(chance.uniform(-1e3, 1e3), chance.randint(0, 9)) for _ in range(2000)]
    wanted = [FORMATS[TSV].cell(ox.Literal(v)) for v in values]
    assert _texts(TSV).cells(Column("x", "double"), pa.array(values, pa.float64())).to_pylist() == wanted


@pytest.mark.parametrize("fraction", [0, 7, 250_000])
@pytest.mark.parametrize("form", [JSON, TSV])
def test_times(form: str, fraction: int) -> None:
    first = datetime(2026, 1, 5, 7, 30, 10)
    values = [None, *(first + timedelta(days=d, microseconds=fraction * (d % 2)) for d in range(9))]
    wanted = [None if v is None else FORMATS[form].cell(time_literal(v)) for v in values]
    assert _texts(form).cells(Column("x", "time"), pa.array(values, pa.timestamp("us"))).to_pylist() == wanted


@pytest.mark.parametrize(
    ("public_url", "head", "separator"),
    [("", "urn:twinhouse:observation:", ":"), ("https://t.example", "https://t.example/observations/", "/")],
)
def test_readings(public_url: str, head: str, separator: str) -> None:
    rows = [
        {"id": "a-b", "time": datetime(2026, 1, 5, 7, 30)},
        {"id": "a-b", "time": datetime(2026, 1, 5, 7, 30, 0, 500_000)},
        {"id": None, "time": None},
    ]
    values = pa.array(rows, pa.struct([("id", pa.string()), ("time", pa.timestamp("us"))]))
    assert _texts(CSV, public_url).cells(Column("r0", "observation"), values).to_pylist() == [
        f"{head}a-b{separator}20260105T073000Z",
        f"{head}a-b{separator}20260105T073000.5Z",
        None,
    ]


def test_texts_in_xml_are_read_back_or_refused() -> None:
    def rendered(text: str) -> str | None:
        return _texts(XML).cells(Column("x", "string"), pa.array([text])).to_pylist()[0]

    assert rendered("a\r\n<\ufffd") == "<literal>a&#13;\n&lt;\ufffd</literal>"
    for character in "\0\x01\x1f\ufffe\uffff":
        with pytest.raises(NotInFormat, match=f"U\\+{ord(character):04X}"):
            rendered(f"a{character}")
