"""Memory goes back to the system after much was freed, and not too often."""

from __future__ import annotations

from bus.broker.freed_memory import TRIM_FROM_BYTES, TRIM_SECONDS, FreedMemory, trim_allocator


def test_it_trims_after_much_was_freed_and_once_a_second_at_most() -> None:
    trims: list[float] = []
    now = 100.0
    freed = FreedMemory(lambda: trims.append(now))
    freed.note(TRIM_FROM_BYTES - 1)
    freed.tend(now)
    assert trims == []
    freed.note(1)
    freed.tend(now)
    freed.note(10 * TRIM_FROM_BYTES)
    freed.tend(now + TRIM_SECONDS / 2)
    assert trims == [100.0]
    now += TRIM_SECONDS
    freed.tend(now)
    freed.tend(now + TRIM_SECONDS)
    assert trims == [100.0, 101.0]


def test_it_trims_when_somebody_left() -> None:
    trims: list[None] = []
    freed = FreedMemory(lambda: trims.append(None))
    freed.note_departure()
    freed.note_departure()
    freed.tend(0.0)
    freed.tend(TRIM_SECONDS)
    assert trims == [None]


def test_the_allocator_takes_it() -> None:
    trim_allocator()
