"""Hands the functions of `storage.graph.functions` to the engine, for the texts that may name one."""

from __future__ import annotations

from typing import Any


def extensions(text: str) -> dict[str, Any]:
    """Return the arguments of the engine's `query` and `update` that make its functions known."""
    if "twinhouse" not in text and "\\" not in text:
        return {}
    from storage.graph.functions import AGGREGATES, FUNCTIONS  # what few queries need

    return {"custom_functions": FUNCTIONS, "custom_aggregate_functions": AGGREGATES}
