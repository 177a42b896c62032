"""How the rest sees the supervisor: what it controls through it, and what it learns from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from schemas.operations.crashes import ActorCrashedEvent
from schemas.operations.supervision import ActorStatus, LogLine, SupervisorStatusEvent


class SupervisorControl(Protocol):
    """What can be asked of the supervisor."""

    def overview(self) -> SupervisorStatusEvent:
        """The state of the whole runtime."""

    def newest_lines(self, actor: str | None, limit: int) -> tuple[list[LogLine], int]:
        """The newest log lines, oldest first, and the number of older ones that were left out.

        Raises:
            Refused: there is no such actor.
        """

    def restart(self, actor: str) -> ActorStatus:
        """Stop one actor and start it again.

        Raises:
            Refused: there is no such actor, or the runtime stops.
        """

    def stop(self, reason: str) -> None:
        """Stop the whole runtime."""

    def peer_joined(self, peer: str) -> None:
        """A peer of this name has greeted the broker."""

    def say(self, text: str) -> None:
        """Keep a sentence in the supervisor's own log."""


class SupervisorObserver:
    """Learns what the supervisor does. Each method does nothing unless a subclass overrides it."""

    def changed(self, status: ActorStatus) -> None:
        """An actor changed its state."""

    def wrote(self, lines: list[LogLine]) -> None:
        """Processes wrote to their logs."""

    def crashed(self, event: ActorCrashedEvent) -> None:
        """An actor ended unexpectedly."""

    def settled(self, overview: SupervisorStatusEvent) -> None:
        """Every actor that should run is ready, or has failed for good."""

    def profile_read(self, fault: str) -> None:
        """The profile was read again; `fault` says why it does not apply, and is empty if it does."""

    def stopping(self, reason: str) -> None:
        """The whole runtime begins to stop."""


class Observers(SupervisorObserver):
    """Several observers as one. An observer that cannot be reached (its terminal is closed) is dropped."""

    def __init__(self, observers: Iterable[SupervisorObserver]) -> None:
        self._observers = list(observers)

    def changed(self, status: ActorStatus) -> None:
        """See `SupervisorObserver.changed`."""
        self._notify(lambda observer: observer.changed(status))

    def wrote(self, lines: list[LogLine]) -> None:
        """See `SupervisorObserver.wrote`."""
        self._notify(lambda observer: observer.wrote(lines))

    def crashed(self, event: ActorCrashedEvent) -> None:
        """See `SupervisorObserver.crashed`."""
        self._notify(lambda observer: observer.crashed(event))

    def settled(self, overview: SupervisorStatusEvent) -> None:
        """See `SupervisorObserver.settled`."""
        self._notify(lambda observer: observer.settled(overview))

    def profile_read(self, fault: str) -> None:
        """See `SupervisorObserver.profile_read`."""
        self._notify(lambda observer: observer.profile_read(fault))

    def stopping(self, reason: str) -> None:
        """See `SupervisorObserver.stopping`."""
        self._notify(lambda observer: observer.stopping(reason))

    def _notify(self, tell: Callable[[SupervisorObserver], None]) -> None:
        for observer in list(self._observers):
            try:
                tell(observer)
            except OSError:
                self._observers.remove(observer)
