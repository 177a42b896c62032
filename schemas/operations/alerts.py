"""Alerts: what is wrong now and needs attention. The actor that owns the matter raises and clears them."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from schemas.bounds import Count, PlaceText, Sentence, UnixSeconds, Word
from schemas.event import Event

Severity = Literal["info", "warning", "error", "critical"]


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong, or was.

    Attributes:
        name: what kind of thing, such as `state_persistence.quota_exceeded`.
        subject: which one of its kind, such as a key or a model id; empty: there is only one.
        source: name of the actor that raised it.
        is_active: False once it was cleared.
        since: when it was first raised, seconds since the Unix epoch.
        last_at: when it was last raised.
        count: how often it was raised since then.
        message: one sentence with what was found and what was expected, without secrets.
        advice: what to do.
    """

    name: Word
    subject: PlaceText
    source: Word
    severity: Severity
    is_active: bool
    since: UnixSeconds
    last_at: UnixSeconds
    count: Count
    message: Sentence
    advice: Sentence


class AlertChangedEvent(Event, frozen=True, kw_only=True, tag="alerts.changed"):
    """An alert was raised, raised again, or cleared.

    Attributes:
        key: `<source>/<name>/<subject>`. It begins with the name of the publisher.
    """

    retained_by: ClassVar[str | None] = "key"

    key: Word
    alert: Alert

    @property
    def is_own(self) -> bool:
        """Whether its publisher says it in its own name. The broker lets a peer use no key of another."""
        return self.key.startswith(f"{self.alert.source}/")
