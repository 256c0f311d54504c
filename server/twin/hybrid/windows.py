"""The window of times that filters leave."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pyoxigraph as ox

from server.twin.hybrid.expressions import time_of
from server.twin.hybrid.trees import Call, Const, Expression, Var
from storage.graph.rewriting.tokens import NotUnderstood
from storage.series.durations import read_step
from storage.series.sql import Window

_COMPARISONS = ("<", "<=", ">", ">=", "=")
_MICROSECOND = timedelta(microseconds=1)
_MIRRORED = str.maketrans("<>", "><")


def window_of(filters: Sequence[Expression], name: str | None, now: datetime) -> Window:
    """Return the window of a time's variable; filters that say nothing of it leave it as it is."""
    window = Window()
    for found in filters if name is not None else ():
        match found:
            case Call(operator, (Var(left), right)) if operator in _COMPARISONS and left == name:
                window = _narrowed(window, operator, moment(right, now))
            case Call(operator, (left, Var(right))) if operator in _COMPARISONS and right == name:
                window = _narrowed(window, operator.translate(_MIRRORED), moment(left, now))
            case _:
                pass
    return window


def _narrowed(window: Window, operator: str, time: datetime | None) -> Window:
    if time is None:
        return window
    start, end = window.start, window.end
    if operator in (">", ">=", "="):
        since = time + _MICROSECOND if operator == ">" else time
        start = since if start is None else max(start, since)
    if operator in ("<", "<=", "="):
        until = time if operator == "<" else time + _MICROSECOND
        end = until if end is None else min(end, until)
    return Window(start, end)


def moment(found: Expression, now: datetime) -> datetime | None:
    """Return the time that an expression without variables is; None where that is not known."""
    match found:
        case Const(ox.Literal() as term):
            try:
                return time_of(term)
            except NotUnderstood:
                return None
        case Call("NOW", ()):
            return now
        case Call("-" | "+" as operator, (left, Const(ox.Literal() as term))):
            time, step = moment(left, now), read_step(term.value)
            if time is None or step is None or step.months:
                return None
            return time - step.time if operator == "-" else time + step.time
    return None


def is_window(found: Expression, name: str, now: datetime) -> bool:
    """Tell whether a filter says no more than the window that `window_of` makes of it."""
    match found:
        case Call(operator, (Var(left), right)) if operator in _COMPARISONS and left == name:
            return moment(right, now) is not None
        case Call(operator, (left, Var(right))) if operator in _COMPARISONS and right == name:
            return moment(left, now) is not None
    return False
