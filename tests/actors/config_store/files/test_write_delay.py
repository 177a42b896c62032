"""A stream of changes shares its writes; a client that waits for each reply is not slowed down."""

from __future__ import annotations

from actors.config_store.files.write_delay import (
    DELAY_SECONDS,
    FIRST_PROBE,
    REST_SECONDS,
    STREAM_LENGTH,
    WriteDelay,
)


def stream(delay: WriteDelay, count: int, gathers: int, step: float = 0.005) -> list[float]:
    """So many changes of one setting, a write after each; how long each write waited at most."""
    waited = []
    for number in range(count):
        delay.changed(["vad.sensitivity"], number * step)
        seconds = delay.seconds()
        waited.append(seconds)
        if seconds:
            delay.waited(gathers)
    return waited


def test_a_single_change_is_written_at_once() -> None:
    assert stream(WriteDelay(), STREAM_LENGTH - 1, 5) == [0.0] * (STREAM_LENGTH - 1)


def test_a_slider_lingers_as_long_as_something_comes() -> None:
    waited = stream(WriteDelay(), 100, 5)
    assert waited[STREAM_LENGTH - 1 :] == [DELAY_SECONDS] * (101 - STREAM_LENGTH)


def test_who_waits_for_each_answer_is_tried_ever_more_seldom() -> None:
    waited = stream(WriteDelay(), 1000, 0)
    tries = [number for number, seconds in enumerate(waited) if seconds]
    assert len(tries) <= 5
    assert tries[1] - tries[0] == FIRST_PROBE + 1


def test_different_settings_make_no_stream() -> None:
    delay = WriteDelay()
    for number in range(100):
        delay.changed([f"a{number % 2}"], number * 0.001)
        assert delay.seconds() == 0.0


def test_a_pause_ends_the_stream() -> None:
    delay = WriteDelay()
    stream(delay, 100, 5)
    delay.changed(["vad.sensitivity"], 0.5 + REST_SECONDS * 2)
    assert delay.seconds() == 0.0
