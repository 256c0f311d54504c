from __future__ import annotations

import io
import logging
import re

from server.observe.logs import Lines, _Formatter

RECORD = logging.makeLogRecord({"levelname": "INFO", "name": "twinhouse", "msg": "done"})


def test_times_are_those_of_logging() -> None:
    ours, theirs = _Formatter(), logging.Formatter()
    for created in (0.0, 1.25, 1.75, 1_700_000_000.999, 1_700_000_000.001):
        record = logging.makeLogRecord({"created": created, "msecs": int((created % 1) * 1000)})
        assert ours.formatTime(record) == theirs.formatTime(record)


def test_lines_that_were_added_are_written_together_in_their_order_and_as_others_are() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    assert [lines.add("twinhouse.requests", text) for text in "abc"] == [True, False, False]
    assert stream.getvalue() == ""
    lines.emit(RECORD)
    assert lines.add("twinhouse.requests", "d")
    lines.flush()
    lines.flush()
    written = stream.getvalue().splitlines()
    assert [line.rpartition(" ")[2] for line in written] == ["a", "b", "c", "done", "d"]
    form = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO twinhouse(\.requests)? \w+")
    assert all(map(form.fullmatch, written))
