"""When a write is worth waiting for: a slider sends faster than anybody needs it on disk. Pure, and handed the time.

A change is written at once. Only where values of one setting overtake each other a write lingers, so that
they share it. A sender that waits for each answer before it sends the next looks the same from here, and
would be slowed down; so
lingering is tried, and goes on only as long as something comes meanwhile, which such a sender cannot do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

LINGER_SECONDS: Final = 0.05
"""A write waits so long at most."""

QUIET_SECONDS: Final = 0.02
"""It stops waiting when nothing came for so long; longer than the 16 ms between two frames of a screen."""

STREAK: Final = 8
"""So many changes of the same settings in a row make a stream."""

REST_SECONDS: Final = 0.25
"""A pause as long as this ends a stream."""

FIRST_PROBE: Final = 8
PROBE_FACTOR: Final = 4
LAST_PROBE: Final = 4096
"""After a try that brought nothing, so many writes until the next, four times as many after each."""


class Pacing:
    """Decides for each write whether it lingers."""

    def __init__(self) -> None:
        self._paths: frozenset[str] = frozenset()
        self._last = float("-inf")
        self._streak = 0
        self._pays = False
        self._writes_until_probe = 0
        self._probe_interval = FIRST_PROBE

    def changed(self, paths: Iterable[str], now: float) -> None:
        """Some settings changed; `now` is in monotonic seconds."""
        found = frozenset(paths)
        if now - self._last > REST_SECONDS or found != self._paths:
            self._rest()
        self._streak += 1
        self._paths, self._last = found, now

    def linger_seconds(self) -> float:
        """How long the write that is due waits at most; 0: not at all."""
        if self._streak < STREAK:
            return 0.0
        if self._pays:
            return LINGER_SECONDS
        self._writes_until_probe -= 1
        return LINGER_SECONDS if self._writes_until_probe < 0 else 0.0

    def lingered(self, gathered: int) -> None:
        """A write waited, and so many changes came meanwhile."""
        self._pays = gathered > 0
        if self._pays:
            self._probe_interval = FIRST_PROBE
        else:
            self._writes_until_probe = self._probe_interval
            self._probe_interval = min(self._probe_interval * PROBE_FACTOR, LAST_PROBE)

    def _rest(self) -> None:
        self._streak = 0
        self._pays = False
        self._writes_until_probe = 0
        self._probe_interval = FIRST_PROBE
