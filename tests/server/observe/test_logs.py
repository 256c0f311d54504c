from __future__ import annotations

import logging

from server.observe.logs import _Formatter


def test_times_are_those_of_logging() -> None:
    ours, theirs = _Formatter(), logging.Formatter()
    for created in (0.0, 1.25, 1.75, 1_700_000_000.999, 1_700_000_000.001):
        record = logging.makeLogRecord({"created": created, "msecs": created % 1 * 1000})
        assert ours.formatTime(record) == theirs.formatTime(record)
