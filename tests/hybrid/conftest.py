"""The building that the other tests of the server share, too."""

from __future__ import annotations

from tests.server.conftest import site

__all__ = ["site"]
