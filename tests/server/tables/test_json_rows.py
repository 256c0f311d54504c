from __future__ import annotations

import json

import pytest

from server.tables import blocks, json_rows
from server.tables.read import BadReadings
from tests.server.tables.reading import Json, Option, Row, opened, read, rows_of, utc

_DAY = utc("2024-01-01")
_TIME = "2024-01-01T00:00:00Z"


def _bodies(*rows: Json) -> list[tuple[str, str]]:
    """The same rows in each form of JSON."""
    lines = [json.dumps(row) for row in rows]
    return [
        ("json", f"[{','.join(lines)}]"),
        ("json", f'{{"readings":[{",".join(lines)}]}}'),
        ("ndjson", "\n".join(lines)),
        ("ndjson", "\n\n".join(lines) + "\n\n"),
    ]


def _all(*rows: Json, **options: Option) -> list[Row]:
    answers = [read(body, name, **options) for name, body in _bodies(*rows)]
    assert all(answer == answers[0] for answer in answers)
    return answers[0]


def _refused(*rows: Json, **options: Option) -> BadReadings:
    errors = []
    for name, body in _bodies(*rows):
        with pytest.raises(BadReadings) as caught:
            read(body, name, **options)
        errors.append(caught.value)
    assert len({str(error) for error in errors}) == 1
    assert len({(error.row, error.column) for error in errors}) == 1
    return errors[-1]


def test_numbers_booleans_and_text() -> None:
    rows = _all(
        {"id": "a", "time": _TIME, "value": 1},
        {"id": "b", "time": _TIME, "value": True, "more": {"x": [1]}},
        {"id": "c", "time": _TIME, "value": "on", "status": "fault"},
        {"id": "d", "time": _TIME, "text": "21.5"},
        {"id": "e", "time": _TIME, "text": ""},
        {"id": 7, "time": _TIME, "value": -1.5e3, "status": None},
    )
    assert rows == [
        ("a", _DAY, 1.0, None, None),
        ("b", _DAY, 1.0, None, None),
        ("c", _DAY, None, "on", "fault"),
        ("d", _DAY, None, "21.5", None),
        ("e", _DAY, None, "", None),
        ("7", _DAY, -1500.0, None, None),
    ]


def test_plain_numbers_take_the_fast_way() -> None:
    assert _all({"id": "é", "time": _TIME, "value": 1}, {"time": _TIME, "id": "b", "value": 2.5}) == [
        ("é", _DAY, 1.0, None, None),
        ("b", _DAY, 2.5, None, None),
    ]


def test_what_is_missing_is_dropped_and_counted() -> None:
    rows = [{"id": "a", "time": _TIME, "value": v} for v in (None, "NaN", float("nan"), "")]
    for name, body in _bodies(*rows, {"id": "a", "time": _TIME}):
        source = opened(body, name)
        assert rows_of(source) == []
        assert (source.rows_read, source.rows_missing) == (5, 5)


def test_members_can_be_named() -> None:
    assert _all({"k": "a", "w": _TIME, "n": 1}, id_column="k", time_column="w", value_column="n") == [
        ("a", _DAY, 1.0, None, None)
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "a", "time": "2024-13-01", "value": 1}, 'time "2024-13-01" is not a date and time'),
        ({"id": "a", "time": _TIME, "value": [1]}, "value is neither a number, a boolean nor text"),
        ({"id": "a", "time": _TIME, "value": float("inf")}, "value is infinite or too large for a number"),
        ({"id": "a", "time": _TIME, "value": 10**400}, "value is infinite or too large for a number"),
        ({"id": "a", "time": _TIME, "value": 1, "text": "x"}, "has both a value and a text"),
        ({"id": "a", "time": _TIME, "value": "y", "text": "x"}, "has both a value and a text"),
        ({"id": True, "time": _TIME, "value": 1}, 'id "true" is not text'),
        ({"id": "a\ud800", "time": _TIME, "value": 1}, "id is not Unicode text"),
        ({"time": _TIME, "value": 1}, "has no id"),
        ({"id": "a", "value": 1}, "has no time"),
        ({"id": "a", "time": 5, "value": 1}, 'time "5" is not a time in text like the others'),
        ([1], "is not an object"),
    ],
)
def test_errors_name_their_row(row: Json, message: str) -> None:
    good = {"id": "a", "time": _TIME, "value": 1}
    assert str(_refused(good, row, good)) == f"row 2: {message}"


def test_ndjson_names_the_line() -> None:
    with pytest.raises(BadReadings) as caught:
        read('{"id":"a","time":"2024-01-01","value":1}\n\n{"id":"a","time":"x","value":1}\n', "ndjson")
    assert (caught.value.row, caught.value.line) == (2, 3)


def test_numbers_as_times_need_a_unit() -> None:
    row = {"id": "a", "time": 86_400, "value": 1}
    assert _all(row, time_unit="s") == [("a", utc("1970-01-02"), 1.0, None, None)]
    assert "time_unit" in _refused(row).hint
    assert _refused({**row, "time": 2**70}, time_unit="s").row == 1


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("json", b'[{"id":"a"'),
        ("json", b"7"),
        ("json", b""),
        ("json", b'{"rows":[]}'),
        ("json", b"[" * 100_000),
        ("json", b"[" + b"9" * 10_000 + b"]"),
        ("json", b'[{"id":"\xff"}]'),
        ("ndjson", b'{"id":"\xff"}'),
        ("ndjson", b'{"id":"a","time":"2024-01-01","value":1} {"id":"b","time":"2024-01-01","value":1}'),
        ("ndjson", b'{"id":"a","time":"2024-01-01","value":1}\n{"id":"\xff","time":"2024-01-01","value":1}'),
        ("ndjson", b'{"id":"a","time":"2024-01-01","value":1}\n{"id":"a","ti'),
    ],
)
def test_what_is_no_json_is_refused(name: str, body: bytes) -> None:
    with pytest.raises(BadReadings):
        read(body, name)


def test_no_rows_are_fine() -> None:
    assert read("[]", "json") == read("", "ndjson") == read("\n", "ndjson") == []


def test_a_large_document_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rows, "MAX_JSON_BYTES", 10)
    with pytest.raises(BadReadings) as caught:
        read("[          ]", "json")
    assert "NDJSON" in caught.value.hint


def test_rows_are_counted_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 128)
    good = [f'{{"id":"p{i}","time":"2024-01-01","value":{i}}}' for i in range(50)]
    assert [row[2] for row in read("\n".join(good), "ndjson")] == list(range(50))
    with pytest.raises(BadReadings) as caught:
        read("\n".join([*good, '{"id":"a","time":"2024-01-01","value":{}}']), "ndjson")
    assert (caught.value.row, caught.value.line) == (51, 51)


def test_wide_json_is_refused() -> None:
    assert "need an id" in str(_refused({"time": _TIME, "a": 1}))
