"""Updates of data alone, in groups: all share a message to the writer and a sync, and each commits by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from storage.errors import DiskFailed, StorageError
from storage.graph.channel import Channel, NotSynced
from storage.graph.deadline import Deadline
from storage.graph.engine import Engine
from storage.graph.guard import refuse_outbound
from storage.graph.pen import Pen
from storage.graph.recording.recorder import Change

Updates = Sequence[tuple[str, str | None]]
"""Texts with their base IRIs."""
Outcomes = list[int | StorageError]
"""Of each the generation that has it, or its error."""
ToldOfAll = Callable[[dict[int, Change | None]], None]


class Begun:
    """Updates under way: when `fileno` becomes readable, `end` returns what became of them; see GraphStore."""

    def __init__(self, channel: Channel, end: Callable[[], Outcomes], give_up: Callable[[], None]) -> None:
        """`give_up` ends the process that runs them, if that does not answer."""
        self.fileno = channel.fileno
        self.end = end
        self.give_up = give_up


class Groups:
    """Runs groups of updates, one at a time."""

    def __init__(self, engine: Engine, pen: Pen) -> None:
        self._engine = engine
        self._pen = pen
        self._begun = False

    def run(self, updates: Updates, deadline: Deadline | None, told: ToldOfAll | None) -> Outcomes:
        """Run a group; see GraphStore.update_all."""
        _refuse(updates)
        with self._pen.held(deadline):
            return self._ended(lambda: self._engine.update_all(updates, record=told is not None), told)

    def begin(self, updates: Updates, told: ToldOfAll | None) -> Begun | None:
        """Begin a group; see GraphStore.begin_updates."""
        _refuse(updates)
        if self._begun or self._pen.wanted or not self._pen.take_at_once():
            return None
        try:
            channel = self._engine.begin_updates(updates, record=told is not None)
        except BaseException:
            self._pen.release()
            raise
        if channel is None:
            self._pen.release()
            return None
        self._begun = True
        return Begun(channel, partial(self._end, channel, told), partial(self._engine.end_writer, channel))

    def _end(self, channel: Channel, told: ToldOfAll | None) -> Outcomes:
        self._begun = False
        with self._pen.until_released():
            return self._ended(partial(self._engine.end_updates, channel), told)

    def _ended(self, end: Callable[[], list[Change | StorageError | None]], told: ToldOfAll | None) -> Outcomes:
        """Return what became of the updates: they are durable, and visible from now on."""
        try:
            found = end()
        except NotSynced as error:
            self._pen.fail(OSError(str(error)))
            raise
        if told is not None:
            told({place: each for place, each in enumerate(found) if not isinstance(each, StorageError)})
        outcomes: Outcomes = [each if isinstance(each, StorageError) else self._pen.next() for each in found]
        if any(isinstance(each, DiskFailed) for each in found):
            self._pen.next()  # one of them may be there all the same
        self._pen.reach()
        return outcomes


def _refuse(updates: Updates) -> None:
    for text, _ in updates:
        refuse_outbound(text)
