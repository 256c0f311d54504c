from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count

from server.twin.cache import PerGeneration


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
