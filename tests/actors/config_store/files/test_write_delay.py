"""A stream that overtakes itself shares its writes; whoever waits for an answer is not made to wait longer."""

from __future__ import annotations

from actors.config_store.files.write_delay import FIRST_PROBE, LINGER_SECONDS, REST_SECONDS, STREAK, Pacing


def stream(pacing: Pacing, count: int, gathers: int, step: float = 0.005) -> list[float]:
    """So many changes of one setting, a write after each; how long each write waited at most."""
    waited = []
    for number in range(count):
        pacing.changed(["vad.sensitivity"], number * step)
        seconds = pacing.linger_seconds()
        waited.append(seconds)
        if seconds:
            pacing.lingered(gathers)
    return waited


def test_a_single_change_is_written_at_once() -> None:
    assert stream(Pacing(), STREAK - 1, 5) == [0.0] * (STREAK - 1)


def test_a_slider_lingers_as_long_as_something_comes() -> None:
    waited = stream(Pacing(), 100, 5)
    assert waited[STREAK - 1 :] == [LINGER_SECONDS] * (101 - STREAK)


def test_who_waits_for_each_answer_is_tried_ever_more_seldom() -> None:
    waited = stream(Pacing(), 1000, 0)
    tries = [number for number, seconds in enumerate(waited) if seconds]
    assert len(tries) <= 5
    assert tries[1] - tries[0] == FIRST_PROBE + 1


def test_different_settings_make_no_stream() -> None:
    pacing = Pacing()
    for number in range(100):
        pacing.changed([f"a{number % 2}"], number * 0.001)
        assert pacing.linger_seconds() == 0.0


def test_a_pause_ends_the_stream() -> None:
    pacing = Pacing()
    stream(pacing, 100, 5)
    pacing.changed(["vad.sensitivity"], 0.5 + REST_SECONDS * 2)
    assert pacing.linger_seconds() == 0.0
