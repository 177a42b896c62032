"""What a runtime that is up says of itself: actors that do not serve, alerts, and where the history is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from actors.cli.doctor.problems import Problem, Severity, places
from schemas.history import HistoryStatusEvent
from schemas.operations.alerts import Alert
from schemas.operations.supervision import SupervisorStatusEvent

CHECK: Final = "runtime"
SLACK_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Facts:
    """What was answered.

    Attributes:
        fault: why nobody answered, although a runtime has the home; empty if somebody did.
        version: of whoever asks.
    """

    overview: SupervisorStatusEvent | None = None
    alerts: tuple[Alert, ...] = ()
    history: HistoryStatusEvent | None = None
    fault: str = ""
    version: str = ""
    now: float = 0.0


def check(facts: Facts) -> list[Problem]:
    """What is wrong with it."""
    problems = []
    if facts.fault:
        advice = "see 'undercroft logs'; if nothing answers, end the process and start the runtime again"
        problems.append(
            Problem(
                check=CHECK,
                severity="error",
                what=f"a runtime has this home, and does not answer: {facts.fault}",
                advice=advice,
            )
        )
    if facts.overview is not None:
        problems += _judge_overview(facts.overview, facts)
    problems += [_of_alert(alert) for alert in facts.alerts if alert.is_active]
    if facts.history is not None:
        problems += _judge_history(facts.history)
    return problems


def _judge_overview(overview: SupervisorStatusEvent, facts: Facts) -> Iterable[Problem]:
    if facts.version and overview.version != facts.version:
        what, advice = "the runtime that is up is of another version than this command", "restart the runtime"
        yield Problem(
            check=CHECK,
            severity="warning",
            what=what,
            found=overview.version,
            expected=facts.version,
            advice=advice,
        )
    if overview.started_at > facts.now + SLACK_SECONDS:
        yield Problem(
            check=CHECK,
            severity="warning",
            what="the runtime was started in the future: the clock went back",
            advice="set the clock",
        )
    for status in overview.actors:
        if status.state in ("failed", "backoff"):
            what, advice = (
                f"{status.actor} does not stay up ({status.state})",
                f"see 'undercroft logs {status.actor}'",
            )
            severity: Severity = "error" if status.state == "failed" else "warning"
            yield Problem(
                check=CHECK,
                severity=severity,
                what=what,
                where=status.actor,
                found=status.reason,
                expected="ready",
                advice=advice,
            )
        elif status.state == "waiting" and overview.settled:
            what = f"{status.actor} is not started: it {status.reason}"
            yield Problem(
                check=CHECK,
                severity="warning",
                what=what,
                where=status.actor,
                advice="see to what it waits for",
            )


def _of_alert(alert: Alert) -> Problem:
    severity: Severity = (
        "error"
        if alert.severity in ("error", "critical")
        else "warning"
        if alert.severity == "warning"
        else "info"
    )
    where = f"{alert.source}: {alert.subject}" if alert.subject else alert.source
    return Problem(
        check=CHECK,
        severity=severity,
        what=f"{alert.name}: {alert.message}",
        where=where,
        advice=alert.advice,
    )


def _judge_history(history: HistoryStatusEvent) -> Iterable[Problem]:
    if history.mode == "disk" and history.storage == "memory":
        what, advice = (
            "the history is kept in memory, although it is to be kept on disk",
            "see 'undercroft keys status'",
        )
        yield Problem(
            check=CHECK, severity="warning", what=what, where="history", found=history.notice, advice=advice
        )
    if history.findings:
        what, advice = "files of the history are not what was written", "see 'undercroft history'"
        yield Problem(
            check=CHECK,
            severity="error",
            what=what,
            where="history",
            found=places(history.findings),
            advice=advice,
        )
