from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.faults import ROOT

MEGABYTES = 64
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 and "CI" not in os.environ, reason="only root can mount a small disk"
)


@pytest.mark.parametrize("what", ["fill_series store", "fill_series server", "fill_graph"])
def test_a_full_disk_is_said_and_nothing_is_lost(tmp_path: Path, what: str) -> None:
    """Everything that was acknowledged is there while the disk is full, and writing goes on once there is room."""
    module, *more = what.split()
    program = shlex.join([sys.executable, "-m", f"tests.faults.{module}", str(tmp_path), *more])
    mounted = f"mount -t tmpfs -o size={MEGABYTES}m tmpfs {shlex.quote(str(tmp_path))} && exec {program}"
    command = ["unshare", "--mount", "sh", "-c", mounted]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
