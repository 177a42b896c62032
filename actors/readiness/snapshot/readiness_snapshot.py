"""Derives the snapshot of readiness from the facts and the time. Pure.

Modes depend on the facts alone. The former snapshot only says since when something holds, and which revision
comes next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from actors.readiness.snapshot.availability import (
    CategoryStatus,
    ReadinessDeclaration,
    availability_of,
    bundled_categories,
    category_status,
    needed_categories,
    place_reason,
)
from actors.readiness.snapshot.checklist import steps_of, timed
from actors.readiness.snapshot.presentation import (
    banner_notice,
    progress_lines,
    recovery_notice,
    setup_prompt,
    toast_notice,
)
from actors.readiness.snapshot.readiness_facts import SERVICES, ReadinessFacts
from actors.readiness.wording import Wording
from schemas.readiness import (
    ModeAvailability,
    Notice,
    ReadinessSnapshot,
    ReadinessState,
    Reason,
    Showing,
    Step,
    WarningSign,
)

PROGRESS_GAP_SECONDS: Final = 0.2
"""Shortest time between two snapshots that differ only in progress."""

PROGRESS_FIELDS: Final = frozenset({"progress", "steps", "setup"})
Categories = Sequence[tuple[CategoryStatus, bool]]
"""The state of each category, and whether it is required."""


def derive(
    facts: ReadinessFacts,
    declared: ReadinessDeclaration,
    words: Wording,
    before: ReadinessSnapshot | None,
    now: float,
) -> ReadinessSnapshot:
    """The snapshot of now.

    Its revision is one more than the former one, and at least the milliseconds since the Unix epoch. So it
    grows even if the broker lost the former snapshot.

    Args:
        facts: everything that is known.
        declared: what the app declares.
        words: the texts.
        before: the former snapshot; None if there is none.
        now: seconds since the Unix epoch.
    """
    categories = [
        (category_status(category, facts, declared, words), is_required)
        for category, is_required in needed_categories(facts, declared)
    ]
    modes = [availability_of(mode, facts, declared, words) for mode in declared.modes]
    down = failed_services(facts)
    state = state_of(facts, declared, modes, categories, down)
    since = before.since if before is not None and before.state == state else now
    steps = timed(steps_of(facts, declared, categories, words), before.steps if before else (), now)
    bundled = bundled_categories(facts, declared)
    snapshot = ReadinessSnapshot(
        revision=max(before.revision + 1 if before else 0, int(now * 1000)),
        state=state,
        since=since,
        state_text=_state_text(state, modes, facts, words),
        is_blocking=not any(mode.status == "available" for mode in modes) and state not in ("ready", "idle"),
        show="nothing",
        steps=steps,
        modes=modes,
        reasons=_reasons(facts, categories, words),
        location=facts.place.directory,
        setup=setup_prompt(
            [found for found, _ in categories if found.category in bundled], facts, declared, words
        ),
        progress=progress_lines(facts, words),
        recovery=recovery_notice(
            [found for found, is_required in categories if is_required and found.state == "broken"],
            down,
            facts,
            words,
        ),
        toast=_toast(state, since, facts, declared, words, now),
        banner=_banner(state, steps, declared, words, now),
        signs=[_sign_text(sign, facts, words) for sign in facts.signs],
        locale=words.locale,
    )
    return msgspec.structs.replace(snapshot, show=show(snapshot))


def state_of(
    facts: ReadinessFacts,
    declared: ReadinessDeclaration,
    modes: Sequence[ModeAvailability],
    categories: Categories,
    down: Sequence[str],
) -> ReadinessState:
    """The state of the whole app: `ready` only if every mode that is switched on can be used."""
    if facts.is_leaving:
        return "idle"
    required = [found for found, is_required in categories if is_required]
    wanted = [mode for mode in modes if mode.status != "switched_off"]
    is_known = facts.settings is not None or not declared.has_settings
    if is_known and all(mode.status == "available" for mode in wanted):
        return "ready"
    kinds = {found.state for found in required}
    if "installing" in kinds:
        return "downloading"
    if down and ("checking" in kinds or not is_known):
        return "recovery_required"
    if "checking" in kinds or not is_known:
        return "checking"
    if any(mode.status == "available" for mode in wanted):
        return "degraded"
    return "recovery_required" if "broken" in kinds else "setup_required"


def failed_services(facts: ReadinessFacts) -> list[str]:
    """The actors that readiness depends on and that the supervisor gave up."""
    return [name for name in SERVICES if name in facts.services and facts.services[name].state == "failed"]


def show(snapshot: ReadinessSnapshot) -> Showing:
    """What a frontend shows now: recovery first, then setup, then progress, then banner or toast."""
    match snapshot.state:
        case "recovery_required":
            return "recovery"
        case "setup_required":
            return "setup"
        case "downloading":
            return "progress"
        case "degraded":
            return "recovery" if snapshot.recovery else "setup"
        case "idle":
            return "nothing"
        case "checking" | "ready":
            return "banner" if snapshot.banner else "toast" if snapshot.toast else "nothing"


def next_due(snapshot: ReadinessSnapshot, declared: ReadinessDeclaration, now: float) -> float | None:
    """When the snapshot changes without an event: a banner appears or a toast fades; None if it does not.

    Times are in seconds since the Unix epoch.
    """
    moments = [snapshot.since + declared.table.toast_fade_ms / 1000] if snapshot.toast else []
    if snapshot.banner is None and snapshot.state in ("checking", "ready"):
        moments += [moment for step in snapshot.steps if (moment := _banner_at(step, declared)) is not None]
    return min((moment for moment in moments if moment > now), default=None)


def changed_fields(before: ReadinessSnapshot | None, after: ReadinessSnapshot) -> list[str]:
    """Names of the fields that differ, apart from the revision."""
    fields = [field for field in after.__struct_fields__ if field != "revision"]
    return [field for field in fields if before is None or getattr(before, field) != getattr(after, field)]


def is_mere_progress(before: ReadinessSnapshot, after: ReadinessSnapshot) -> bool:
    """Whether the snapshots differ only in progress, so that publishing can wait a little."""
    same_steps = [step.status for step in before.steps] == [step.status for step in after.steps]
    return same_steps and PROGRESS_FIELDS.issuperset(changed_fields(before, after))


def _banner_at(step: Step, declared: ReadinessDeclaration) -> float | None:
    """When a step has lasted long enough to be shown; None if it never is, such as an optional model."""
    if (
        step.started_at is None
        or step.status not in ("running", "failed")
        or (step.id.startswith("model.") and step.status == "failed")
    ):
        return None
    return step.started_at + declared.table.banner_after_ms / 1000


def _banner(
    state: ReadinessState, steps: Sequence[Step], declared: ReadinessDeclaration, words: Wording, now: float
) -> Notice | None:
    if state not in ("checking", "ready"):
        return None
    due = [
        (moment, step)
        for step in steps
        if (moment := _banner_at(step, declared)) is not None and moment <= now
    ]
    return banner_notice(min(due, key=lambda found: found[0])[1], words) if due else None


def _toast(
    state: ReadinessState,
    since: float,
    facts: ReadinessFacts,
    declared: ReadinessDeclaration,
    words: Wording,
    now: float,
) -> Notice | None:
    table = declared.table
    is_on = table.toast and facts.setting(table.toast_setting) is not False
    if state != "ready" or not is_on or now >= since + table.toast_fade_ms / 1000:
        return None
    return toast_notice(table.toast_fade_ms, words)


def _state_text(
    state: ReadinessState, modes: Sequence[ModeAvailability], facts: ReadinessFacts, words: Wording
) -> str:
    if state == "degraded":
        available = ", ".join(mode.title for mode in modes if mode.status == "available")
        others = ", ".join(mode.title for mode in modes if mode.status in ("unavailable", "checking"))
        return words.say("state_degraded", available=available, unavailable=others)
    if state == "downloading":
        names = [
            facts.models[model_id].name for model_id in sorted(facts.installing) if model_id in facts.models
        ]
        return words.say("state_downloading", models=", ".join(names))
    return words.say(f"state_{state}")


def _reasons(facts: ReadinessFacts, categories: Categories, words: Wording) -> list[Reason]:
    """Why modes cannot be used; a problem of the models directory comes first."""
    place = place_reason(facts, words)
    found = [one.reason for one, is_required in categories if is_required and one.reason]
    down = [
        Reason(
            kind="service_down",
            subject=name,
            text=words.say("reason_service_down", service=name, problem=facts.services[name].reason),
        )
        for name in failed_services(facts)
    ]
    return list(dict.fromkeys([*([place] if place else []), *down, *found]))


def _sign_text(sign: WarningSign, facts: ReadinessFacts, words: Wording) -> WarningSign:
    status = facts.models.get(sign.model_id)
    text = words.say(f"sign_{sign.kind}", model=status.name if status else sign.model_id, count=sign.count)
    return WarningSign(
        kind=sign.kind, model_id=sign.model_id, count=sign.count, last_at=sign.last_at, text=text
    )
