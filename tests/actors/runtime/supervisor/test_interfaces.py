"""Observers are notified, and one that cannot be reached does not keep the others from hearing."""

from __future__ import annotations

import pytest

from actors.runtime.supervisor.interfaces import Observers, SupervisorObserver
from schemas.operations.crashes import ActorCrashedEvent
from schemas.operations.supervision import ActorStatus, LogLine, SupervisorStatusEvent


class Listener(SupervisorObserver):
    def __init__(self, error: OSError | None = None) -> None:
        self.heard: list[str] = []
        self._error = error

    def stopping(self, reason: str) -> None:
        self.heard.append(reason)
        if self._error is not None:
            raise self._error


def test_one_whose_terminal_is_closed_is_dropped_and_the_others_hear_on() -> None:
    deaf, awake = Listener(BrokenPipeError()), Listener()
    observers = Observers([deaf, awake])
    for reason in ("first", "second"):
        observers.stopping(reason)
    assert (deaf.heard, awake.heard) == (["first"], ["first", "second"])


STATUS = ActorStatus(actor="a", state="ready")


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("changed", STATUS),
        ("wrote", [LogLine(actor="a", at=1.0, text="t")]),
        ("crashed", ActorCrashedEvent(actor="a", kind="exit", at=1.0)),
        (
            "settled",
            SupervisorStatusEvent(
                version="0", profile="p", home="", pid=1, started_at=0.0, settled=True, actors=[STATUS]
            ),
        ),
        ("profile_read", "fault"),
        ("stopping", "reason"),
    ],
)
def test_each_of_several_observers_hears_everything(name: str, argument: object) -> None:
    heard: list[object] = []
    one, other = SupervisorObserver(), SupervisorObserver()
    setattr(one, name, heard.append)
    setattr(other, name, heard.append)
    getattr(Observers([one, other]), name)(argument)
    assert heard == [argument, argument]
