"""Progress bars on stderr, for people only: without a terminal there are none."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Meter(Protocol):
    """Hears how far a file has been read."""

    def at(self, done: int, readings: int) -> None:
        """Note bytes read and readings stored."""

    def end(self, readings: int) -> None:
        """Note that all is done."""


class _Silent:
    def at(self, done: int, readings: int) -> None:
        """Show nothing."""

    def end(self, readings: int) -> None:
        """Show nothing."""


class _Bar:
    def __init__(self, progress: Progress, task: TaskID, total: int) -> None:
        self._progress = progress
        self._task = task
        self._total = total

    def at(self, done: int, readings: int) -> None:
        elapsed = self._progress.tasks[self._task].elapsed or 0.001
        rate = f"{readings:,} readings, {readings / elapsed:,.0f}/s"
        self._progress.update(self._task, completed=min(done, self._total), rate=rate)

    def end(self, readings: int) -> None:
        self.at(self._total, readings)


@contextlib.contextmanager
def metered(name: str, size: int) -> Iterator[Meter]:
    """Lend a meter for a file of `size` bytes."""
    if not sys.stderr.isatty():
        yield _Silent()
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TextColumn("{task.fields[rate]}"))
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(name.replace("[", r"\["), total=size, rate="")
        yield _Bar(progress, task, size)


@contextlib.contextmanager
def shares() -> Iterator[Progress]:
    """Lend a progress display for tasks that know the share that is done, from 0 to 1."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<28}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        yield progress


@contextlib.contextmanager
def loading(name: str) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Lend what shows how far a load is, as GET /loads/{id} tells it: a bar while reading, else that it goes on."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as progress:
        shown = name.replace("[", r"\[")
        task = progress.add_task(f"sending {shown}", total=None)

        def show(load: dict[str, Any]) -> None:
            known = load["phase"] == "reading" and load["bytes"] and load["bytes_read"]
            quads = f", {load['quads']:,} quads" if load["quads"] else ""
            progress.update(
                task,
                description=f"{load['phase']} {shown}{quads}",
                total=load["bytes"] if known else None,
                completed=load["bytes_read"] if known else 0,
            )

        yield show


@contextlib.contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show that something is going on, and for how long, where nothing tells how much of it is done."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task(what.replace("[", r"\["), total=None)
        yield
