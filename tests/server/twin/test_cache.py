from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from queue import Queue
from threading import Event

import pytest

from server.twin.cache import PerGeneration
from storage.errors import Closed, DeadlineExceeded


def test_a_value_is_made_once_a_generation_whoever_asks() -> None:
    generation, made = [1], count()
    cache = PerGeneration(lambda: generation[0], lambda: next(made))
    with ThreadPoolExecutor(8) as threads:
        assert {f.result() for f in [threads.submit(cache.get) for _ in range(50)]} == {0}
    generation[0] = 2
    assert [cache.get(), cache.get()] == [1, 1]


def test_a_value_made_while_the_generation_moved_on_is_made_again() -> None:
    generation = [1]

    def make() -> int:
        seen = generation[0]
        generation[0] = 2  # a commit while it is made
        return seen

    cache = PerGeneration(lambda: generation[0], make)
    assert (cache.get(), cache.get()) == (1, 2)


def test_a_value_is_kept_for_the_next_generation_alone() -> None:
    generation, made = [1], count()
    cache = PerGeneration(lambda: generation[0], lambda: next(made))
    assert cache.get() == 0
    generation[0] = 2
    cache.pass_over(2)
    assert cache.get() == 0
    generation[0] = 4
    cache.pass_over(4)
    assert cache.get() == 1


def test_a_value_becomes_that_of_the_next_generation_alone() -> None:
    generation, made = [1], (f"made {number}" for number in count())
    cache = PerGeneration(lambda: generation[0], lambda: next(made))
    first = cache.get()
    generation[0] = 2
    assert cache.put(2, first, "grown")
    assert cache.get() == "grown"
    generation[0] = 4
    assert not cache.put(4, "grown", "grown again")  # nobody knows what the third was
    assert not cache.put(3, "other", "grown again")
    assert cache.get() == "made 1"


def test_a_value_is_made_soon_where_somebody_has_asked() -> None:
    generation, made = [1], Queue[int]()

    def make() -> int:
        made.put(generation[0])
        return generation[0]

    cache = PerGeneration(lambda: generation[0], make)
    cache.soon()  # nobody has
    assert cache.get() == 1
    generation[0] = 2
    cache.soon()
    assert [made.get(timeout=30), made.get(timeout=30)] == [1, 2]
    assert cache.get() == 2
    assert made.empty()


def test_who_asks_gets_the_error_that_nobody_saw() -> None:
    generation, tried = [1], Queue[int]()

    def make() -> int:
        tried.put(generation[0])
        if generation[0] == 2:
            raise Closed("the graph is closed")
        return generation[0]

    cache = PerGeneration(lambda: generation[0], make)
    assert cache.get() == 1
    generation[0] = 2
    cache.soon()
    assert [tried.get(timeout=30), tried.get(timeout=30)] == [1, 2]
    with pytest.raises(Closed):
        cache.get()


def test_who_has_no_more_time_leaves_a_value_to_those_who_ask_next() -> None:
    begun, go_on, made = Event(), Event(), count()

    def make() -> int:
        begun.set()
        assert go_on.wait(60)
        return next(made)

    cache = PerGeneration(lambda: 1, make)
    for _ in range(3):
        with pytest.raises(DeadlineExceeded):
            cache.get(time.monotonic() + 0.01)
    assert begun.is_set()
    go_on.set()
    assert cache.get(time.monotonic() + 60) == cache.get() == 0


def test_those_who_wait_for_a_value_get_what_goes_wrong_with_it() -> None:
    made = count()

    def make() -> int:
        if (found := next(made)) == 0:
            raise Closed("the graph is closing")
        return found

    cache = PerGeneration(lambda: 1, make)
    with pytest.raises(Closed):
        cache.get(time.monotonic() + 60)
    assert cache.get(time.monotonic() + 60) == 1
