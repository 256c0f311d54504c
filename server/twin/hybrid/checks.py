"""What is known of a query before it is run: whether it is one, whether a plan has all of it, its time left."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache

import pyoxigraph as ox

from server.twin.hybrid.plan import plan
from storage.errors import DeadlineExceeded
from storage.graph.extensions import extensions
from storage.graph.queries import Limits
from storage.graph.rewriting import ask
from storage.graph.rewriting.tokens import NotUnderstood


@lru_cache(1024)
def is_valid(text: str) -> bool:
    """Tell whether a text is a query that the engine takes. It opens no connection, nor reads more than the text."""
    try:
        ask(text, lambda instead: ox.Store().query(instead, base_iri="http://localhost/", **extensions(instead)))
    except SyntaxError:
        return False
    except (RuntimeError, ValueError):
        return True
    return True


def is_planned(text: str) -> bool:
    """Tell whether a query is pushed down as a whole, as far as its text says."""
    try:
        plan(text)
    except NotUnderstood:
        return False
    return True


def rest_of(limits: Limits, began: float) -> Limits:
    """Return the limits with what is left of the time. Raises DeadlineExceeded where nothing is."""
    left = limits.seconds - (time.monotonic() - began)
    if left <= 0:
        raise DeadlineExceeded(f"the query took longer than {limits.seconds:g} s")
    return replace(limits, seconds=left)
