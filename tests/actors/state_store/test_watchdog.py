"""Waiting: for as long as something comes, and no longer."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from actors.state_store.backups.errors import PlaceSilent
from actors.state_store.watchdog import Beat, patiently

PLACE = Path("/mnt/away")


def test_what_the_work_returns_or_raises_comes_back() -> None:
    assert patiently(PLACE, lambda beat: 7) == 7

    def fail(beat: Beat) -> None:
        raise FileNotFoundError("gone")

    with pytest.raises(FileNotFoundError):
        patiently(PLACE, fail)


def test_a_place_that_does_not_answer_is_given_up_and_the_work_changes_nothing_once_it_does() -> None:
    hang, ended, changed = threading.Event(), threading.Event(), []

    def work(beat: Beat) -> None:
        try:
            hang.wait()
            beat()
            changed.append(1)
        finally:
            ended.set()

    with pytest.raises(PlaceSilent, match="/mnt/away: no answer for 0.05 s"):
        patiently(PLACE, work, 0.05)
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

    assert patiently(PLACE, work, 0.15) == "done"


def test_whoever_ends_waits_no_longer() -> None:
    hang = threading.Event()
    with pytest.raises(PlaceSilent):
        patiently(PLACE, lambda beat: hang.wait(), 3600, lambda: True)
    hang.set()
