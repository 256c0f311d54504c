from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from pyoxigraph import NamedNode, Quad

from ontologies.catalog import find
from ontologies.formats import format_of_file, read_quads
from tests.support.data import shared

MODEL = NamedNode("urn:test:model")


@cache
def _model(path: str) -> tuple[Quad, ...]:
    return tuple(read_quads(shared(path), format_of_file(path), graph=MODEL, lenient=True))


@pytest.fixture(scope="session")
def model() -> Callable[[str], tuple[Quad, ...]]:
    """Read a model of the shared data into the graph ``urn:test:model``."""
    return _model


@pytest.fixture(scope="session")
def brick() -> Callable[[str], tuple[Quad, ...]]:
    """Read a version of Brick into its own graph."""
    return cache(lambda version: tuple(find("brick", version).quads()))
