"""What is known of a query before it is run: whether it is one, and whether a plan has all of it."""

from __future__ import annotations

from functools import lru_cache

import pyoxigraph as ox

from server.twin.hybrid.plan import plan
from storage.graph.extensions import extensions
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
