"""`undercroft watch`."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime
from typing import Any

import pytest

from actors.cli.commands.inspection.watch import as_document
from bus.peer.feed.subscription import Received

pytestmark = pytest.mark.slow


def test_retained_events_come_with_their_place_in_the_order(running: Any) -> None:
    ended = running("watch", "config.settings_changed", "-n", "1")
    (document,) = ended.documents
    assert ended.code == 0
    assert (document["topic"], document["source"], document["retained"]) == (
        "config.settings_changed",
        "config_store",
        True,
    )
    assert document["sequence"] > 0
    assert document["number"] > 0
    assert datetime.fromisoformat(document["time"]).tzinfo is not None
    assert "sensitivity" in document["event"]["settings"]["vad"]


def test_with_new_only_what_happens_from_now_on_is_shown(running: Any) -> None:
    with subprocess.Popen(
        running.command("watch", "supervision.actor_state_changed", "--new", "-n", "1"),
        stdout=subprocess.PIPE,
    ) as watching:
        assert watching.stdout is not None
        while watching.poll() is None:
            assert running("restart", "worker").code == 0
        (line,) = watching.stdout.read().splitlines()
    document = json.loads(line)
    assert (document["event"]["actor"], document["retained"]) == ("worker", False)


@pytest.mark.parametrize("pattern", ["Not A Topic", "models.*.x", "*.models", ""])
def test_a_pattern_that_nothing_could_match_is_a_wrong_command_line(running: Any, pattern: str) -> None:
    ended = running("watch", pattern)
    assert ended.code == 2
    assert repr(pattern) in ended.err


def test_a_count_below_one_is_a_wrong_command_line(running: Any) -> None:
    assert running("watch", "-n", "0").code == 2


def test_an_event_without_a_time_is_shown_with_that_of_now() -> None:
    received = Received(
        topic="a.b",
        event={"x": 1},
        epoch="e",
        sequence=7,
        number=3,
        time_ns=0,
        source="s",
        correlation=None,
        retained=False,
    )
    assert datetime.fromisoformat(str(as_document(received)["time"])).year >= 2024
