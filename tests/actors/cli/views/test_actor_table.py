"""How states and lines look on a terminal."""

from __future__ import annotations

import time

from actors.cli.views.actor_table import explain, headline, log_line, plain_line
from schemas.operations.supervision import ActorStatus, LogLine, SupervisorStatusEvent


def test_a_line_says_who_how_where_and_why() -> None:
    assert (
        plain_line(ActorStatus(actor="a", state="ready", pid=7, reason="killed by SIGKILL"))
        == "a: ready (process 7)"
    )
    failed = ActorStatus(actor="a", state="failed", reason="exit code 1", retry_seconds=29.6)
    assert plain_line(failed) == "a: failed: exit code 1; next try in 30 s; see 'undercroft logs a'"
    assert explain(ActorStatus(actor="a", state="waiting", reason="waits for b")) == "waits for b"


def test_a_log_line_has_milliseconds_and_the_actor_unless_only_one_is_shown() -> None:
    line = LogLine(actor="a", at=1.25, text="hello")
    assert log_line(line).endswith(":01.250 a: hello")
    assert log_line(line, with_actor=False).endswith(":01.250 hello")


def test_the_headline_says_how_many_are_ready_and_for_how_long_it_is_up() -> None:
    def overview(started_at: float) -> SupervisorStatusEvent:
        actors = [ActorStatus(actor="a", state="ready"), ActorStatus(actor="b", state="failed")]
        return SupervisorStatusEvent(
            version="0", profile="p", home="", pid=7, started_at=started_at, settled=True, actors=actors
        )

    assert headline(overview(time.time() - 7_250)) == "p: 1 of 2 ready, process 7, up 2h"
    assert headline(overview(time.time())) == "p: 1 of 2 ready, process 7, just started"
