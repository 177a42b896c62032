"""What the supervisor says stands in its own log; a verdict stands in that of the actor, too."""

from __future__ import annotations

import pytest

from actors.runtime.supervisor.reports.log_ring import LogRings
from actors.runtime.supervisor.reports.supervisor_log import SupervisorLog
from schemas.operations.supervision import LogLine


class Heard:
    """A log, and what it passed on."""

    def __init__(self) -> None:
        self.rings = LogRings()
        self.lines: list[LogLine] = []
        self.log = SupervisorLog(self.rings, self.lines.extend)

    def texts(self, actor: str | None) -> list[str]:
        return [line.text for line in self.rings.newest(actor, 100)[0]]


def test_what_it_says_is_kept_passed_on_and_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    heard = Heard()
    heard.log.say("the disk is full")
    assert heard.texts("supervisor") == ["the disk is full"]
    assert [(line.actor, line.text) for line in heard.lines] == [("supervisor", "the disk is full")]
    assert capsys.readouterr().err == "supervisor: the disk is full\n"


def test_a_fault_that_lasts_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    heard = Heard()
    for _ in range(100):
        heard.log.say("not on the bus")
    heard.log.say("the disk is full")
    assert heard.texts("supervisor") == ["not on the bus", "the disk is full"]
    assert capsys.readouterr().err.count("\n") == 2


def test_a_verdict_stands_in_both_logs_and_once_in_the_log_of_all() -> None:
    heard = Heard()
    heard.rings.write("a", ["hello"], 1.0)
    heard.log.verdict("a", "hung; it is killed")
    heard.rings.write("a", ["hello again"], 2.0)
    assert heard.texts("a") == ["hello", "supervisor: hung; it is killed", "hello again"]
    assert heard.texts("supervisor") == ["supervisor: hung; it is killed"]
    assert heard.texts(None) == ["hello", "supervisor: hung; it is killed", "hello again"]
    (line,) = heard.rings.newest("supervisor", 10)[0]
    assert (line.actor, line.verdict) == ("a", True)


def test_a_verdict_outlives_the_chatter_of_its_actor() -> None:
    heard = Heard()
    heard.log.verdict("a", "hung; it is killed")
    heard.rings.write("a", [str(number) for number in range(5000)], 2.0)
    assert heard.texts("supervisor") == ["supervisor: hung; it is killed"]
    lines, dropped = heard.rings.newest("a", 10_000)
    assert lines[0].verdict
    assert len(lines) == 2001
    assert dropped == 3001  # 3,000 lines, and the other copy of the verdict


def test_a_verdict_is_no_word_of_the_actor() -> None:
    heard = Heard()
    since = heard.rings.count("a")
    heard.rings.write("a", ["my words"], 1.0)
    heard.log.verdict("a", "is killed: Traceback (most recent call last):")
    assert heard.rings.final_words("a", since) == heard.rings.last_words("a", since) == "my words"
