"""A private key that a process writes line by line does not show, and what comes after it does."""

from __future__ import annotations

import pytest

from bus.telemetry.redaction import Redactor
from bus.telemetry.stream_redaction import KEY_LIMIT_LINES, KEY_LINE, StreamRedactor
from tests.support.redaction_corpus import pem


@pytest.fixture
def stream() -> StreamRedactor:
    return StreamRedactor(Redactor(b"salt").text)


@pytest.mark.parametrize("prefix", ["", "2026-11-29 error: ", "    | "])
@pytest.mark.parametrize("seed", range(4))
def test_no_line_of_a_key_shows(stream: StreamRedactor, prefix: str, seed: int) -> None:
    lines = pem(seed).splitlines()
    shown = [stream.line(prefix + line) for line in lines]
    assert not any(line in "\n".join(shown) for line in lines[1:-1])
    assert stream.line("went on with 3 files") == "went on with 3 files"


def test_what_stands_behind_the_end_of_a_key_is_redacted_and_shown(stream: StreamRedactor) -> None:
    stream.line("-----BEGIN PRIVATE KEY-----")
    shown = stream.line("abc-----END PRIVATE KEY----- password=x1y2z3 done")
    assert shown.startswith(f"{KEY_LINE} password=<secret:")
    assert shown.endswith(" done")


def test_a_key_that_never_ends_hides_a_bounded_number_of_lines(stream: StreamRedactor) -> None:
    stream.line("-----BEGIN PRIVATE KEY-----")
    shown = [stream.line(f"line {n}") for n in range(KEY_LIMIT_LINES + 1)]
    assert shown[0] == KEY_LINE
    assert shown[-1] == f"line {KEY_LIMIT_LINES}"
    assert stream.line("password=x1y2z3") != "password=x1y2z3"
