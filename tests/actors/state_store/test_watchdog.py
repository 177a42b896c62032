"""Work is waited for as long as the disk answers, and no longer."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from actors.state_store.watchdog import Beat, DiskSilent, Watchdog

PLACE = Path("/mnt/away")


def test_what_the_work_returns_or_raises_comes_back() -> None:
    assert Watchdog(PLACE).run(lambda beat: 7) == 7

    def fail(beat: Beat) -> None:
        raise FileNotFoundError("gone")

    with pytest.raises(FileNotFoundError):
        Watchdog(PLACE).run(fail)


def test_a_place_that_does_not_answer_is_given_up_and_the_work_changes_nothing_once_it_does() -> None:
    hang, ended, changed = threading.Event(), threading.Event(), []

    def work(beat: Beat) -> None:
        try:
            hang.wait()
            beat()
            changed.append(1)
        finally:
            ended.set()

    with pytest.raises(DiskSilent, match="/mnt/away: no answer for 0.05 s"):
        Watchdog(PLACE, 0.05).run(work)
    hang.set()
    assert ended.wait(5)
    assert changed == []


def test_work_that_goes_on_may_take_longer_than_a_silence_may() -> None:
    pause = threading.Event()

    def work(beat: Beat) -> str:
        for _ in range(10):
            pause.wait(0.02)
            beat()
        return "done"

    assert Watchdog(PLACE, 0.15).run(work) == "done"


def test_a_wait_that_is_to_end_ends_at_once() -> None:
    hang = threading.Event()
    with pytest.raises(DiskSilent):
        Watchdog(PLACE, 3600, lambda: True).run(lambda beat: hang.wait())
    hang.set()


def test_a_silent_disk_is_an_error_that_says_what_to_check() -> None:
    words = "/mnt: no answer for 5 s; check whether its disk or its server is available"
    assert str(DiskSilent("/mnt", 5)) == words
