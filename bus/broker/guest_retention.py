"""How long what guests retain outlives their connection. Pure."""

from __future__ import annotations

from typing import Final

GUEST_RETENTION_SECONDS: Final = 60.0
"""A guest that vanished has this long to come back."""


class GuestRetention:
    """The guests that vanished, and when they count as gone for good."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}

    def vanished(self, name: str, now: float) -> None:
        """A guest vanished."""
        self._due.pop(name, None)
        self._due[name] = now + GUEST_RETENTION_SECONDS

    def returned(self, name: str) -> None:
        """A peer of this name is there."""
        self._due.pop(name, None)

    def gone_for_good(self, now: float) -> list[str]:
        """Take out the guests that did not come back in time."""
        gone: list[str] = []
        for name, due in self._due.items():
            if due > now:
                break
            gone.append(name)
        for name in gone:
            del self._due[name]
        return gone

    def next_due(self) -> float | None:
        """When the next guest counts as gone."""
        return next(iter(self._due.values()), None)
