"""Who reads nothing at all is found; who reads slowly is not."""

from __future__ import annotations

from bus.transport.sockets.stalled_readers import STALLED_SECONDS, StalledReaders


def test_a_connection_with_the_same_bytes_all_the_time_is_stalled() -> None:
    readers = StalledReaders()
    for now in (0.0, 2.0, STALLED_SECONDS - 0.1):
        assert readers.find({1: 100, 2: int(now * 10) + 1, 3: 0}, now) == []
    assert readers.find({1: 100, 2: 7, 3: 0}, STALLED_SECONDS) == [1]


def test_a_look_without_bytes_begins_anew() -> None:
    readers = StalledReaders()
    readers.find({1: 100}, 0.0)
    readers.find({1: 0}, 1.0)
    readers.find({1: 100}, 2.0)
    assert readers.find({1: 100}, STALLED_SECONDS + 1) == []
    assert readers.find({}, STALLED_SECONDS + 2) == []
    assert readers.find({1: 100}, STALLED_SECONDS + 3) == []


def test_once_nobody_waits_all_is_forgotten() -> None:
    readers = StalledReaders()
    readers.find({1: 100}, 0.0)
    readers.forget()
    assert readers.find({1: 100}, STALLED_SECONDS) == []
