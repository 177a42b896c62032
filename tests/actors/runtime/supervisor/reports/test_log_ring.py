"""The newest log lines are kept, within limits, and redacted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.runtime.supervisor.reports.log_ring import (
    FINAL_WORDS_LIMIT_BYTES,
    LAST_WORDS_LIMIT_BYTES,
    LINE_LIMIT,
    LogRing,
    LogRings,
)
from bus.telemetry.log_handler import ECHO
from bus.telemetry.redaction import Redactor
from bus.telemetry.stream_redaction import KEY_LINE
from schemas.operations.supervision import LogLine
from tests.support.hostile_texts import HOSTILE, is_inert


def line(text: str, at: float = 0.0) -> LogLine:
    return LogLine(actor="a", at=at, text=text)


def test_a_ring_keeps_the_newest_lines_and_counts_the_others() -> None:
    ring = LogRing(limit_lines=3)
    for number in range(5):
        ring.append(line(str(number)))
    assert [kept.text for kept in ring.newest(2)] == ["3", "4"]
    assert (len(ring), ring.dropped) == (3, 2)
    assert ring.newest(0) == []


@given(st.lists(st.integers(0, 50), min_size=1))
def test_a_ring_never_holds_more_bytes_than_it_may_but_always_the_last_line(sizes: list[int]) -> None:
    ring = LogRing(limit_bytes=40)
    for size in sizes:
        ring.append(line("x" * size))
    kept = [len(found.text) for found in ring.newest(1000)]
    assert kept[-1] == sizes[-1]
    assert len(kept) == 1 or sum(kept) <= 40


def test_the_lines_of_all_actors_come_in_the_order_in_which_they_were_written() -> None:
    logs = LogRings()
    logs.write("a", ["one"], 1.0)
    logs.write("b", ["two"], 2.0)
    logs.write("a", ["three"], 3.0)
    lines, dropped = logs.newest(None, 2)
    assert ([found.text for found in lines], dropped) == (["two", "three"], 1)
    assert [found.text for found in logs.newest("b", 9)[0]] == ["two"]
    assert logs.newest("nobody", 9) == ([], 0)


def test_a_clock_that_is_set_back_changes_no_order_and_takes_no_last_words() -> None:
    logs = LogRings()
    logs.write("a", ["one"], 5000.0)
    before = logs.count("a")
    logs.write("a", ["two"], 10.0)
    logs.write("b", ["three"], 5.0)
    assert [found.text for found in logs.newest(None, 9)[0]] == ["one", "two", "three"]
    assert logs.last_words("a", before) == logs.final_words("a", before) == "two"


def test_last_words_are_those_of_the_present_life_and_not_too_many() -> None:
    logs = LogRings()
    logs.write("a", ["an earlier life"], 1.0)
    logs.write("a", ["Traceback", "ValueError: no"], 2.0)
    assert logs.last_words("a", since=1) == "Traceback\nValueError: no"
    logs.write("a", ["x" * 5000, "y" * 5000], 3.0)
    assert len(logs.last_words("a", since=1)) == LAST_WORDS_LIMIT_BYTES
    assert logs.last_words("nobody", since=0) == ""


def test_lines_are_redacted_and_repeated_records_are_told_apart() -> None:
    logs = LogRings(lambda text: text.replace("anna", "<user>"))
    plain, repeated = logs.write("a", ["by anna", f"{ECHO}info store: by anna"], 1.0)
    assert (plain.text, plain.recorded) == ("by <user>", False)
    assert (repeated.text, repeated.recorded) == ("info store: by <user>", True)
    assert logs.last_words("a", 0) == "by <user>\ninfo store: by <user>"


def test_final_words_tell_what_a_process_said_itself_from_what_it_logged() -> None:
    logs = LogRings()
    logs.write("a", [f"{ECHO}error store: Traceback", "out of ideas"], 2.0)
    assert logs.final_words("a", 0) == "out of ideas"
    assert logs.final_words("a", 2) == logs.final_words("nobody", 0) == ""
    logs.write("a", ["x" * FINAL_WORDS_LIMIT_BYTES, "the end"], 4.0)
    said = logs.final_words("a", 0)
    assert len(said) == FINAL_WORDS_LIMIT_BYTES
    assert said.endswith("the end")


@pytest.mark.parametrize("start", range(LINE_LIMIT - 24, LINE_LIMIT + 4, 3))
def test_a_secret_at_the_edge_of_a_piece_is_redacted_before_the_line_is_cut(start: int) -> None:
    rings = LogRings(Redactor(b"salt").text)
    text = "w " * (start // 2) + "password=correcthorse9 and so on"
    shown = "".join(line.text for line in rings.write("child", [text], 1.0))
    assert "horse" not in shown
    assert shown.endswith("> and so on")


def test_the_lines_of_a_private_key_are_those_of_one_process() -> None:
    rings = LogRings(Redactor(b"salt").text)
    rings.write("one", ["-----BEGIN PRIVATE KEY-----", "c2VjcmV0"], 1.0)
    (other,) = rings.write("two", ["c2VjcmV0"], 1.0)
    assert other.text == "c2VjcmV0"
    assert [line.text for line in rings.newest("one", 9)[0]][1] == KEY_LINE


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_child_prints_is_kept_without_what_steers(name: str) -> None:
    rings = LogRings()
    text = HOSTILE[name]()
    lines = [*rings.write("tray", [text, f"{ECHO}{text[:500]}{ECHO}words"], 0.0)]
    lines += rings.write_verdict("tray", text, 0.0)
    for line in lines:
        assert is_inert(line.text + line.correlation), line.text[:200]
        assert "\n" not in line.text
