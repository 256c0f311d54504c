"""Which tests share a process where several run at a time (`pytest -n 3`), and that none is timed."""

from __future__ import annotations

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

settings.register_profile("untimed", deadline=None)  # a busy machine is no reason to fail
settings.load_profile("untimed")

# BACnet has one port for all, where one stack's devices and another's clients keep each other out.
_BACNET = (
    "tests/server/bacnet/",
    "tests/server/cli/test_bacnet",
    "tests/server/demo/test_network",
    "tests/faults/test_bacnet",
)


class _Together(LoadFileScheduling):  # type: ignore[misc] # it has no types
    """Keeps the tests of a file together, for its fixtures; and all that are on a BACnet network on loopback."""

    def _split_scope(self, nodeid: str) -> str:
        return "bacnet" if nodeid.startswith(_BACNET) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _Together:
    """Choose how tests are given to processes."""
    return _Together(config, log)
