from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from server.twin.answers import Answers, Kept
from storage.graph.queries import Limits, Query

ANY = Limits()
KIB = 1 << 10


def query(number: int, *, union: bool = True) -> Query:
    return Query(f"SELECT {number}", union=union)


def kept(number: int = 0, *, generation: int = 1, rows: int = 1, size: int = KIB) -> Kept:
    return Kept(generation, rows, b"%d" % (number % 10) * size)


def test_an_answer_is_for_its_query_and_dataset_alone() -> None:
    answers = Answers(1 << 20)
    answers.put(query(1), kept(1))
    assert answers.get(query(1), 1, ANY) == kept(1)
    assert answers.get(query(2), 1, ANY) is None
    assert answers.get(query(1, union=False), 1, ANY) is None
    assert (answers.hits, answers.misses, len(answers)) == (1, 2, 1)


def test_an_answer_ends_with_its_generation() -> None:
    answers = Answers(1 << 20)
    answers.put(query(1), kept(1))
    assert answers.get(query(1), 2, ANY) is None
    answers.put(query(2), kept(2, generation=2))
    answers.put(query(1), kept(1))  # which took longer than a commit
    assert answers.get(query(1), 1, ANY) is answers.get(query(1), 2, ANY) is None
    assert answers.get(query(2), 2, ANY) == kept(2, generation=2)
    assert len(answers) == 1


@pytest.mark.parametrize("limits", [Limits(rows=9), Limits(bytes=KIB - 1)])
def test_an_answer_that_passes_the_limits_is_not_there(limits: Limits) -> None:
    answers = Answers(1 << 20)
    answers.put(query(1), kept(rows=10))
    assert answers.get(query(1), 1, limits) is None
    assert answers.get(query(1), 1, Limits(rows=10, bytes=KIB)) is not None


def test_those_asked_for_longest_ago_go_first() -> None:
    answers = Answers(10 * KIB)
    for number in range(4):
        answers.put(query(number), kept(number))
    assert answers.get(query(0), 1, ANY) is not None
    answers.put(query(4), kept(4))
    assert [answers.get(query(number), 1, ANY) is not None for number in range(5)] == [True, False, True, True, True]
    assert answers.bytes <= 10 * KIB


def test_what_is_larger_than_all_memory_is_not_kept_and_nothing_with_none() -> None:
    answers = Answers(10 * KIB)
    answers.put(query(1), kept())
    answers.put(query(2), kept(size=11 * KIB))
    assert [len(answers), answers.get(query(1), 1, ANY) is None] == [1, False]
    none = Answers(0)
    none.put(query(1), kept())
    assert none.get(query(1), 1, ANY) is None
    assert (len(none), none.hits, none.misses) == (0, 0, 0)


def test_a_text_is_remembered_while_not_too_many_others_come() -> None:
    answers = Answers(1 << 20)
    texts = [f"SELECT {number}" for number in range(100_000)]
    assert not any(map(answers.asked_before, texts))
    assert answers.misses == len(texts)
    assert all(map(answers.asked_before, texts[-20_000:]))
    assert not answers.asked_before(texts[0])
    none = Answers(0)
    assert [none.asked_before("ASK {}"), none.asked_before("ASK {}"), none.misses] == [False, False, 0]


def test_putting_an_answer_twice_counts_it_once() -> None:
    answers = Answers(1 << 20)
    answers.put(query(1), kept())
    size = answers.bytes
    answers.put(query(1), kept())
    assert answers.bytes == size


def test_threads_leave_the_count_of_bytes_right() -> None:
    answers = Answers(20 * KIB)

    def work(number: int) -> None:
        asked, generation = query(number % 30), number // 500
        if answers.get(asked, generation, ANY) is None:
            answers.put(asked, kept(number % 30, generation=generation))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(3000)))
    assert 0 < answers.bytes <= 20 * KIB
    answers.put(query(0), kept(generation=1_000_000))
    one = answers.bytes
    assert (len(answers), one) == (1, KIB + 2 * len(query(0).text) + 1024)
