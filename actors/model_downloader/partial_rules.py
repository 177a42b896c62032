"""Decides what may be collected: only by a rule that a person set, and only what nobody wants. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.models import PartialFound

DAY_SECONDS = 86_400.0


def collectable(found: Iterable[PartialFound], keep_days: int) -> list[PartialFound]:
    """What is older than the rule keeps and wanted by nobody; a rule of 0 days keeps everything, for ever."""
    if keep_days <= 0:
        return []
    return [
        partial
        for partial in found
        if not partial.is_wanted and partial.age_seconds > keep_days * DAY_SECONDS
    ]
