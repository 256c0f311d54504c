from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
import pytest

from server.errors import Problem
from server.protocols import spooled
from server.protocols.spooled import Spools, Texts
from tests.server.conftest import opened

CHUNK = b"0123456789"


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield CHUNK


def in_memory(file: Any) -> bool:  # noqa: ANN401 - a SpooledTemporaryFile, which tells only by its private name
    return not file._rolled


def test_large_bodies_and_those_without_room_are_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooled, "IN_MEMORY", 50)

    async def crowd() -> None:
        spools = Spools(together=120)
        async with AsyncExitStack() as stack:
            sizes = (5, 5, 6, 3, 2, 0, 1)
            files = [await stack.enter_async_context(spools.lend(chunks(size))) for size in sizes]
            assert [file.read() for file in files] == [CHUNK * size for size in sizes]
            assert [in_memory(file) for file in files] == [True, True, False, False, True, True, False]
        async with spools.lend(chunks(5)) as one, spools.lend(chunks(5)) as other:
            assert in_memory(one)
            assert in_memory(other)

    anyio.run(crowd)


def test_a_body_that_breaks_gives_its_room_back() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield CHUNK
        raise ValueError("the client left")

    async def twice() -> None:
        spools = Spools(together=10)
        for _ in range(2):
            with pytest.raises(ValueError, match="the client left"):
                async with spools.lend(broken()):
                    pass
        async with spools.lend(chunks(1)) as file:
            assert in_memory(file)

    anyio.run(twice)


def test_long_texts_have_so_much_room_together_and_give_it_back() -> None:
    texts = Texts(together=200_000)
    one, other = dict[str, Any](), dict[str, Any]()
    for size in (60_000, 100_000, 150_000):
        texts.hold(one, size)
    texts.hold(other, 60_000)  # is short
    with pytest.raises(Problem) as refused:
        texts.hold(other, 100_000)
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "1")
    texts.let_go(one)
    texts.let_go(one)
    texts.hold(other, 200_000)


def test_a_query_counts_until_it_is_answered(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as client:
        client.app.state.texts = Texts(together=200_000)  # type: ignore[attr-defined] # an ASGI application of ours
        kind = {"content-type": "application/sparql-query"}
        for length, status in ((150_000, 200), (150_000, 200), (250_000, 503), (150_000, 200)):
            text = f"ASK {{ }} # {'x' * length}"
            assert client.post("/query", content=text, headers=kind).status_code == status
            assert client.post("/query", data={"query": text}).status_code == status
