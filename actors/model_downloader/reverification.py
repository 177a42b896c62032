"""Decides which installed model is read again because it was not for long: the one that was read longest ago first. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEFAULT_DAYS = 30
DAY_SECONDS = 86_400.0
ROUND_SECONDS = 3600.0
"""So long between two looks at what is due, and between two models that are read."""


def next_due(verified_at: Mapping[str, float | None], every_days: float, now: float) -> str | None:
    """Which model is to be read now; None if none is.

    Args:
        verified_at: when each model was last read as a whole, seconds since the Unix epoch; None if that is
            not known.
        every_days: how often; 0 for never.
        now: seconds since the Unix epoch. A time in the future, left by a clock that was set back, counts as
            not known.
    """
    if every_days <= 0:
        return None
    age = {
        model_id: now - at if at is not None and at <= now else float("inf")
        for model_id, at in verified_at.items()
    }
    due = [model_id for model_id, seconds in age.items() if seconds >= every_days * DAY_SECONDS]
    return max(sorted(due), key=lambda model_id: age[model_id], default=None)


def days_of(settings: Mapping[str, Any]) -> float:
    """How often an app wants its models read, from `models.verify_every_days` of its settings."""
    section = settings.get("models")
    days = section.get("verify_every_days") if isinstance(section, Mapping) else None
    return (
        float(days)
        if isinstance(days, int | float) and not isinstance(days, bool) and days >= 0
        else DEFAULT_DAYS
    )
