"""One suite over every form that Haystack's grids and records are written in."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings

from ontologies.errors import FormatError, ValueShapeError
from ontologies.haystack.csv_text import read_csv, write_csv
from ontologies.haystack.forms import HAYSON, JSON3
from ontologies.haystack.hayson import read_hayson
from ontologies.haystack.hayson_text import write_hayson
from ontologies.haystack.json3 import read_json3, write_json3
from ontologies.haystack.kinds import MARKER, Dict, Grid, Number, Ref, Value, XStr, grid_of, kind_of
from ontologies.haystack.trio import read_trio, write_trio
from ontologies.haystack.zinc import read_value, read_zinc
from ontologies.haystack.zinc_text import value_text, write_zinc
from ontologies.models.form import Options
from tests.ontologies.haystack.grids import NESTED, RECORDS, SCALARS, SITES, awkward, carytown
from tests.support.data import shared


@dataclass(frozen=True)
class Codec:
    name: str
    read: Callable[[str], Grid]
    write: Callable[[Grid], str]
    meta: bool = True  # whether that of the grid comes back


CODECS = (
    Codec("zinc", read_zinc, write_zinc),
    Codec("hayson", read_hayson, write_hayson),
    Codec("json3", read_json3, write_json3),
    Codec("trio", lambda text: grid_of(read_trio(text)), lambda grid: "".join(write_trio(grid.rows)), meta=False),
    Codec("csv", read_csv, lambda grid: "".join(write_csv(grid)), meta=False),
)
every_codec = pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)


def by_id(rows: list[Dict]) -> dict[object, Dict]:
    return {row["id"]: row for row in rows}


@every_codec
@pytest.mark.parametrize("grid", [awkward, carytown])
def test_a_grid_comes_back_as_it_was(codec: Codec, grid: Callable[[], Grid]) -> None:
    before = grid()
    after = codec.read(codec.write(before))
    assert list(after.rows) == list(before.rows)
    if codec.meta:
        assert after == before


@settings(max_examples=30, deadline=None)
@given(records=RECORDS)
def test_whatever_the_records_are_they_come_back(records: list[dict[str, Value]]) -> None:
    grid = grid_of(records)
    for codec in CODECS:
        # CSV tells no kinds: text that looks like a list, in quotes, is one.
        if codec.name != "csv":
            assert list(codec.read(codec.write(grid)).rows) == records, codec.name


@pytest.mark.parametrize("value", [*SCALARS, *NESTED], ids=repr)
def test_a_value_alone_comes_back(value: Value) -> None:
    assert read_value(value_text(value)) == value
    assert kind_of(value) != "Null"


def test_one_site_in_four_forms_is_the_same_site() -> None:
    rows = by_id(list(carytown().rows))
    assert len(rows) == 24
    assert by_id(list(read_json3(shared(f"{SITES}/carytown.json").read_text()).rows)) == rows
    assert by_id(read_trio(shared(f"{SITES}/carytown.trio").read_text())) == rows
    assert by_id(list(read_csv(shared(f"{SITES}/carytown.csv").read_text()).rows)) == rows


def test_the_grids_of_the_edge_cases() -> None:
    tricky = read_zinc(shared("haystack/grids/tricky.zinc").read_text())
    values = {row["n"]: row.get("v") for row in tricky.rows}
    assert values["num1"] == Number(10_000.0)
    assert values["num9"] == Number(20.0, "_kwh_per_ft")
    assert values["null"] is None
    assert repr(values["num6"]) == "Number(value=nan, unit=None)"
    assert isinstance(values["grid"], Grid)
    assert tricky.columns[1].meta == {"dis": "Val col", "unit": "°C"}
    again = read_zinc(write_zinc(tricky))
    assert repr(again) == repr(tricky)  # NaN equals nothing

    crlf = read_zinc(shared("haystack/grids/crlf.zinc").read_bytes().decode())
    assert crlf.rows == [{"a": Number(1.0)}, {"b": Number(2.0)}]
    one = read_zinc(shared("haystack/grids/onecol.zinc").read_text())
    assert one.rows == [{}, {"a": "x"}]
    assert read_zinc(write_zinc(one)) == one
    empty = read_zinc(shared("haystack/grids/empty.zinc").read_text())
    assert write_zinc(empty) == 'ver:"3.0"\nempty\n'
    error = read_zinc(shared("haystack/grids/err.zinc").read_text())
    assert error.meta == {"err": MARKER, "dis": "bad", "errTrace": "l1\nl2"}


def test_the_standards_own_defs_are_read_and_written() -> None:
    records = [record for path in shared("haystack/defs").rglob("*.trio") for record in read_trio(path.read_text())]
    assert sum("def" in record for record in records) == 719
    assert read_trio("".join(write_trio(records))) == records


def test_older_zinc_is_read() -> None:
    old = read_zinc('ver:"2.0"\na,b\nBin(text/plain),2020-01-01T00:00:00+02:00\n')
    assert old.rows[0]["a"] == XStr("Bin", "text/plain")
    assert value_text(old.rows[0]["b"]) == "2020-01-01T00:00:00+02:00 GMT-2"


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "a grid begins with ver"),
        ('ver:"9.0"\na\n', 1, 1, "version 9.0"),
        ('ver:"3.0" Foo\na\n', 1, 11, "no name of a tag"),
        ('ver:"3.0"\na,a\n1,2\n', 2, 3, "two columns a"),
        ('ver:"3.0"\na,b\n1\n', 3, 1, "2 cells expected, not 1"),
        ('ver:"3.0"\na,b\n1,2,"3"\n', 3, 1, "2 cells expected, not 3"),
        ('ver:"3.0"\na,b\n1,hello\n', 3, 3, "a string is written in quotes"),
        ('ver:"3.0"\na,b\n1, "x" y\n', 3, 8, "follows the value"),
        ('ver:"3.0"\na,b\n1,"x\n', 3, 3, "is no value"),
        ('ver:"3.0"\na,b\n"\\q",1\n', 3, 1, "no escape"),
        ('ver:"3.0"\na,b\n2020-13-01,1\n', 3, 1, "month"),
        ('ver:"3.0"\na,b\n[1, 2,\n', 3, 1, "this list has no end"),
        ('ver:"3.0"\na,b\n{a:1,\n', 3, 1, "this dict has no end"),
        ('ver:"3.0"\na,b\n1,<<\nver:"3.0"\nx\n1\n', 3, 3, "this grid has no end"),
        ('ver:"3.0"\na,b\n1,2\n\n3,4\n', 5, 1, "a blank line ends a grid"),
        ('ver:"3.0"\na\n' + "[" * 200 + "\n", 3, 101, "nested more than"),
    ],
)
def test_bad_zinc_names_line_and_column(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read_zinc(text)
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("dis:A\n---\nid @a\n", 3, 1, "is no tag"),
        ("dis:A\ndis:B\n", 2, 1, "two tags dis"),
        ("Dis:A\n", 1, 1, "is no tag"),
        ("dis:A\nref:@a b\n", 2, 8, "follows the value"),
        ("a:[1,\n  2,\n  x]\n", 3, 3, "is no value|a string is written in quotes"),
        ('grid:Zinc:\n  ver:"3.0"\n  a\n  x\n', 4, 1, "a string is written in quotes"),
    ],
)
def test_bad_trio_names_line_and_column(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read_trio(text)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_trio_as_people_write_it() -> None:
    text = (
        "\n\n// who\ndis: 3504 W Cary St\nyear:1996\nsite\ndoc:\n  two\n  lines\n\n---\n----\nok:true\nns:T\nx:-a\n"
    )
    assert read_trio(text) == [
        {"dis": "3504 W Cary St", "year": Number(1996.0), "site": MARKER, "doc": "two\nlines"},
        {"ok": True, "ns": True, "x": "-a"},
    ]
    inner = 'a:Trio:\n  dis:B\n  ---\n  dis:C\ng:<<\nver:"3.0"\na\n1\n>>\nl: [\n\n  // no\n  {a b},\n]\n'
    (record,) = read_trio(inner)
    assert record["a"] == ({"dis": "B"}, {"dis": "C"})
    assert isinstance(record["g"], Grid)
    assert record["l"] == ({"a": MARKER, "b": MARKER},)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('{"cols":[{"name":"id"}],"rows":[{"id":{"_kind":"Ref","val":"a"}}]}', "rows[0].id"),
        ('{"cols":[{"name":"id"}],"rows":[{"id":"a"},{"x":1}]}', "rows[1]"),
        ('{"cols":[{"name":"Id"}],"rows":[]}', "cols[0]"),
        ('{"cols":[{}],"rows":[]}', "cols[0]"),
        ('{"cols":{},"rows":[]}', "cols"),
        ('[{"a":[1,{"_kind":"number","val":"x"}]}]', "[0].a[1].val"),
        ('[{"a":{"_kind":"number","val":1,"unit":2}}]', "[0].a.unit"),
        ('[{"a":{"_kind":"date","val":"soon"}}]', "[0].a"),
        ('[{"a":{"_kind":"ref","val":"a b"}}]', "[0].a"),
        ('[{"a":{"_kind":"dateTime","val":"2020-01-01T00:00:00"}}]', "[0].a"),
        ("[1]", "[0]"),
        ('[{"a":1' + "0" * 400 + "}]", "[0].a"),
        ('[{"a":{"_kind":"number","val":1' + "0" * 400 + "}}]", "[0].a.val"),
    ],
)
def test_bad_hayson_names_the_path(text: str, path: str) -> None:
    with pytest.raises(ValueShapeError, match=re.escape(path)) as caught:
        read_hayson(text)
    assert caught.value.where == path


def test_a_site_that_is_no_hayson_is_refused() -> None:
    with pytest.raises(ValueShapeError, match=r'rows\[0\]\.id: "Ref" is no kind'):
        read_hayson(shared(f"{SITES}/carytown.hayson.json").read_text())


@pytest.mark.parametrize(
    ("text", "path"), [('[{"a":"n:x"}]', "[0].a"), ('[{"a":["r:"]}]', "[0].a[0]"), ("[1]", "[0]")]
)
def test_bad_json3_names_the_path(text: str, path: str) -> None:
    with pytest.raises(ValueShapeError) as caught:
        read_json3(text)
    assert caught.value.where == path


def test_json_that_is_none_names_line_and_column() -> None:
    for read in (read_hayson, read_json3):
        with pytest.raises(FormatError, match="Expecting") as caught:
            read('{"a":\n  x}')
        assert (caught.value.line, caught.value.column) == (2, 3)
        with pytest.raises(FormatError, match="two members 'a'"):
            read('{"a":1,"a":2}')
        with pytest.raises(FormatError, match="digits"):
            read('{"a":' + "1" * 5000 + "}")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "empty"),
        ("a,b\n1\n", 2, "2 cells"),
        ("a,a\n", 1, "two columns"),
        ('a\n"x\n', 2, "quote"),
        ("é\n", 1, "names no"),
    ],
)
def test_bad_csv_names_the_line(text: str, line: int, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read_csv(text)
    assert caught.value.line == line


def test_csv_of_a_spreadsheet() -> None:
    read = read_csv('Id,Zone Temp,dis\r\n@a Room 1,72.5°F,"1,5"\r\n,✓,\r\n"@b ""x"", y",5,T\r\n')
    assert [column.name for column in read.columns] == ["id", "zoneTemp", "dis"]
    assert read.columns[1].meta == {"dis": "Zone Temp"}
    assert read.rows == [
        {"id": Ref("a", "Room 1"), "zoneTemp": Number(72.5, "°F"), "dis": "1,5"},
        {"zoneTemp": MARKER},
        {"id": Ref("b", '"x", y'), "zoneTemp": Number(5.0), "dis": True},
    ]


def test_a_dict_and_a_list_are_documents_of_json() -> None:
    assert read_hayson('{"id":{"_kind":"ref","val":"a"},"x":null}').rows == [{"id": Ref("a")}]
    assert read_json3('{"id":"r:a A b","x":1.5}').rows == [{"id": Ref("a", "A b"), "x": Number(1.5)}]
    assert replace(read_hayson("[]"), columns=[]).rows == []


@pytest.mark.parametrize(
    "text",
    [
        "a:" + " " * 200_000 + "x",
        "A(" + " " * 200_000,
        "dis:A(" + " " * 200_000 + "b",
        'a:"' + '\\"' * 100_000,
        "a" * 200_000 + "!",
    ],
    ids=["spaces", "bare", "xstr", "escapes", "name"],
)
def test_long_lines_take_no_longer_than_they_are_long(text: str) -> None:
    """Each of these would take minutes if the time grew with the square: the suite's own limit would end it."""
    with contextlib.suppress(FormatError):
        assert read_trio(text)
    with pytest.raises(FormatError):
        read_zinc(f'ver:"3.0"\na,b\n{text},1\n'.replace("dis:", "").replace("a:", ""))


@pytest.mark.parametrize("depth", [900, 50_000])
def test_what_is_nested_too_deep_is_refused(depth: int) -> None:
    for form, ref in ((HAYSON, '{"_kind":"ref","val":"a"}'), (JSON3, '"r:a"')):
        document = f'[{{"id":{ref},"a":{"[" * depth}{"]" * depth}}}]'
        with pytest.raises(FormatError, match="too deep"):
            list(form.read(document.encode(), Options()).quads)
