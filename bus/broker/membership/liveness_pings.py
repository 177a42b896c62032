"""Pings by which the supervisor learns whether a program answers, which has no lifeline. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

import msgspec

ASKED_AT_MOST: Final = 4096


class LivenessPing(msgspec.Struct, frozen=True, kw_only=True):
    """A question of the supervisor about a peer, and its answer.

    Attributes:
        peer: name of the peer.
        number: of the question.
    """

    peer: str
    number: int


class LivenessPings:
    """Which questions wait for the PONG of a peer.

    Attributes:
        answered: those whose answer the supervisor has not been told yet.
    """

    def __init__(self) -> None:
        self.answered: list[LivenessPing] = []
        self._asked: dict[str, tuple[int, LivenessPing]] = {}

    def ask(self, ping: LivenessPing, *, is_connected: bool) -> int:
        """Take a question; returns the id of the PING to send, 0 for none.

        A peer that is not connected cannot be asked. That is no sign of a hang, so it counts as answered.
        """
        if not is_connected:
            self._asked.pop(ping.peer, None)
            self.answered.append(ping)
            return 0
        id = secrets.randbits(47) + 1
        if len(self._asked) >= ASKED_AT_MOST and ping.peer not in self._asked:
            self._asked.clear()  # the supervisor asks again
        self._asked[ping.peer] = (id, ping)
        return id

    def pong(self, peer: str, id: int) -> None:
        """A peer answered a PING."""
        asked = self._asked.get(peer)
        if asked is not None and asked[0] == id:
            del self._asked[peer]
            self.answered.append(asked[1])

    def left(self, peer: str) -> None:
        """A peer is gone: nobody waits for its answer."""
        if (asked := self._asked.pop(peer, None)) is not None:
            self.answered.append(asked[1])

    def take_answered(self) -> Sequence[LivenessPing]:
        """What the supervisor is to be told. Asked at every turn of the broker, so nothing costs nothing."""
        if not self.answered:
            return ()
        taken, self.answered = self.answered, []
        return taken
