"""Concurrency: more connections only while they bring more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from actors.model_downloader.transfer.concurrency import (
    FAST_BYTES_PER_SECOND,
    SMALL_FILE_BYTES,
    WINDOW_SECONDS,
    Concurrency,
)

MIB = 1 << 20
LARGE = 10_000 * MIB


def ramped(rate_of: Callable[[int], float], most: int = 16, seconds: float = 4.0) -> list[int]:
    """How many connections there are in each window, at an origin whose rate depends on that."""
    concurrency, now, fetched, seen = Concurrency(0.0, most, [LARGE]), 0.0, 0.0, []
    while now < seconds:
        now += WINDOW_SECONDS + 0.001
        fetched += rate_of(concurrency.wanted) * (WINDOW_SECONDS + 0.001)
        concurrency.observe(now, int(fetched), concurrency.wanted, LARGE)
        seen.append(concurrency.wanted)
    return seen


def test_origin_that_limits_each_connection_gets_as_many_as_may_be() -> None:
    assert ramped(lambda connections: 20 * MIB * connections)[-1] == 16


def test_line_that_is_full_keeps_one_connection() -> None:
    found = ramped(lambda connections: 5 * MIB)
    assert max(found) == 4, "it was tried"
    assert found[-1] == 1
    assert found.count(4) == 1, "and not again soon"


def test_line_that_takes_two_settles_at_what_helped() -> None:
    assert ramped(lambda connections: 5 * MIB * min(connections, 4))[-1] == 4


def test_origin_that_is_as_fast_as_the_disk_gets_no_second_connection() -> None:
    assert set(ramped(lambda connections: FAST_BYTES_PER_SECOND * 1.1)) == {1}


def test_young_connection_that_still_speeds_up_is_waited_for() -> None:
    concurrency = Concurrency(0.0, 8, [LARGE])
    now, fetched = 0.0, 0
    for rate in (1, 2, 4, 8, 16):
        now += WINDOW_SECONDS
        fetched += int(rate * MIB * WINDOW_SECONDS)
        assert concurrency.observe(now, fetched, 1, LARGE) == 1


def test_what_is_nearly_done_is_not_worth_another_connection() -> None:
    concurrency = Concurrency(0.0, 8, [LARGE])
    for window in (1, 2, 3):
        concurrency.observe(window * 0.21, int(window * 0.21 * 10 * MIB), 1, MIB)
    assert concurrency.wanted == 1


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([MIB] * 200, 4), ([MIB] * 2, 2), ([LARGE], 1), ([SMALL_FILE_BYTES + 1] * 9, 1), ([], 1)],
)
def test_many_small_files_begin_with_several_connections(sizes: list[int], expected: int) -> None:
    assert Concurrency(0.0, 8, sizes).wanted == expected
    assert Concurrency(0.0, 1, sizes).wanted == 1


def test_failure_while_others_work_lets_it_be_enough() -> None:
    concurrency = Concurrency(0.0, 8, [MIB] * 9)
    concurrency.failed(1.0, 3)
    assert concurrency.wanted == 3
    assert concurrency.observe(2.0, 50 * MIB, 3, LARGE) == 3


def test_lower_limit_counts_at_once() -> None:
    concurrency = Concurrency(0.0, 8, [MIB] * 9)
    concurrency.limit(2)
    assert concurrency.wanted == 2
