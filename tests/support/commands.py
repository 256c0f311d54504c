"""Commands that tests need and that no Python package brings."""

from __future__ import annotations

import os
import shutil

import pytest


def require_commands(*names: str) -> None:
    """Skip the test where a command is missing, but never in CI."""
    if missing := [name for name in names if shutil.which(name) is None]:
        message = f"not found: {', '.join(missing)}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
