"""What `up` prints, for people and for programs."""

from __future__ import annotations

import json

import pytest

from actors.cli.views.up_view import JsonUpView, PlainUpView
from schemas.operations.supervision import ActorStatus, LogLine, SupervisorStatusEvent

READY = ActorStatus(actor="config_store", state="ready", pid=42)
FAILED = ActorStatus(actor="tray", state="failed", reason="exit code 1", retry_seconds=30.0)
OVERVIEW = SupervisorStatusEvent(
    version="0", profile="p", home="", pid=1, started_at=0.0, settled=True, actors=[READY, FAILED]
)


def test_plain_lines_name_the_actor_its_state_and_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    view = PlainUpView()
    view.changed(FAILED)
    view.wrote([LogLine(actor="tray", at=0.0, text="no display")])
    view.settled(OVERVIEW)
    view.stopping("a signal asked for it")
    changed, wrote, settled, stopping = capsys.readouterr().out.splitlines()
    assert "tray" in changed
    assert "exit code 1" in changed
    assert wrote.endswith("no display")
    assert settled == "1 of 2 actors are ready"
    assert stopping == "stopping: a signal asked for it"


def test_every_line_for_a_program_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    view = JsonUpView(with_logs=True)
    view.changed(READY)
    view.wrote([LogLine(actor="tray", at=0.0, text="two\nlines")])
    view.settled(OVERVIEW)
    view.stopping("done")
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [
        document.get("state") or document.get("text") or document.get("settled") or document.get("stopping")
        for document in documents
    ] == [
        "ready",
        "two\nlines",
        True,
        "done",
    ]
