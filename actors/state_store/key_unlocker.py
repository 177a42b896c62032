"""Asks the keychain for the keys of encrypted values, and not over and over while it says no."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

PAUSE_SECONDS: Final = 5.0
"""After the keychain said no, so long nobody asks it again: it may hang, or pester a person."""


class Ring(Protocol):
    """Where keys come from; `unlock` makes them where there never were any, and may take its time."""

    def unlock(self, *, make: bool = False) -> Any:
        """Ask the keychain."""

    def current(self) -> Any:
        """The key to encrypt with; raises if there is none at hand."""


class Locksmith:
    """Unlocks one ring. For a thread, one call at a time."""

    def __init__(self, ring: Ring, clock: Callable[[], float] = time.monotonic) -> None:
        """Args: clock: seconds, never set back."""
        self._ring = ring
        self._clock = clock
        self._not_before = 0.0

    def unlock(self) -> bool:
        """Ask; returns whether keys are to be had now."""
        from actors.shared.crypto.envelope import KeyNotToBeHad

        if self._clock() < self._not_before:
            return False
        self._ring.unlock(make=True)
        try:
            self._ring.current()
        except KeyNotToBeHad:
            self._not_before = self._clock() + PAUSE_SECONDS
            return False
        return True
