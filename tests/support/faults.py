"""Runs a program that writes, and kills it at some moment: SIGKILL, so that nothing of it can tidy up."""

from __future__ import annotations

import multiprocessing
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = int(os.environ.get("TWINHOUSE_FAULT_ROUNDS", "20"))
LONGEST = 0.7  # seconds between the first answer and the kill


def run_and_kill(module: str, directory: Path, first: int, moment: random.Random) -> list[int]:
    """Start `python -m module directory first`, kill it some time after its first answer; returns its answers.

    It prints a number for each write that has returned, one a line.
    """
    command = [sys.executable, "-m", module, str(directory), str(first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline())]
        timer = threading.Timer(moment.uniform(0.0, LONGEST), process.kill)
        timer.start()
        acknowledged += [int(line) for line in process.stdout if line.endswith("\n")]
        timer.join()
    assert process.returncode == -9
    return acknowledged


def fork_and_kill(
    main: Callable[..., object], moment: random.Random, *arguments: object, longest: float = LONGEST
) -> list[Any]:
    """Call `main` with arguments and a function that says something, in a process of its own; returns what was said.

    It is killed some time, at most `longest` seconds, after it first says something. Processes are forked from one
    that has imported everything, so that a kill costs little.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([main.__module__])
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(main, arguments, sender), daemon=True)
    process.start()
    sender.close()
    said = [receiver.recv()]
    timer = threading.Timer(moment.uniform(0.0, longest), process.kill)
    timer.start()
    try:
        while True:
            said.append(receiver.recv())
    except (EOFError, OSError):  # a kill may cut a message in two
        timer.join()
    process.join()
    assert process.exitcode == -9
    return said


def _tell(main: Callable[..., object], arguments: tuple[object, ...], sender: Connection) -> None:
    main(*arguments, partial(_say, sender, threading.Lock()))


def _say(sender: Connection, one_at_a_time: Any, what: object) -> None:  # noqa: ANN401 - a lock
    with one_at_a_time:
        sender.send(what)
