"""Says what is wrong, causes before their consequences. Pure: facts in, findings out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, get_args

from actors.diagnostics.report_facts import PART_NAMES, ReportFacts
from actors.shared.text import utc_time
from schemas.keys import KeysReport
from schemas.operations.alerts import Alert, Severity
from schemas.operations.diagnostics import ReportFinding
from schemas.operations.supervision import ActorStatus

FULL_BYTES: Final = 4 * 1024 * 1024
NEARLY_FULL_BYTES: Final = 200 * 1024 * 1024
LOOP_RESTARTS: Final = 2
"""An actor that waits for yet another start after this many restarts is in a crash loop."""

UNSTEADY_RESTARTS: Final = 3
NOT_SERVED: Final = "no_responder"
"""Reason of a part whose actor the app may not have. A missing actor has a finding of its own."""

LOST: Final = "bus.peer.lost_events"
WORDS_LIMIT: Final = 300
SEVERITIES: Final[tuple[Severity, ...]] = get_args(Severity)[::-1]

ORDER: Final = (
    "disk_full", "broker_down", "runtime_died", "config_corrupt", "keys_locked", "actor_failed",
    "state_damaged", "model_damaged", "path_problem", "model_failed", "disk_nearly_full",
)  # fmt: skip
"""Order within one severity: causes of other findings come first. What is not listed comes last, as found."""

SAME: Final = {
    "config.file_corrupt": "config_corrupt",
    "config.file_invalid": "config_corrupt",
    "state_persistence.corruption_detected": "state_damaged",
    "history.locked": "keys_locked",
    "supervision.actor_failed": "actor_failed",
    "location": "path_problem",
}
"""Alerts that mean the same as a finding with another name."""


def causes(facts: ReportFacts) -> list[ReportFinding]:
    """Return what is wrong: the worst first, and within one severity causes first."""
    found: dict[tuple[str, str], ReportFinding] = {}
    for check in CHECKS:
        for finding in check(facts):
            found.setdefault((finding.name, finding.subject), finding)
    return sorted(found.values(), key=_rank)


def _rank(finding: ReportFinding) -> tuple[int, int]:
    position = ORDER.index(finding.name) if finding.name in ORDER else len(ORDER)
    return SEVERITIES.index(finding.severity), position


def _finding(name: str, severity: Severity, sentence: str, advice: str, subject: str = "") -> ReportFinding:
    return ReportFinding(name=name, severity=severity, sentence=sentence, advice=advice, subject=subject)


def _disks(facts: ReportFacts) -> Iterator[ReportFinding]:
    for use in facts.storage or []:
        if use.free_bytes is None or use.free_bytes >= NEARLY_FULL_BYTES:
            continue
        free = (
            f"{use.free_bytes / (1 << 20):.1f} MiB are free on the disk with the {use.category} ({use.path})"
        )
        if use.free_bytes < FULL_BYTES:
            advice = "Free some space on this disk; until then nothing can be saved."
            yield _finding("disk_full", "critical", f"The disk is full: {free}.", advice, use.category)
        else:
            advice = "Free some space before it runs out."
            sentence = f"The disk is nearly full: {free}."
            yield _finding("disk_nearly_full", "warning", sentence, advice, use.category)


def _runtime(facts: ReportFacts) -> Iterator[ReportFinding]:
    runtime = facts.runtime
    if not facts.unreached or runtime is None:
        return
    if runtime.state == "alive":
        ended = sum(found.name.endswith("-broker.json") for found in facts.crashes or [])
        often = f" It has ended {ended} times recently, see the crash records." if ended else ""
        yield _finding(
            "broker_down",
            "critical",
            f"The runtime is up (process {runtime.pid}), but its broker does not answer: "
            f"{facts.unreached}.{often}",
            "The supervisor restarts a broker that ended; if it hangs, run 'undercroft down' and "
            "'undercroft up'.",
        )
    elif runtime.state == "stale":
        yield _finding(
            "runtime_died",
            "error",
            f"The runtime ended unexpectedly: its file names process {runtime.pid}, which no longer exists.",
            "Start it with 'undercroft up'; if it ends again, look at the crash records.",
        )
    elif runtime.state == "unreadable":
        sentence = f"The runtime cannot be reached: {runtime.detail}."
        yield _finding("runtime_unreadable", "error", sentence, "Restart the runtime.")
    else:
        yield _finding("not_running", "info", "The runtime is not running.", "Start it with 'undercroft up'.")


def _config(facts: ReportFacts) -> Iterator[ReportFinding]:
    config = facts.config
    if config is None:
        return
    if config.fault:
        sentence = f"The settings file config.json is corrupt: {config.fault}."
        advice = "Correct the file, or move it away: the defaults of the app apply then."
        yield _finding("config_corrupt", "error", sentence, advice)
    elif config.put_aside:
        sentence = (
            f"A settings file was corrupt and was renamed to {config.put_aside[-1]}; "
            "its settings do not apply unless they were set again."
        )
        advice = "Look in it for what was lost, then delete it."
        is_active = any(
            alert.is_active and alert.name == "config.file_corrupt" for alert in facts.alerts or []
        )
        yield _finding("config_corrupt", "error" if is_active else "info", sentence, advice)


def _keys(facts: ReportFacts) -> Iterator[ReportFinding]:
    known: dict[str, KeysReport] = {"": facts.keyring} if facts.keyring is not None else {}
    locked = {
        source: report
        for source, report in {**known, **(facts.keys or {})}.items()
        if report.state == "locked" and report.reason != "not_asked"
    }
    if not locked:
        return
    report = next(iter(locked.values()))
    detail = report.detail or "the keychain does not return them"
    users = ", ".join(filter(None, locked))
    concerned = f" Concerned: {users}." if users else ""
    yield _finding(
        "keys_locked",
        "error",
        f"Encrypted data cannot be read, because its keys are locked ({report.reason}): {detail}.{concerned}",
        report.advice or "Unlock the keychain of the system, then try again.",
    )


def _actors(facts: ReportFacts) -> Iterator[ReportFinding]:
    for status in facts.overview.actors if facts.overview else []:
        if status.state == "failed" or (status.state == "backoff" and status.restarts >= LOOP_RESTARTS):
            yield _failed_actor(status)
        elif status.restarts >= UNSTEADY_RESTARTS:
            yield _finding(
                "actor_unsteady",
                "warning",
                f"The actor {status.actor} was restarted {status.restarts} times since the runtime started "
                f"({status.reason or 'it is ready now'}).",
                "The crash records and actors.json say why it ended.",
                status.actor,
            )


def _failed_actor(status: ActorStatus) -> ReportFinding:
    words = next((line.strip() for line in reversed(status.last_words.splitlines()) if line.strip()), "")
    said = f" Its last output: {words[:WORDS_LIMIT]}" if words else ""
    often = f"was restarted {status.restarts} times and ended each time" if status.restarts else "ended"
    return _finding(
        "actor_failed",
        "error",
        f"The actor {status.actor} {often} ({status.reason or 'no reason is known'}).{said}",
        f"actors.json has its last output; 'undercroft restart {status.actor}' tries again.",
        status.actor,
    )


def _models(facts: ReportFacts) -> Iterator[ReportFinding]:
    for model in facts.models.models if facts.models else []:
        if model.state in ("damaged", "failed"):
            yield _finding(
                f"model_{model.state}",
                "error" if model.state == "damaged" else "warning",
                f"The model {model.name} is {model.state}: {model.problem or 'no reason is known'}",
                f"'undercroft models install {model.model_id}' fetches the damaged files again.",
                model.model_id,
            )


def _paths(facts: ReportFacts) -> Iterator[ReportFinding]:
    for status in facts.paths.paths if facts.paths else []:
        for problem in status.problems[:1]:
            advice = "See 'undercroft paths'."
            yield _finding("path_problem", "error", problem.message, advice, status.category)


def _warning_signs(facts: ReportFacts) -> Iterator[ReportFinding]:
    """Repeat the warning signs that readiness saw."""
    for sign in facts.readiness.snapshot.signs if facts.readiness else []:
        kind = sign.kind.replace("_", " ")
        yield _finding(
            f"sign_{sign.kind}",
            "warning",
            f"{sign.model_id}: {kind}, {sign.count} times. {sign.text}".strip(),
            "See readiness.txt and models.json.",
            sign.model_id,
        )


def _alerts(facts: ReportFacts) -> Iterator[ReportFinding]:
    for alert in facts.alerts or []:
        if alert.is_active:
            yield _of_alert(alert)


def _of_alert(alert: Alert) -> ReportFinding:
    name = SAME.get(alert.name, alert.name)
    subject = "" if name in ("config_corrupt", "keys_locked") else alert.subject
    since = utc_time(alert.since)
    often = f", {alert.count} times" if alert.count > 1 else ""
    sentence = f"{alert.message} (since {since}{often})"
    return _finding(name, alert.severity, sentence, alert.advice or "See alerts.json.", subject)


def _undeliverable(facts: ReportFacts) -> Iterator[ReportFinding]:
    if facts.bus is not None and facts.bus.undeliverable:
        sentence = f"{facts.bus.undeliverable} messages had no recipient since the broker started."
        yield _finding("undeliverable", "info", sentence, "bus.json lists the peers.")


def _lost_events(facts: ReportFacts) -> Iterator[ReportFinding]:
    for report in facts.metrics or []:
        for sample in report.samples:
            if sample.name == LOST:
                yield _finding(
                    "events_lost",
                    "warning",
                    f"{report.actor} lost {sample.value:.0f} events for good: "
                    "it was too slow, or the broker restarted.",
                    "Restart it if it shows something out of date.",
                    report.actor,
                )


def _missing_parts(facts: ReportFacts) -> Iterator[ReportFinding]:
    silent = [
        PART_NAMES.get(part, part)
        for part, reason in facts.missing.items()
        if not reason.startswith(NOT_SERVED)
    ]
    if silent and not facts.unreached:
        sentence = f"{len(silent)} parts of this report are not available: {', '.join(silent)}."
        yield _finding("parts_missing", "warning", sentence, "The reasons are below.")


CHECKS: Final[tuple[Callable[[ReportFacts], Iterator[ReportFinding]], ...]] = (
    _disks, _runtime, _config, _keys, _actors, _models, _paths, _warning_signs, _alerts, _undeliverable,
    _lost_events, _missing_parts,
)  # fmt: skip
