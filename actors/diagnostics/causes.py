"""Says what is wrong, the cause before its consequences. Pure: facts in, findings out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final, get_args

from actors.diagnostics.report_facts import PARTS, Facts
from schemas.operations.alerts import Alert, Severity
from schemas.operations.diagnostics import ReportFinding
from schemas.operations.supervision import ActorStatus

FULL_BYTES: Final = 4 * 1024 * 1024
NEARLY_FULL_BYTES: Final = 200 * 1024 * 1024
LOOP_RESTARTS: Final = 2
"""An actor that waits for another start after so many is in a loop."""

UNSTEADY_RESTARTS: Final = 3
NOT_SERVED: Final = "no_responder"
"""The app may have no such actor; one that should be there shows among the actors."""

LOST: Final = "bus.peer.lost_events"
WORDS_LIMIT: Final = 300
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)[::-1]

ORDER: Final = (
    "disk_full", "broker_down", "runtime_died", "config_corrupt", "keys_locked", "actor_failed", "state_damaged", "model_damaged",
    "path_problem", "model_failed", "disk_nearly_full",
)  # fmt: skip
"""Within one severity, the causes of others come first; what is not named here comes behind, as it was found."""

SAME: Final = {
    "config.file_corrupt": "config_corrupt",
    "config.file_invalid": "config_corrupt",
    "state_persistence.corruption_detected": "state_damaged",
    "history.locked": "keys_locked",
    "supervision.actor_failed": "actor_failed",
    "location": "path_problem",
}
"""Alerts that speak of what a finding of another name speaks of."""


def causes(facts: Facts) -> list[ReportFinding]:
    """What is wrong, the worst first, and of equally bad things the cause first."""
    found: dict[tuple[str, str], ReportFinding] = {}
    for look in LOOKS:
        for finding in look(facts):
            found.setdefault((finding.name, finding.subject), finding)
    return sorted(found.values(), key=_place)


def _place(finding: ReportFinding) -> tuple[int, int]:
    return SEVERITIES.index(finding.severity), ORDER.index(finding.name) if finding.name in ORDER else len(
        ORDER
    )


def _disks(facts: Facts) -> Iterator[ReportFinding]:
    for usage in facts.storage or []:
        if usage.free_bytes is None or usage.free_bytes >= NEARLY_FULL_BYTES:
            continue
        free = f"{usage.free_bytes / (1 << 20):.1f} MiB are free on the disk with the {usage.category} ({usage.path})"
        if usage.free_bytes < FULL_BYTES:
            advice = "Free some space on this disk; nothing can be kept until then."
            yield ReportFinding(
                name="disk_full",
                subject=usage.category,
                severity="critical",
                sentence=f"The disk is full: {free}.",
                advice=advice,
            )
        else:
            advice = "Free some space before it runs out."
            sentence = f"The disk is nearly full: {free}."
            yield ReportFinding(
                name="disk_nearly_full",
                subject=usage.category,
                severity="warning",
                sentence=sentence,
                advice=advice,
            )


def _runtime(facts: Facts) -> Iterator[ReportFinding]:
    runtime = facts.runtime
    if not facts.unreached or runtime is None:
        return
    if runtime.state == "alive":
        ended = sum(found.name.endswith("-broker.json") for found in facts.crashes or [])
        often = f" It has ended {ended} times of late, see the crash records." if ended else ""
        sentence = f"The runtime is up (process {runtime.pid}), but its broker does not answer: {facts.unreached}.{often}"
        advice = "The supervisor starts a broker that ended; one that hangs needs 'undercroft down' and 'undercroft up'."
        yield ReportFinding(name="broker_down", severity="critical", sentence=sentence, advice=advice)
    elif runtime.state == "stale":
        sentence = (
            f"The runtime ended without a farewell: its file names process {runtime.pid}, which is no more."
        )
        advice = "Start it with 'undercroft up'; if it ends again, look at the crash records."
        yield ReportFinding(name="runtime_died", severity="error", sentence=sentence, advice=advice)
    elif runtime.state == "unreadable":
        sentence = f"The runtime cannot be reached: {runtime.detail}."
        yield ReportFinding(
            name="runtime_unreadable", severity="error", sentence=sentence, advice="Start the runtime anew."
        )
    else:
        yield ReportFinding(
            name="not_running",
            severity="info",
            sentence="No runtime is up.",
            advice="Start it with 'undercroft up'.",
        )


def _config(facts: Facts) -> Iterator[ReportFinding]:
    config = facts.config
    if config is not None and config.fault:
        sentence = f"The settings file config.json is corrupt: {config.fault}."
        advice = "Put the file right, or move it away: the app's defaults hold then."
        yield ReportFinding(name="config_corrupt", severity="error", sentence=sentence, advice=advice)
    elif config is not None and config.put_aside:
        sentence = f"A settings file was corrupt and was put aside as {config.put_aside[-1]}; what it set is not in effect unless it was set again."
        advice = "Look into it for what was lost, then delete it."
        active = any(alert.is_active and alert.name == "config.file_corrupt" for alert in facts.alerts or [])
        yield ReportFinding(
            name="config_corrupt", severity="error" if active else "info", sentence=sentence, advice=advice
        )


def _keys(facts: Facts) -> Iterator[ReportFinding]:
    known = {"": facts.keyring} if facts.keyring is not None else {}
    locked = {
        source: report
        for source, report in {**known, **(facts.keys or {})}.items()
        if report.state == "locked" and report.reason != "not_asked"
    }
    if locked:
        report = next(iter(locked.values()))
        sentence = f"What is encrypted cannot be read, its keys are locked ({report.reason}): {report.detail or 'the keychain does not give them'}."
        users = ", ".join(filter(None, locked))
        advice = report.advice or "Unlock the system's keychain, then try again."
        yield ReportFinding(
            name="keys_locked",
            severity="error",
            sentence=f"{sentence}{f' Concerned: {users}.' if users else ''}",
            advice=advice,
        )


def _actors(facts: Facts) -> Iterator[ReportFinding]:
    for status in facts.overview.actors if facts.overview else []:
        if status.state == "failed" or (status.state == "backoff" and status.restarts >= LOOP_RESTARTS):
            yield _failing(status)
        elif status.restarts >= UNSTEADY_RESTARTS:
            sentence = f"The actor {status.actor} was started again {status.restarts} times since the runtime came up ({status.reason or 'it serves now'})."
            advice = "The crash records and actors.json say what ended it."
            yield ReportFinding(
                name="actor_unsteady",
                subject=status.actor,
                severity="warning",
                sentence=sentence,
                advice=advice,
            )


def _failing(status: ActorStatus) -> ReportFinding:
    words = next((line.strip() for line in reversed(status.last_words.splitlines()) if line.strip()), "")
    said = f" Its last words: {words[:WORDS_LIMIT]}" if words else ""
    often = f"was started again {status.restarts} times and ended each time" if status.restarts else "ended"
    return ReportFinding(
        name="actor_failed",
        subject=status.actor,
        severity="error",
        sentence=f"The actor {status.actor} {often} ({status.reason or 'no reason was told'}).{said}",
        advice=f"actors.json has its last words; 'undercroft restart {status.actor}' tries again.",
    )


def _models(facts: Facts) -> Iterator[ReportFinding]:
    for model in facts.models.models if facts.models else []:
        if model.state in ("damaged", "failed"):
            advice = f"'undercroft models install {model.model_id}' fetches again what is bad."
            sentence = f"The model {model.name} is {model.state}: {model.problem or 'no reason was told'}"
            severity: Severity = "error" if model.state == "damaged" else "warning"
            yield ReportFinding(
                name=f"model_{model.state}",
                subject=model.model_id,
                severity=severity,
                sentence=sentence,
                advice=advice,
            )


def _paths(facts: Facts) -> Iterator[ReportFinding]:
    for status in facts.paths.paths if facts.paths else []:
        for problem in status.problems[:1]:
            advice = "See 'undercroft paths'."
            yield ReportFinding(
                name="path_problem",
                subject=status.category,
                severity="error",
                sentence=problem.message,
                advice=advice,
            )


def _signs(facts: Facts) -> Iterator[ReportFinding]:
    """The warning signs that readiness saw, in its words."""
    for sign in facts.readiness.snapshot.signs if facts.readiness else []:
        sentence = f"{sign.model_id}: {sign.kind.replace('_', ' ')}, {sign.count} times. {sign.text}".strip()
        yield ReportFinding(
            name=f"sign_{sign.kind}",
            subject=sign.model_id,
            severity="warning",
            sentence=sentence,
            advice="readiness.txt and models.json tell more.",
        )


def _alerts(facts: Facts) -> Iterator[ReportFinding]:
    for alert in facts.alerts or []:
        if alert.is_active:
            yield _of_alert(alert)


def _of_alert(alert: Alert) -> ReportFinding:
    name = SAME.get(alert.name, alert.name)
    subject = "" if name in ("config_corrupt", "keys_locked") else alert.subject
    since = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(alert.since))
    often = f", {alert.count} times" if alert.count > 1 else ""
    return ReportFinding(
        name=name,
        subject=subject,
        severity=alert.severity,
        sentence=f"{alert.message} (since {since}{often})",
        advice=alert.advice or "See alerts.json.",
    )


def _gaps(facts: Facts) -> Iterator[ReportFinding]:
    bus = facts.bus
    if bus is not None and bus.undeliverable:
        sentence = f"{bus.undeliverable} messages found nobody since the broker began."
        yield ReportFinding(
            name="undeliverable",
            severity="info",
            sentence=sentence,
            advice="bus.json says which peers there are.",
        )


def _lost(facts: Facts) -> Iterator[ReportFinding]:
    """Gaps: what actors did not hear, and never will."""
    for report in facts.metrics or []:
        for sample in report.samples:
            if sample.name == LOST:
                sentence = f"{report.actor} lost {sample.value:.0f} events for good: it was too slow, or the broker was started anew."
                advice = "Start it anew if it shows something that is out of date."
                yield ReportFinding(
                    name="events_lost",
                    subject=report.actor,
                    severity="warning",
                    sentence=sentence,
                    advice=advice,
                )


def _missing(facts: Facts) -> Iterator[ReportFinding]:
    silent = [
        PARTS.get(part, part) for part, reason in facts.missing.items() if not reason.startswith(NOT_SERVED)
    ]
    if silent and not facts.unreached:
        sentence = f"{len(silent)} parts of this report could not be had: {', '.join(silent)}."
        yield ReportFinding(
            name="parts_missing", severity="warning", sentence=sentence, advice="The reasons are below."
        )


LOOKS: Final[tuple[Callable[[Facts], Iterator[ReportFinding]], ...]] = (
    _disks, _runtime, _config, _keys, _actors, _models, _paths, _signs, _alerts, _gaps, _lost, _missing,
)  # fmt: skip
