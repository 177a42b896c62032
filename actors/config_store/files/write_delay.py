"""Decides how long a write waits for more changes: a slider sends faster than anybody needs it on disk. Pure.

A single change is written at once. If values of the same settings follow each other quickly, a write waits a
little, so that they share it. A client that waits for each reply looks the same from here, and waiting would
only slow it down. So waiting is tried, and continues only while other changes arrive meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

DELAY_SECONDS: Final = 0.05
"""Longest wait of a write."""

QUIET_SECONDS: Final = 0.02
"""A wait ends early if nothing arrives for this long. Two frames of a screen are 16 ms apart."""

STREAM_LENGTH: Final = 8
"""This many changes of the same settings in a row are a stream."""

REST_SECONDS: Final = 0.25
"""A pause of this length ends a stream."""

FIRST_PROBE: Final = 8
PROBE_FACTOR: Final = 4
LAST_PROBE: Final = 4096
"""After a wait that gathered nothing: writes until the next try; four times as many after each."""


class WriteDelay:
    """Decides for each write whether it waits."""

    def __init__(self) -> None:
        self._paths: frozenset[str] = frozenset()
        self._last = float("-inf")
        self._length = 0
        self._is_useful = False
        self._writes_until_probe = 0
        self._probe_interval = FIRST_PROBE

    def changed(self, paths: Iterable[str], now: float) -> None:
        """Some settings changed.

        Args:
            paths: dotted paths of the settings.
            now: monotonic seconds.
        """
        found = frozenset(paths)
        if now - self._last > REST_SECONDS or found != self._paths:
            self._end_stream()
        self._length += 1
        self._paths, self._last = found, now

    def seconds(self) -> float:
        """How long the write that is due waits at most; 0: not at all."""
        if self._length < STREAM_LENGTH:
            return 0.0
        if self._is_useful:
            return DELAY_SECONDS
        self._writes_until_probe -= 1
        return DELAY_SECONDS if self._writes_until_probe < 0 else 0.0

    def waited(self, gathered: int) -> None:
        """A write waited.

        Args:
            gathered: the number of changes that arrived meanwhile.
        """
        self._is_useful = gathered > 0
        if self._is_useful:
            self._probe_interval = FIRST_PROBE
        else:
            self._writes_until_probe = self._probe_interval
            self._probe_interval = min(self._probe_interval * PROBE_FACTOR, LAST_PROBE)

    def _end_stream(self) -> None:
        self._length = 0
        self._is_useful = False
        self._writes_until_probe = 0
        self._probe_interval = FIRST_PROBE
