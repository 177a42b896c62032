"""Judges what a running runtime reports: actors that do not serve, alerts, the place of the history. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from actors.cli.doctor.problems import Problem, ProblemSeverity, error, listed, warning
from schemas.history import HistoryStatusEvent
from schemas.operations.alerts import Alert, Severity
from schemas.operations.supervision import ActorStatus, SupervisorStatusEvent

CHECK: Final = "runtime"
SLACK_SECONDS: Final = 300.0
ALERT_SEVERITIES: Final[dict[Severity, ProblemSeverity]] = {
    "info": "info",
    "warning": "warning",
    "error": "error",
    "critical": "error",
}


@dataclass(frozen=True)
class RuntimeFacts:
    """What the runtime answered.

    Attributes:
        fault: why it did not answer, although a runtime has the home; empty if it did.
        version: of the command that asks.
    """

    overview: SupervisorStatusEvent | None = None
    alerts: tuple[Alert, ...] = ()
    history: HistoryStatusEvent | None = None
    fault: str = ""
    version: str = ""
    now: float = 0.0


def check(facts: RuntimeFacts) -> list[Problem]:
    """Report what is wrong with it."""
    problems = []
    if facts.fault:
        what = f"a runtime has this home, but does not answer: {facts.fault}"
        advice = "see 'undercroft logs'; if that fails, too, end the process and start the runtime again"
        problems.append(error(check=CHECK, what=what, advice=advice))
    if facts.overview is not None:
        problems += _judge_overview(facts.overview, facts)
    problems += [_of_alert(alert) for alert in facts.alerts if alert.is_active]
    if facts.history is not None:
        problems += _judge_history(facts.history)
    return problems


def _judge_overview(overview: SupervisorStatusEvent, facts: RuntimeFacts) -> Iterator[Problem]:
    if facts.version and overview.version != facts.version:
        yield warning(
            check=CHECK,
            what="the running runtime has another version than this command",
            found=overview.version,
            expected=facts.version,
            advice="restart the runtime",
        )
    if overview.started_at > facts.now + SLACK_SECONDS:
        what = "the runtime was started in the future: the clock went back"
        yield warning(check=CHECK, what=what, advice="set the clock")
    for status in overview.actors:
        yield from _judge_actor(status, is_settled=overview.settled)


def _judge_actor(status: ActorStatus, *, is_settled: bool) -> Iterator[Problem]:
    if status.state in ("failed", "backoff"):
        words = status.last_end.words if status.last_end else ""
        yield Problem(
            check=CHECK,
            severity="error" if status.state == "failed" else "warning",
            what=f"{status.actor} does not stay up ({status.state})",
            where=status.actor,
            found=f"{status.reason}: {words}" if words else status.reason,
            expected="ready",
            advice=f"see 'undercroft logs {status.actor}'",
        )
    elif status.state == "waiting" and is_settled:
        what = f"{status.actor} is not started: it {status.reason}"
        yield warning(check=CHECK, what=what, where=status.actor, advice="repair what it waits for")


def _of_alert(alert: Alert) -> Problem:
    return Problem(
        check=CHECK,
        severity=ALERT_SEVERITIES[alert.severity],
        what=f"{alert.name}: {alert.message}",
        where=f"{alert.source}: {alert.subject}" if alert.subject else alert.source,
        advice=alert.advice,
    )


def _judge_history(history: HistoryStatusEvent) -> Iterator[Problem]:
    if history.mode == "disk" and history.storage == "memory":
        what, advice = "the history is in memory, but should be on disk", "see 'undercroft keys status'"
        yield warning(check=CHECK, what=what, where="history", found=history.notice, advice=advice)
    if history.findings:
        what, found = "files of the history are not what was written", listed(history.findings)
        yield error(check=CHECK, what=what, where="history", found=found, advice="see 'undercroft history'")
