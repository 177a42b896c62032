"""A record on disk keeps the lines that show why a process ended, and nothing that somebody may have said."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.runtime.supervisor.core.last_output import OMITTED, REFUSAL_LINES, exit_evidence

SAID = "transcript: meet me at noon CANARY"


def _written_by(program: str) -> str:
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", program], capture_output=True, text=True, check=False
    ).stderr


def test_a_traceback_is_kept_and_the_output_around_it_is_not() -> None:
    words = _written_by(
        f"import sys\nprint({SAID!r}, file=sys.stderr)\n"
        "try:\n  1/0\nexcept ZeroDivisionError as e:\n  raise KeyError('k') from e"
    )
    found = exit_evidence(f"{words}{SAID}\n")
    assert "CANARY" not in found
    assert found.count("Traceback (most recent call last):") == 2
    assert "ZeroDivisionError: division by zero" in found
    assert "direct cause" in found
    assert found.splitlines()[0] == found.splitlines()[-1] == OMITTED
    assert "KeyError: 'k'" in found


def test_a_group_of_exceptions_is_kept_whole() -> None:
    words = _written_by("raise ExceptionGroup('several', [ValueError('one'), TypeError('two')])")
    found = exit_evidence(words)
    assert "ValueError: one" in found
    assert "TypeError: two" in found


@pytest.mark.skipif(sys.platform == "win32", reason="native faults end otherwise there")
def test_the_stacks_of_a_native_fault_are_kept() -> None:
    words = _written_by(
        f"import ctypes, sys\nprint({SAID!r}, file=sys.stderr, flush=True)\nctypes.string_at(0)"
    )
    found = exit_evidence(words)
    assert "CANARY" not in found
    assert "Fatal Python error: Segmentation fault" in found
    assert '  File "<string>", line 3 in <module>' in found


@pytest.mark.parametrize(
    "line",
    [
        "thread 'main' panicked at src/main.rs:3:5:",
        "ggml.c:12853: GGML_ASSERT(src1->type == GGML_TYPE_F32) failed",
        "terminate called after throwing an instance of 'std::runtime_error'",
        "  what():  cannot open the model",
        "x: cannot be run: No such file or directory; check the command of child 'x'",
    ],
)
def test_complaints_of_native_code_and_of_other_runtimes_are_kept(line: str) -> None:
    assert exit_evidence(f"{SAID}\n{line}\n{SAID}") == f"{OMITTED}\n{line}\n{OMITTED}"


def test_a_refusal_keeps_its_last_lines_and_plain_output_nothing() -> None:
    words = "\n".join([SAID, *(f"line {n}" for n in range(REFUSAL_LINES))])
    assert exit_evidence(words, is_refusal=True) == "\n".join(
        [OMITTED, *(f"line {n}" for n in range(REFUSAL_LINES))]
    )
    assert exit_evidence(words) == OMITTED
    assert exit_evidence("") == exit_evidence("\n\n") == exit_evidence("", is_refusal=True) == ""


@given(st.lists(st.text(alphabet='ab \t|+-"File,lineThradbck()0x:', max_size=40), max_size=30))
def test_nothing_is_invented_and_the_order_stays(lines: list[str]) -> None:
    given_lines = "\n".join(lines).splitlines()
    kept = [line for line in exit_evidence("\n".join(lines)).splitlines() if line != OMITTED]
    at = 0
    for line in kept:
        at = given_lines.index(line, at) + 1
