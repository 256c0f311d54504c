"""Updates of data alone, in groups: all share the messages to the writer and a sync, and each stands for itself."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

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
_Steps = Generator[None, None, Outcomes]
_SECONDS = 120.0  # that a group may take


class Begun:
    """Updates under way: whenever `source` becomes readable `end` is called, until it returns what became of them."""

    def __init__(self, channel: Channel, steps: _Steps, give_up: Callable[[], None]) -> None:
        """`give_up` ends the process that runs them, if that does not answer."""
        self._steps = steps
        self.source = channel
        self.give_up = give_up

    def end(self) -> Outcomes | None:
        """Return what became of the updates, or None as long as they are not durable; see GraphStore."""
        try:
            next(self._steps)
        except StopIteration as ended:
            outcomes: Outcomes = ended.value
            return outcomes
        return None


class Groups:
    """Runs groups of updates, one at a time."""

    def __init__(self, engine: Engine, pen: Pen) -> None:
        self._engine = engine
        self._pen = pen
        self._under_way = False

    def run(self, updates: Updates, deadline: Deadline | None, told: ToldOfAll | None) -> Outcomes:
        """Run a group; see GraphStore.update_all."""
        _refuse(updates)
        with self._pen.held(deadline):
            channel = self._engine.begun_updates(updates, record=told is not None)
            begun = self._begun(channel, self._steps(channel, told))
            while True:
                if not channel.ready(_SECONDS):
                    begun.give_up()
                if (outcomes := begun.end()) is not None:
                    return outcomes

    def begin(self, updates: Updates, told: ToldOfAll | None) -> Begun | None:
        """Begin a group; see GraphStore.begin_updates."""
        _refuse(updates)
        if self._under_way or self._pen.wanted or not self._pen.take_at_once():
            return None
        try:
            channel = self._engine.begin_updates(updates, record=told is not None)
        except BaseException:
            self._pen.release()
            raise
        if channel is None:
            self._pen.release()
            return None
        self._under_way = True
        return self._begun(channel, self._releasing(self._steps(channel, told)))

    def _begun(self, channel: Channel, steps: _Steps) -> Begun:
        return Begun(channel, steps, lambda: self._engine.end_writer(channel))

    def _releasing(self, steps: _Steps) -> _Steps:
        """Take these steps, and then release the pen."""
        try:
            with self._pen.until_released():
                return (yield from steps)
        finally:
            self._under_way = False

    def _steps(self, channel: Channel, told: ToldOfAll | None) -> _Steps:
        """Take the answers about a group, each when it is there."""
        try:
            found = self._engine.committed(channel)
            try:
                if told is not None:
                    told({place: each for place, each in enumerate(found) if not isinstance(each, StorageError)})
                if not channel.has_more:
                    yield
            finally:
                self._engine.synced(channel)
        except NotSynced as error:
            self._pen.fail(OSError(str(error)))
            raise
        return self._made_visible(channel, found)

    def _made_visible(self, channel: Channel, found: Sequence[Change | StorageError | None]) -> Outcomes:
        """Number the commits of those that have run; all that is committed is durable now."""
        outcomes: Outcomes = [each if isinstance(each, StorageError) else self._pen.next() for each in found]
        if commits := [each for each in outcomes if isinstance(each, int)]:
            self._pen.reach(commits[-1])
        if any(isinstance(each, DiskFailed) for each in found):
            self._engine.end_writer(channel)
            self._pen.doubt(disk_failed=True)  # one of them may be there all the same
        return outcomes


def _refuse(updates: Updates) -> None:
    for text, _ in updates:
        refuse_outbound(text)
