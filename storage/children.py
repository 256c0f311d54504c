"""What processes that work apart are told: where the modules are, and how to keep memory that was freed."""

from __future__ import annotations

import os
import sys

# The engine allocates and frees small pieces by the hundred for a query; glibc keeps seven of a size at hand. With
# more of them a lookup takes a fifth less. They are bounded: 64 sizes of up to 1 KiB, 33 MB a thread at the worst.
_ALLOCATOR = "glibc.malloc.tcache_count=1000"


def environment() -> dict[str, str]:
    """Return the environment of a process of this program's own; GLIBC_TUNABLES, where it is set, wins."""
    return {
        "GLIBC_TUNABLES": _ALLOCATOR,
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
