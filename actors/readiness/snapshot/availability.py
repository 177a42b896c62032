"""Decides which categories of models are served, and so which modes can be used. Pure, without memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from actors.readiness.snapshot.readiness_facts import ReadinessFacts
from actors.readiness.wording import Wording
from actors.shared.profile.mode_tables import ModeTable, ReadinessTable
from actors.shared.profile.profile import Profile
from schemas.models import ModelStatus
from schemas.readiness import ModeAvailability, ModeStatus, Reason, ReasonKind

CategoryState = Literal["usable", "checking", "installing", "missing", "broken"]
"""`missing`: a person has to set something up. `broken`: it failed, and a person has to decide what to do."""

MISSING_KINDS: Final[dict[str, ReasonKind]] = {
    "absent": "model_absent",
    "partial": "model_absent",
    "paused": "model_paused",
}
BROKEN_KINDS: Final[dict[str, ReasonKind]] = {"failed": "model_failed", "damaged": "model_damaged"}


@dataclass(frozen=True)
class ReadinessDeclaration:
    """What the app declares about its readiness.

    Attributes:
        title: what people call the app.
        modes: what the app can be used for.
        table: choices, times and language.
        has_settings: the app has settings, so their arrival is awaited.
    """

    title: str
    modes: tuple[ModeTable, ...]
    table: ReadinessTable
    has_settings: bool = True

    @classmethod
    def of(cls, profile: Profile) -> ReadinessDeclaration:
        """What a profile declares."""
        return cls(profile.title, profile.modes, profile.readiness, profile.has_settings)


@dataclass(frozen=True)
class CategoryStatus:
    """How well one category of models is served.

    Attributes:
        category: such as `stt`.
        model_id: the model that was chosen for it; empty for none.
        state: whether that model can be used.
        model: what is known about it; None for nothing.
        reason: why it cannot be used; None if it can.
    """

    category: str
    model_id: str
    state: CategoryState
    model: ModelStatus | None = None
    reason: Reason | None = None

    @property
    def name(self) -> str:
        """What people call the model."""
        return self.model.name if self.model else self.model_id


def chosen_model(category: str, facts: ReadinessFacts, table: ReadinessTable) -> str:
    """Id of the model for a category: the one in the settings, else the profile's, else one that can be used.

    If none can be used, it is one that is still being checked after the start. Empty for none.
    """
    declared = table.categories.get(category)
    if declared is not None:
        named = facts.setting(declared.setting) if declared.setting else None
        if isinstance(named, str) and named:
            return named
        if declared.model:
            return declared.model
    of_category = [status.model_id for status in facts.models.values() if status.category == category]
    usable = [model_id for model_id in of_category if facts.is_usable(model_id)]
    return min(
        usable or [model_id for model_id in of_category if facts.is_being_checked(model_id)], default=""
    )


def category_status(
    category: str, facts: ReadinessFacts, declared: ReadinessDeclaration, words: Wording
) -> CategoryStatus:
    """How well a category is served now."""
    if facts.settings is None and declared.has_settings:
        return CategoryStatus(category, "", "checking", reason=_checking(category, words))
    model_id = chosen_model(category, facts, declared.table)
    model = facts.models.get(model_id)
    state, kind = _judge(model_id, model, facts)
    if kind is None:
        return CategoryStatus(category, model_id, state, model)
    if facts.place.trouble is kind:
        reason = place_reason(facts, words)
    elif kind == "checking":
        reason = _checking(category, words)
    else:
        text = words.say(
            f"reason_{kind}",
            model=model.name if model else model_id,
            category=words.name_of(category),
            problem=model.problem if model else "",
        )
        reason = Reason(kind=kind, subject=model_id or category, category=category, text=text)
    return CategoryStatus(category, model_id, state, model, reason)


def _judge(
    model_id: str, model: ModelStatus | None, facts: ReadinessFacts
) -> tuple[CategoryState, ReasonKind | None]:
    place = facts.place
    if place.trouble is not None and place.is_blocking:
        return "missing", place.trouble
    if model is None and not facts.is_listed:
        return "checking", "checking"
    if not model_id:
        return "missing", "no_model_setting"
    if model is None:
        return "missing", "unknown_model"
    if facts.is_usable(model_id):
        return "usable", None
    if facts.is_being_checked(model_id):
        return "checking", "checking"
    if model.state in ("queued", "downloading", "verifying"):
        return "installing", "downloading"
    if place.trouble is not None:
        return "missing", place.trouble
    if model.licence_due:
        return "missing", "licence_due"
    if kind := MISSING_KINDS.get(model.state):
        return "missing", kind
    return "broken", BROKEN_KINDS.get(model.state, "model_damaged")


def place_reason(facts: ReadinessFacts, words: Wording) -> Reason | None:
    """What is wrong with the models directory; None if nothing is."""
    place = facts.place
    if place.trouble is None:
        return None
    text = words.say(
        f"reason_{place.trouble}", path=place.directory, active=place.served, problem=place.problem
    )
    return Reason(kind=place.trouble, subject=place.directory, text=text)


def is_enabled(mode: ModeTable, facts: ReadinessFacts) -> bool:
    """Whether a mode is switched on; it counts as switched on while the settings are unknown."""
    return not mode.enabled_by or facts.settings is None or bool(facts.setting(mode.enabled_by))


def availability_of(
    mode: ModeTable, facts: ReadinessFacts, declared: ReadinessDeclaration, words: Wording
) -> ModeAvailability:
    """Whether a mode can be used now: only if every category that it requires is served."""
    title = mode.title or mode.name
    if not is_enabled(mode, facts):
        off = Reason(kind="switched_off", subject=mode.enabled_by, text=words.say("reason_switched_off"))
        return ModeAvailability(mode=mode.name, title=title, status="switched_off", reasons=[off])
    unserved = [
        found
        for category in mode.requires
        if (found := category_status(category, facts, declared, words)).state != "usable"
    ]
    status: ModeStatus = "available"
    if unserved:
        status = "checking" if all(found.state == "checking" for found in unserved) else "unavailable"
    lacking = [
        need
        for need in mode.optional
        if category_status(need.category, facts, declared, words).state not in ("usable", "checking")
    ]
    return ModeAvailability(
        mode=mode.name,
        title=title,
        status=status,
        missing=[found.category for found in unserved],
        reasons=list(dict.fromkeys(found.reason for found in unserved if found.reason)),
        notices=[need.notice for need in lacking],
        notice_texts=[words.notice(need.notice) for need in lacking],
    )


def needed_categories(facts: ReadinessFacts, declared: ReadinessDeclaration) -> Iterator[tuple[str, bool]]:
    """Each category that enabled modes use, in the profile's order, and whether one of them requires it."""
    enabled = [mode for mode in declared.modes if is_enabled(mode, facts)]
    required = {category for mode in enabled for category in mode.requires}
    wanted = dict.fromkeys(
        category
        for mode in enabled
        for category in [*mode.requires, *(need.category for need in mode.optional)]
    )
    for category in wanted:
        yield category, category in required


def bundled_categories(facts: ReadinessFacts, declared: ReadinessDeclaration) -> set[str]:
    """Categories of the bundle: those that enabled modes require, and those that are marked `bundled`."""
    enabled = [mode for mode in declared.modes if is_enabled(mode, facts)]
    added = {need.category for mode in enabled for need in mode.optional if need.bundled}
    return added | {category for mode in enabled for category in mode.requires}


def broken_models(facts: ReadinessFacts, declared: ReadinessDeclaration, words: Wording) -> list[str]:
    """Ids of the models in the bundle that failed or are damaged, required or not."""
    statuses = (
        category_status(category, facts, declared, words)
        for category in sorted(bundled_categories(facts, declared))
    )
    return list(dict.fromkeys(found.model_id for found in statuses if found.state == "broken"))


def _checking(category: str, words: Wording) -> Reason:
    return Reason(
        kind="checking",
        subject=category,
        category=category,
        text=words.say("reason_checking", category=words.name_of(category)),
    )
