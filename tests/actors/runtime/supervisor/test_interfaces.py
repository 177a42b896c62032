"""Watchers are told, and a deaf one does not keep the others from hearing."""

from __future__ import annotations

from actors.runtime.supervisor.interfaces import Audience
from schemas.operations.supervision import ActorStatus, LogLine, SupervisorStatusEvent


class Listener:
    def __init__(self, error: OSError | None = None) -> None:
        self.heard: list[str] = []
        self._error = error

    def changed(self, status: ActorStatus) -> None: ...
    def wrote(self, lines: list[LogLine]) -> None: ...
    def settled(self, overview: SupervisorStatusEvent) -> None: ...
    def stopping(self, reason: str) -> None:
        self.heard.append(reason)
        if self._error is not None:
            raise self._error


def test_one_whose_terminal_is_closed_is_told_nothing_more_and_the_others_hear_on() -> None:
    deaf, awake = Listener(BrokenPipeError()), Listener()
    audience = Audience([deaf, awake])
    for reason in ("first", "second"):
        audience.tell(lambda watcher, reason=reason: watcher.stopping(reason))  # type: ignore[misc]
    assert (deaf.heard, awake.heard) == (["first"], ["first", "second"])
