"""Decides which categories of models are served, and by that which modes may be used. Pure: from the facts alone, without any memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from actors.readiness.readiness_facts import Facts
from actors.readiness.wording import Wording
from actors.shared.profile.mode_tables import ModeTable, ReadinessTable
from actors.shared.profile.profile import Profile
from schemas.models import ModelStatus
from schemas.readiness import ModeAvailability, ModeStatus, Reason, ReasonKind

Standing = Literal["usable", "checking", "arriving", "missing", "broken"]
"""`missing`: a person has to set something up. `broken`: it was tried, and a person has to decide how to go on."""

MISSING_KINDS: Final[dict[str, ReasonKind]] = {
    "absent": "model_absent",
    "partial": "model_absent",
    "paused": "model_paused",
}
BROKEN_KINDS: Final[dict[str, ReasonKind]] = {"failed": "model_failed", "damaged": "model_damaged"}


@dataclass(frozen=True)
class Declared:
    """What the app declares about its readiness.

    Attributes:
        title: what people call the app.
        has_settings: settings are to be expected.
    """

    title: str
    modes: tuple[ModeTable, ...]
    table: ReadinessTable
    has_settings: bool = True

    @classmethod
    def of(cls, profile: Profile) -> Declared:
        """What a profile declares."""
        return cls(profile.title, profile.modes, profile.readiness, bool(profile.settings))


@dataclass(frozen=True)
class CategoryStanding:
    """How well one category of models is served.

    Attributes:
        model_id: which model was chosen for it; empty for none.
        status: what is known of that model; None for nothing.
        reason: why it is not usable; None if it is.
    """

    category: str
    model_id: str
    standing: Standing
    status: ModelStatus | None = None
    reason: Reason | None = None

    @property
    def name(self) -> str:
        """What people call the model."""
        return self.status.name if self.status else self.model_id


def chosen_model(category: str, facts: Facts, table: ReadinessTable) -> str:
    """Id of the model that serves a category: the one a person set, else the profile's, else one that can be used; empty for none.

    While none can be used, one that is still looked at after the start may be one soon.
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
    return min(usable or [model_id for model_id in of_category if facts.is_looked_at(model_id)], default="")


def standing_of(category: str, facts: Facts, declared: Declared, words: Wording) -> CategoryStanding:
    """How well a category is served now."""
    if facts.settings is None and declared.has_settings:
        return CategoryStanding(category, "", "checking", reason=_checking(category, words))
    model_id = chosen_model(category, facts, declared.table)
    status = facts.models.get(model_id)
    standing, kind = _judge(model_id, status, facts)
    if kind is None:
        return CategoryStanding(category, model_id, standing, status)
    name = status.name if status else model_id
    if facts.place.trouble is kind:
        reason = place_reason(facts, words)
    elif kind == "checking":
        reason = _checking(category, words)
    else:
        problem = status.problem if status else ""
        text = words.say(f"reason_{kind}", model=name, category=words.name_of(category), problem=problem)
        reason = Reason(kind=kind, subject=model_id or category, category=category, text=text)
    return CategoryStanding(category, model_id, standing, status, reason)


def _judge(model_id: str, status: ModelStatus | None, facts: Facts) -> tuple[Standing, ReasonKind | None]:
    place = facts.place
    if place.trouble is not None and place.is_blocking:
        return "missing", place.trouble
    if status is None and not facts.is_listed:
        return "checking", "checking"
    if not model_id:
        return "missing", "no_model_setting"
    if status is None:
        return "missing", "unknown_model"
    if facts.is_usable(model_id):
        return "usable", None
    if facts.is_looked_at(model_id):
        return "checking", "checking"
    if status.state in ("queued", "downloading", "verifying"):
        return "arriving", "downloading"
    if place.trouble is not None:
        return "missing", place.trouble
    if status.licence_due:
        return "missing", "licence_due"
    if kind := MISSING_KINDS.get(status.state):
        return "missing", kind
    return "broken", BROKEN_KINDS.get(status.state, "model_damaged")


def place_reason(facts: Facts, words: Wording) -> Reason | None:
    """Why models cannot be where they are wanted; None if they can."""
    place = facts.place
    if place.trouble is None:
        return None
    text = words.say(
        f"reason_{place.trouble}", path=place.directory, active=place.served, problem=place.problem
    )
    return Reason(kind=place.trouble, subject=place.directory, text=text)


def is_enabled(mode: ModeTable, facts: Facts) -> bool:
    """Whether a mode is switched on; while nothing is known of the settings it counts as if it were."""
    return not mode.enabled_by or facts.settings is None or bool(facts.setting(mode.enabled_by))


def availability_of(mode: ModeTable, facts: Facts, declared: Declared, words: Wording) -> ModeAvailability:
    """Whether a mode may be used now: only while each category that it requires is served."""
    title = mode.title or mode.name
    if not is_enabled(mode, facts):
        off = Reason(kind="switched_off", subject=mode.enabled_by, text=words.say("reason_switched_off"))
        return ModeAvailability(mode=mode.name, title=title, status="switched_off", reasons=[off])
    unserved = [
        found
        for category in mode.requires
        if (found := standing_of(category, facts, declared, words)).standing != "usable"
    ]
    status: ModeStatus = "available"
    if unserved:
        status = "checking" if all(found.standing == "checking" for found in unserved) else "unavailable"
    lacking = [
        need
        for need in mode.optional
        if standing_of(need.category, facts, declared, words).standing not in ("usable", "checking")
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


def needed_categories(facts: Facts, declared: Declared) -> Iterator[tuple[str, bool]]:
    """Categories that the enabled modes look for, and whether one of them requires it; each once, in the order of the profile."""
    enabled = [mode for mode in declared.modes if is_enabled(mode, facts)]
    required = {category for mode in enabled for category in mode.requires}
    wanted = dict.fromkeys(
        category
        for mode in enabled
        for category in [*mode.requires, *(need.category for need in mode.optional)]
    )
    for category in wanted:
        yield category, category in required


def bundled_categories(facts: Facts, declared: Declared) -> set[str]:
    """Categories whose models are fetched by the one confirmation: what enabled modes require, and what the profile adds to it."""
    enabled = [mode for mode in declared.modes if is_enabled(mode, facts)]
    added = {need.category for mode in enabled for need in mode.optional if need.bundled}
    return added | {category for mode in enabled for category in mode.requires}


def broken_models(facts: Facts, declared: Declared, words: Wording) -> list[str]:
    """Models of the bundle that failed or are damaged, those included that no mode requires."""
    standings = (
        standing_of(category, facts, declared, words)
        for category in sorted(bundled_categories(facts, declared))
    )
    return list(dict.fromkeys(found.model_id for found in standings if found.standing == "broken"))


def _checking(category: str, words: Wording) -> Reason:
    return Reason(
        kind="checking",
        subject=category,
        category=category,
        text=words.say("reason_checking", category=words.name_of(category)),
    )
