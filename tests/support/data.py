"""Where the shared test data is: beside the checkout, never in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("TWINHOUSE_SHARED_DATA", _ROOT.parent / "shared" / "data"))


def shared(path: str) -> Path:
    """Return a file or folder of the shared data; without it skip the test, but never in CI."""
    found = SHARED / path
    if not found.exists():
        message = f"no shared test data at {found}: see TWINHOUSE_SHARED_DATA"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found
