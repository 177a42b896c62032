"""Brings a reply and the events of its server together, so that no older state replaces a newer. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from undercroft_client.ordering import Run

RETRY_KINDS: Final = frozenset({"restarting", "no_responder", "died", "deadline", "busy"})
"""Failures after which a server that has answered once is asked again."""

RETRY_SECONDS: Final = 0.5
JOINED_TOPIC: Final = "bus.peer_joined"


@dataclass(frozen=True, slots=True)
class Place:
    """As of when a reply holds, and who made it."""

    epoch: str = ""
    sequence: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class Followed:
    """What `ask_then_follow` hands on.

    Attributes:
        kind: a `reply` replaces everything that was handed on before; an `event` is to be merged into it.
        event: the reply or the event.
    """

    kind: Literal["reply", "event"]
    event: Any


@dataclass(frozen=True, slots=True)
class Came:
    """An event that came over the feed. `sequence`: its place in the one order."""

    topic: str
    run: Run
    sequence: int
    event: Any


class ReplyMerge:
    """Tells which events a reply contains, and when to ask again.

    Attributes:
        is_asking: a reply is awaited; events have to wait until it is there.
    """

    def __init__(self, wants: Callable[[str], bool]) -> None:
        self.is_asking = False
        self._wants = wants
        self._ask_due: float | None = 0.0
        self._place: Place | None = None
        self._over: frozenset[str] = frozenset()

    def is_due(self, now: float) -> bool:
        """Whether the server is to be asked now, for the first time or again."""
        return not self.is_asking and self._ask_due is not None and now >= self._ask_due

    def asked(self) -> None:
        """The request is on its way."""
        self.is_asking, self._ask_due = True, None

    def replied(self, place: Place, reply: Any, over: Iterable[str]) -> Followed:
        """The server replied. `over`: epochs that were before that of the reply."""
        self._place, self._over, self.is_asking = place, frozenset(over), False
        return Followed("reply", reply)

    def failed(self, kind: str, now: float) -> bool:
        """There is no reply. Returns whether to go on: a server that replied once is asked again."""
        self.is_asking = False
        self._ask_due = now + RETRY_SECONDS
        return self._place is not None and kind in RETRY_KINDS

    def heard(self, came: Came) -> Followed | None:
        """An event came, and no reply is awaited; None: the reply contains it, or it is not for the user."""
        assert self._place is not None
        if self._is_before(came):
            if came.run.source == self._place.source:
                return None
        elif came.topic == JOINED_TOPIC and _name_in(came.event) == self._place.source:
            self._ask_due = 0.0  # the server has joined anew; what it knew before may be gone
        return Followed("event", came.event) if self._wants(came.topic) else None

    def lost(self) -> None:
        """Events are missing: only a fresh reply shows the state."""
        self._ask_due = 0.0

    def _is_before(self, came: Came) -> bool:
        """Whether the reply holds as of a later place than that of the event."""
        assert self._place is not None
        if came.run.epoch == self._place.epoch:
            return came.sequence <= self._place.sequence
        return came.run.epoch in self._over


def _name_in(joined: Any) -> Any:
    """Which peer joined, says the event."""
    return joined.get("peer") if isinstance(joined, dict) else getattr(joined, "peer", None)
