"""The newest event of each key, in the order in which they were published. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final, TypeAlias

from bus.broker.log.logged_run import LoggedRun
from bus.errors import ProtocolError

RETAINED_LIMIT_KEYS: Final = 16_384
RETAINED_LIMIT_BYTES: Final = 64 * 1024 * 1024

RetainedKey: TypeAlias = tuple[str, str]
"""Topic and key."""


class RetainedEvents:
    """What late subscribers get.

    Attributes:
        size_bytes: what all of them hold.
    """

    def __init__(self) -> None:
        self.size_bytes = 0
        self._by_key: dict[RetainedKey, LoggedRun] = {}
        self._by_sequence: dict[int, LoggedRun] = {}
        self._sequences: list[int] = []

    def __len__(self) -> int:
        return len(self._by_key)

    def check_room(self, key: RetainedKey, size_bytes: int) -> None:
        """Check that an event of this size can be retained.

        Raises:
            ProtocolError: reason `retained_full`.
        """
        former = self._by_key.get(key)
        if former is None and len(self) >= RETAINED_LIMIT_KEYS:
            raise ProtocolError(
                "retained_full",
                f"{len(self)} events are retained; there is no room for {key[0]} {key[1]!r}",
            )
        if self.size_bytes - (former.size_bytes if former else 0) + size_bytes > RETAINED_LIMIT_BYTES:
            raise ProtocolError(
                "retained_full",
                f"retained events hold {RETAINED_LIMIT_BYTES} bytes at most; {key[0]} {key[1]!r} is too much",
            )

    def put(self, key: RetainedKey, run: LoggedRun) -> None:
        """Retain the newest run, in place of the former one of this key."""
        self.withdraw(key)
        self._by_key[key] = self._by_sequence[run.sequence] = run
        self._sequences.append(run.sequence)
        self.size_bytes += run.size_bytes

    def withdraw(self, key: RetainedKey) -> LoggedRun | None:
        """Retain nothing under this key; returns what was retained."""
        former = self._by_key.pop(key, None)
        if former is not None:
            self.size_bytes -= former.size_bytes
            del self._by_sequence[former.sequence]
            del self._sequences[bisect_left(self._sequences, former.sequence)]
        return former

    def after(self, sequence: int) -> Iterator[LoggedRun]:
        """The runs beyond this place in the order, in order."""
        for place in range(bisect_right(self._sequences, sequence), len(self._sequences)):
            yield self._by_sequence[self._sequences[place]]
