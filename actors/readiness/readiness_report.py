"""The readiness report as text, for people to read, copy and send to support. Pure; it has no secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from actors.readiness.snapshot.availability import ReadinessDeclaration
from actors.readiness.snapshot.checklist import durable_bytes_of, percent
from actors.readiness.snapshot.readiness_facts import ReadinessFacts
from actors.readiness.wording import Wording
from actors.shared.text import size_text, utc_time
from schemas.operations.alerts import Alert
from schemas.readiness import ModeAvailability, ReadinessSnapshot, Step


def report_text(
    snapshot: ReadinessSnapshot,
    facts: ReadinessFacts,
    declared: ReadinessDeclaration,
    words: Wording,
    now: float,
) -> str:
    """The whole report. Its times are in UTC.

    Args:
        snapshot: the snapshot of now.
        facts: everything that is known.
        declared: what the app declares.
        words: the texts.
        now: seconds since the Unix epoch.
    """
    sections = (
        ("report_modes", _modes(snapshot.modes, words)),
        ("report_steps", (_step(step, words) for step in snapshot.steps)),
        ("report_models", _models(facts)),
        ("report_paths", _paths(snapshot, facts, words)),
        ("report_signs", (sign.text for sign in snapshot.signs)),
        ("report_services", _services(facts)),
        ("report_alerts", (_alert(alert) for _, alert in sorted(facts.alerts.items()))),
    )
    lines = [f"{words.say('report_title', app=declared.title)}, {_time(now)}", ""]
    since = f"{words.say('report_since')} {_time(snapshot.since)}"
    lines.append(f"{words.say('report_state')}: {snapshot.state_text} ({snapshot.state}, {since})")
    lines += [f"  {reason.text}" for reason in snapshot.reasons]
    for title, content in sections:
        lines += ["", f"{words.say(title)}:", *_or_none(content, words)]
    return "\n".join(lines) + "\n"


def _or_none(lines: Iterable[str], words: Wording) -> list[str]:
    return [f"  {line}" for line in lines] or [f"  {words.say('report_none')}"]


def _modes(modes: Iterable[ModeAvailability], words: Wording) -> Iterator[str]:
    for mode in modes:
        yield f"{mode.title}: {words.say(f'mode_{mode.status}')}"
        yield from (f"  {reason.text}" for reason in mode.reasons)
        yield from (f"  {text}" for text in mode.notice_texts)


def _step(step: Step, words: Wording) -> str:
    took = (
        ""
        if step.started_at is None or step.ended_at is None
        else f", {max(0.0, step.ended_at - step.started_at):.3f} s"
    )
    detail = f": {step.detail}" if step.detail else ""
    return f"{step.title} [{words.say(f'step_status_{step.status}')}{took}]{detail}"


def _models(facts: ReadinessFacts) -> Iterator[str]:
    for status in sorted(facts.models.values(), key=lambda status: (status.category, status.model_id)):
        durable = durable_bytes_of(status, facts)
        done = "" if status.state in ("installed", "absent") else f" {percent(durable, status.size_bytes)} %"
        revision = f", revision {status.revision}" if status.revision else ""
        description = f"{status.state}{done}, {size_text(status.size_bytes)}, {status.licence}{revision}"
        yield f"{status.name} ({status.model_id}, {status.category}): {description}"
        if status.problem:
            yield f"  {status.problem}"


def _paths(snapshot: ReadinessSnapshot, facts: ReadinessFacts, words: Wording) -> Iterator[str]:
    if snapshot.location:
        free = (
            "" if facts.free_bytes is None else f" ({size_text(facts.free_bytes)} {words.say('report_free')})"
        )
        yield f"{words.say('report_location')}: {snapshot.location}{free}"
    if facts.place.problem:
        yield facts.place.problem


def _services(facts: ReadinessFacts) -> Iterator[str]:
    for name, status in sorted(facts.services.items()):
        yield f"{name}: {status.state}{f', {status.reason}' if status.reason else ''}"


def _alert(alert: Alert) -> str:
    between = "" if not alert.advice else " " if alert.message.endswith(".") else "; "
    return f"[{alert.severity}] {alert.message}{between}{alert.advice}"


def _time(seconds: float) -> str:
    return utc_time(seconds, "%Y-%m-%d %H:%M:%SZ")
