"""Every verdict is one sentence, and what needs none gets none."""

from __future__ import annotations

import pytest

from actors.runtime.supervisor.core.child_spec import ChildSpec
from actors.runtime.supervisor.core.child_state import ChildState
from actors.runtime.supervisor.core.supervision_events import (
    BecameReady,
    DumpStacks,
    Effect,
    MemoryMeasured,
    PublishStatus,
    SendStop,
    Started,
    Ticked,
)
from actors.runtime.supervisor.core.supervision_policy import SupervisionPolicy
from actors.runtime.supervisor.reports.verdicts import closing_words, end_in_words, verdict_on
from schemas.operations.crashes import CrashKind
from schemas.operations.supervision import ActorEnd

SPEC = ChildSpec(name="a", entry="m:build", memory_limit_mib=200, start_timeout_seconds=3.0)


class Played:
    """A policy with one child, and the verdicts on what it decided."""

    def __init__(self, spec: ChildSpec = SPEC) -> None:
        self.policy = SupervisionPolicy([spec], 0.0)
        self.verdicts: list[str] = []
        self.now = 0.0

    def take(self, *events: object, seconds: float = 0.0) -> None:
        self.now += seconds
        for event in events:
            effects: list[Effect] = self.policy.handle(event, self.now)  # type: ignore[arg-type]
            self.verdicts += [words for effect in effects if (words := verdict_on(effect, self.child))]

    @property
    def child(self) -> ChildState:
        return self.policy.children["a"]

    def ready(self) -> None:
        self.take(Ticked(), Started("a", 7), BecameReady("a"))


def test_a_start_and_an_orderly_life_need_no_words() -> None:
    played = Played()
    played.ready()
    assert played.verdicts == []
    assert verdict_on(DumpStacks("a"), played.child) == ""
    assert verdict_on(SendStop("a", returning=True), played.child) == ""
    assert verdict_on(PublishStatus("a"), played.child) == ""


def test_a_child_that_is_not_ready_in_time() -> None:
    played = Played()
    played.take(Ticked(), Started("a", 7))
    played.take(Ticked(), seconds=3.0)
    assert played.verdicts == ["not ready within 3 s; it is killed"]


def test_a_child_that_hangs() -> None:
    played = Played()
    played.ready()
    for _ in range(8):
        played.take(Ticked(), seconds=2.0)
    assert played.verdicts[0] == "hung: no answer to a ping for 10 s; it is killed"
    assert len(played.verdicts) == 1


def test_a_child_that_takes_too_much_memory_and_does_not_go() -> None:
    played = Played()
    played.ready()
    played.take(MemoryMeasured("a", 1184.0))
    for _ in range(3):
        played.take(Ticked(), seconds=1.0)
    assert played.verdicts == [
        "1184 MiB of memory, limit is 200 MiB; it is asked to stop",
        "does not end when asked; it is killed",
    ]


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (
            ActorEnd(at=0.0, kind="refused", reason="exit code 1", words="no disk"),
            "refused to start",
        ),
        (ActorEnd(at=0.0, kind="hang", reason="hung: no answer"), "hung: no answer"),
        (ActorEnd(at=0.0, kind="fatal_signal", reason="killed by SIGSEGV"), "crashed in native code"),
    ],
)
def test_an_end_in_words(end: ActorEnd, words: str) -> None:
    found = end_in_words(end)
    assert found.startswith(words)
    assert end.reason in found
    assert end.words in found


@pytest.mark.parametrize(
    ("output", "kind", "words"),
    [
        ("starting\nthe disk is read-only\n\n", "refused", "the disk is read-only"),
        ("Traceback (most recent call last):\n  x\nValueError: no good", "exception", "ValueError: no good"),
        (
            "Traceback\n    +-+---------------- 1 ----------------\n"
            "      | ValueError: in a group\n      +------------------------------------\n",
            "exception",
            "ValueError: in a group",
        ),
        ("something that a person said", "exit", ""),
        ("something that a person said", "hang", ""),
        ("", "refused", ""),
    ],
)
def test_only_an_end_that_explains_itself_has_closing_words(output: str, kind: CrashKind, words: str) -> None:
    assert closing_words(output, kind) == words
