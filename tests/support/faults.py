"""Runs a program that writes, and kills it at some moment: SIGKILL, so that nothing of it can tidy up."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = int(os.environ.get("TWINHOUSE_FAULT_ROUNDS", "20"))


def run_and_kill(module: str, directory: Path, first: int, moment: random.Random) -> list[int]:
    """Start `python -m module directory first`, kill it some time after its first answer; returns its answers.

    It prints a number for each write that has returned, one a line.
    """
    command = [sys.executable, "-m", module, str(directory), str(first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline())]
        timer = threading.Timer(moment.uniform(0.0, 0.7), process.kill)
        timer.start()
        acknowledged += [int(line) for line in process.stdout if line.endswith("\n")]
        timer.join()
    assert process.returncode == -9
    return acknowledged
