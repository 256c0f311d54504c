from __future__ import annotations

import logging

from server.observe.logs import _Formatter


def test_times_are_those_of_logging() -> None:
    ours, theirs = _Formatter(), logging.Formatter()
    for created in (0.0, 1.25, 1.75, 1_700_000_000.999, 1_700_000_000.001):
        record = logging.makeLogRecord({"created": created, "msecs": created % 1 * 1000})
        assert ours.formatTime(record) == theirs.formatTime(record)


def test_lines_are_those_of_logging() -> None:
    ours, theirs = _Formatter(), logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        int("wrong")
    except ValueError as error:
        failure = (ValueError, error, error.__traceback__)
    for details in ({}, {"exc_info": failure}, {"stack_info": "the stack"}, {"args": (1,), "msg": "%d %%"}):
        record = logging.makeLogRecord({"levelname": "INFO", "name": "twinhouse", "msg": "done", **details})
        assert ours.format(record) == theirs.format(record)
