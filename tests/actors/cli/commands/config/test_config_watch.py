"""`undercroft config watch` in a process of its own, while settings change."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_changes_are_shown_as_they_happen_and_other_sections_are_not(running: Any) -> None:
    watching = subprocess.Popen(
        running.command("config", "watch", "vad", "-n", "1", "--json"), stdout=subprocess.PIPE, text=True
    )
    for turn in range(500):
        if watching.poll() is not None:
            break
        running(
            "config", "set", "ui.theme", "dark" if turn % 2 else "light"
        )  # until it listens, nothing is shown
        running("config", "set", "vad.sensitivity", str(0.5 + turn / 1000))
    out, _ = watching.communicate(timeout=30)
    shown = json.loads(out)
    assert set(shown["changed"]) == {"vad.sensitivity"}
    assert shown["reason"] == "update"
    running("config", "reset", "--all")
