"""What a runtime says of itself becomes problems."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.cli.doctor.checks.runtime_check import RuntimeFacts, check
from schemas.history import HistoryStatusEvent
from schemas.operations.alerts import Alert, Severity
from schemas.operations.supervision import ActorState, ActorStatus, SupervisorStatusEvent


def _overview(state: ActorState = "ready", reason: str = "") -> SupervisorStatusEvent:
    actors = [ActorStatus(actor="store", state=state, reason=reason)]
    return SupervisorStatusEvent(
        version="1", profile="p", home="", pid=1, started_at=100.0, settled=True, actors=actors
    )


WELL = RuntimeFacts(overview=_overview(), version="1", now=200.0)


def test_a_runtime_with_all_actors_ready_is_well() -> None:
    assert check(WELL) == []


@pytest.mark.parametrize(
    ("facts", "severity", "words"),
    [
        (replace(WELL, overview=_overview("failed", "exit code 1")), "error", "store does not stay up"),
        (replace(WELL, overview=_overview("backoff", "exit code 1")), "warning", "store does not stay up"),
        (
            replace(WELL, overview=_overview("waiting", "waits for a (failed)")),
            "warning",
            "it waits for a (failed)",
        ),
        (replace(WELL, version="2"), "warning", "another version"),
        (replace(WELL, now=-1000.0), "warning", "the clock went back"),
        (RuntimeFacts(fault="the broker does not answer"), "error", "the broker does not answer"),
    ],
)
def test_what_does_not_run_as_it_should_is_told(facts: RuntimeFacts, severity: str, words: str) -> None:
    (problem,) = check(facts)
    assert problem.severity == severity
    assert words in problem.what
    assert problem.advice


@pytest.mark.parametrize(
    ("severity", "told"),
    [("critical", "error"), ("error", "error"), ("warning", "warning"), ("info", "info")],
)
def test_active_alerts_are_problems_with_their_advice(severity: Severity, told: str) -> None:
    alert = Alert(
        name="disk.full",
        subject="m",
        source="s",
        severity=severity,
        is_active=True,
        since=1,
        last_at=1,
        count=1,
        message="full",
        advice="free some",
    )
    (problem,) = check(replace(WELL, alerts=(alert,)))
    assert (problem.severity, problem.where, problem.advice) == (told, "s: m", "free some")


def test_a_history_that_is_not_kept_as_asked_or_was_changed_is_told() -> None:
    history = HistoryStatusEvent(
        mode="disk",
        storage="memory",
        notice="the keychain is locked",
        entries=1,
        size_bytes=1,
        limit_entries=0,
        findings=["torn"],
    )
    memory, findings = check(replace(WELL, history=history))
    assert (memory.severity, memory.found) == ("warning", "the keychain is locked")
    assert (findings.severity, findings.found) == ("error", "torn")
