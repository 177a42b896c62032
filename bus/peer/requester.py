"""What a peer has asked the broker and not heard about yet: requests, snapshots, replays. Each ends exactly once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from bus import wire
from bus.errors import FailureKind
from bus.wire import Frame

Answer: TypeAlias = wire.Reply | wire.Snapshotted | wire.Replayed | wire.Failed
Settle: TypeAlias = Callable[[Answer, list[bytes]], None]
"""Takes the answer and its body frames; a failure is an answer as well."""


class Asking:
    """Questions under way, by id."""

    def __init__(self, send: Callable[[list[Frame]], None]) -> None:
        self.asked = 0
        self._send = send
        self._settles: dict[int, Settle] = {}

    def __len__(self) -> int:
        return len(self._settles)

    def begin(self, make_header: Callable[[int], wire.LaneHeader], settle: Settle, *body: Frame) -> int:
        """Ask; `settle` is called with the answer, once. Returns the id of the question."""
        self.asked += 1
        id = self.asked
        self._settles[id] = settle
        self._send(wire.lane_frames(make_header(id), *body))
        return id

    def settle(self, answer: Answer, body: list[bytes]) -> bool:
        """An answer came in; whether anybody had asked for it."""
        settle = self._settles.pop(answer.id, None)
        if settle is None:
            return False
        settle(answer, body)
        return True

    def fail(self, id: int, kind: FailureKind, message: str) -> None:
        """Settle one question as failed, unless it has been answered."""
        self.settle(wire.Failed(id, kind, message), [])

    def forget(self, id: int) -> bool:
        """Nobody waits for this answer any more; whether it was still open."""
        return self._settles.pop(id, None) is not None

    def fail_all(self, kind: FailureKind, message: str) -> None:
        """The connection that would have brought the answers is gone."""
        for id in list(self._settles):
            self.fail(id, kind, message)
