"""Asks the keychain for the keys of encrypted values, and not over and over while it says no."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from actors.shared.keys.key_source import LockableKeySource

PAUSE_SECONDS: Final = 5.0
"""After the keychain said no, so long nobody asks it again: it may hang, or pester a person."""


class Locksmith:
    """Unlocks one ring. For a thread, one call at a time."""

    def __init__(self, ring: LockableKeySource, clock: Callable[[], float] = time.monotonic) -> None:
        """Args: clock: seconds, never set back."""
        self._ring = ring
        self._clock = clock
        self._not_before = 0.0

    def unlock(self) -> bool:
        """Ask; returns whether keys are to be had now."""
        from actors.shared.crypto.envelope import KeyUnavailable

        if self._clock() < self._not_before:
            return False
        self._ring.unlock(make=True)
        try:
            self._ring.current()
        except KeyUnavailable:
            self._not_before = self._clock() + PAUSE_SECONDS
            return False
        return True
