"""`undercroft config explain` against a live configuration store."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_every_layer_is_shown_and_the_winner_marked(running: Any) -> None:
    running("config", "set", "vad.sensitivity", "0.75")
    running("config", "set", "vad.sensitivity", "0.25", "--session")
    lines = running("config", "explain", "vad.sensitivity").out.splitlines()
    assert lines[0] == "vad.sensitivity = 0.25  (Sensitivity)"
    assert [line.split()[1] for line in lines if line.startswith("  > ")] == ["session"]
    assert any(line.split()[:2] == ["user", "0.75"] for line in lines)
    assert lines[-1] == "  the value for this session wins (session), over the user's value"
    (document,) = [running("config", "explain", "vad.sensitivity", "--json")]
    assert '"winner":"session"' in document.out
    running("config", "reset", "vad.sensitivity", "--session")
    running("config", "reset", "vad.sensitivity")


def test_what_does_not_exist_is_refused(running: Any) -> None:
    assert running("config", "explain", "vad.nothing").code == 4
