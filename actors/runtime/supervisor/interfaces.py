"""What others may see of the supervisor and ask of it: the bus face and the terminal know no more than this."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from schemas.operations.supervision import ActorStatus, LogLine, SupervisorStatusEvent


class Board(Protocol):
    """The supervisor as seen from outside."""

    def overview(self) -> SupervisorStatusEvent:
        """How the whole runtime fares."""

    def newest_lines(self, actor: str | None, limit: int) -> tuple[list[LogLine], int]:
        """The newest log lines, oldest first, and how many older ones there were.

        Raises:
            Refused: there is no such actor.
        """

    def ask_restart(self, actor: str) -> ActorStatus:
        """Have one actor stopped and started again.

        Raises:
            Refused: there is no such actor, or the runtime stops.
        """

    def ask_stop(self, reason: str) -> None:
        """Have everything stopped in good order."""

    def greeted(self, peer: str) -> None:
        """A peer of this name has greeted the broker."""


class Watcher(Protocol):
    """Is told what changes."""

    def changed(self, status: ActorStatus) -> None:
        """An actor is in another state."""

    def wrote(self, lines: list[LogLine]) -> None:
        """Processes wrote to their logs."""

    def settled(self, overview: SupervisorStatusEvent) -> None:
        """Every actor that should run is ready, or has failed for good."""

    def stopping(self, reason: str) -> None:
        """The end has begun."""


class Audience:
    """All watchers. One that can be told nothing more (its terminal or its pipe is closed) is told nothing more."""

    def __init__(self, watchers: Iterable[Watcher]) -> None:
        self._watchers = list(watchers)

    def tell(self, word: Callable[[Watcher], None]) -> None:
        """Have a word with each."""
        for watcher in list(self._watchers):
            try:
                word(watcher)
            except OSError:
                self._watchers.remove(watcher)
