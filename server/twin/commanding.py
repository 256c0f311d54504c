"""Commands to the building: from whoever may give them to the gateway that carries them out, and the answer back.

The server does not speak to the building. A gateway asks for commands, and tells how each went. A command is taken
once, and only within its time: one that no gateway has taken by then is never carried out. Each is noted in
`commands.jsonl` of the data directory, durably, before a gateway hears of it, and again with its outcome.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from server.errors import Problem, bad_request

FILE = "commands.jsonl"
DEFAULT_PRIORITY, LOWEST_PRIORITY, LIFE_SAFETY = 8, 16, 2
_LONGEST_HOLD = 366 * 86_400.0
_KEYS = frozenset({"point", "value", "priority", "seconds", "life_safety"})
_MOST_WAITING = 1000


@dataclass(frozen=True, slots=True)
class Command:
    """A command: a value for a point at a priority, or None to take back what that priority commands.

    seconds: after which it is taken back by itself; None: never
    life_safety: whoever gives it knows that priorities 1 and 2 are of life safety
    """

    id: str
    point: UUID
    value: float | bool | str | None
    priority: int
    seconds: float | None
    life_safety: bool
    who: str


@dataclass(slots=True)
class _Pending:
    command: Command
    outcome: asyncio.Future[dict[str, Any]]
    taken: bool = False


def parse_command(document: dict[str, Any], point: UUID, who: str) -> Command:
    """Read a command. Raises a 400 problem."""
    if unknown := sorted(set(document) - _KEYS):
        raise bad_request(f'there is no member "{unknown[0]}"', hint="members: " + ", ".join(sorted(_KEYS)))
    if "value" not in document:
        raise bad_request("value is missing", hint="null takes back what the priority commands")
    value, priority = document["value"], document.get("priority", DEFAULT_PRIORITY)
    seconds, life_safety = document.get("seconds"), document.get("life_safety", False)
    if not isinstance(value, (int, float, bool, str, type(None))):
        raise bad_request("value is a number, true, false, a text or null")
    if not isinstance(priority, int) or isinstance(priority, bool) or not 1 <= priority <= LOWEST_PRIORITY:
        raise bad_request("priority is a whole number from 1 to 16")
    if priority <= LIFE_SAFETY and life_safety is not True:
        hint = "--life-safety (life_safety: true) says that it is meant; the gateway's configuration has to allow it"
        raise Problem(403, "life-safety", f"priority {priority} is of life safety", hint=hint)
    if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, (int, float))):
        raise bad_request("seconds is a number")
    if seconds is not None and not 0 < seconds <= _LONGEST_HOLD:
        raise bad_request("seconds is above 0 and at most a year")
    return Command(str(uuid4()), point, value, priority, seconds, bool(life_safety), who)


class Commands:
    """The commands that wait or are under way."""

    def __init__(self, data: Path) -> None:
        self._path = data / FILE
        self._pending: dict[str, _Pending] = {}
        self._come = asyncio.Event()
        self._stopping = False

    async def give(self, command: Command, seconds: float) -> dict[str, Any]:
        """Return how a command went. Raises a 503 problem where no gateway takes it, 504 where it is silent."""
        if len(self._pending) >= _MOST_WAITING:
            raise Problem(503, "busy", "too many commands wait", headers={"Retry-After": "10"})
        await self._note("given", command)
        pending = self._pending[command.id] = _Pending(command, asyncio.get_running_loop().create_future())
        self.wake()
        try:
            async with asyncio.timeout(seconds):
                return await pending.outcome
        except TimeoutError:
            kind = "taken and not answered" if pending.taken else "not taken"
            await self._note(kind, command)
            if pending.taken:
                detail = "the gateway has taken the command, and does not say how it went"
                raise Problem(504, "no-outcome", detail) from None
            hint = "twinhouse bacnet run, with a token of the role operate"
            raise Problem(503, "no-gateway", "no gateway takes commands", hint=hint) from None
        finally:
            self._pending.pop(command.id, None)

    async def take(self, seconds: float, is_here: Callable[[], bool] = lambda: True) -> list[Command]:
        """Return commands to carry out, each to one caller alone; waits so long for one to come.

        A caller that is not here any more gets none; `wake` has that looked at.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while is_here() and not self._stopping and not self._untaken():
                    self._come.clear()
                    await self._come.wait()
        found = self._untaken() if is_here() else []
        for each in found:
            each.taken = True
        return [each.command for each in found]

    def _untaken(self) -> list[_Pending]:
        return [each for each in self._pending.values() if not each.taken]

    def wake(self) -> None:
        """Have all who wait for commands look again."""
        self._come.set()

    def stop(self) -> None:
        """Let all go who wait for commands: the server is to end."""
        self._stopping = True
        self.wake()

    async def tell(self, number: str, outcome: dict[str, Any]) -> bool:
        """Take note of how a command went; False where nobody waits for it any more. Durable when it returns."""
        pending = self._pending.get(number)
        await self._note("outcome", pending.command if pending else None, number=number, outcome=outcome)
        if pending is None or not pending.taken or pending.outcome.done():
            return False
        pending.outcome.set_result(outcome)
        return True

    async def _note(self, what: str, command: Command | None, **more: Any) -> None:  # noqa: ANN401 - JSON
        """Append to the file; durable when it returns."""
        entry = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "what": what, **more}
        if command is not None:
            entry |= asdict(command) | {"point": str(command.point)}
        await asyncio.to_thread(_append, self._path, json.dumps(entry, ensure_ascii=False))

    def close(self) -> None:
        """End what waits."""
        for pending in self._pending.values():
            pending.outcome.cancel()


def _append(path: Path, line: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())
